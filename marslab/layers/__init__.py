"""What a network is made of."""

from marslab.layers.block_config import BlockConfig
from marslab.layers.dual_ssm import DualSSM
from marslab.layers.fixed_decay import FixedDecay
from marslab.layers.gated_block import GatedBlock
from marslab.layers.linear_recurrence import LinearRecurrence
from marslab.layers.memory_injection import MemoryInjection
from marslab.layers.min_gru import MinGRU
from marslab.layers.mole import MoLE
from marslab.layers.novelty_gate import NoveltyGate
from marslab.layers.omega import Omega
from marslab.layers.rates import RateInit
from marslab.layers.rope import rope
from marslab.layers.running_mean import running_mean
from marslab.layers.selective_ssm import SelectiveSSM
from marslab.layers.tars_block import TarsBlock
from marslab.layers.vector_quantizer import VectorQuantizer
from marslab.layers.wave_merge import WaveMerge
from marslab.layers.wuneng import WuNengCore

__all__ = [
    "BlockConfig",
    "DualSSM",
    "FixedDecay",
    "GatedBlock",
    "LinearRecurrence",
    "MemoryInjection",
    "MinGRU",
    "MoLE",
    "NoveltyGate",
    "Omega",
    "RateInit",
    "SelectiveSSM",
    "TarsBlock",
    "VectorQuantizer",
    "WaveMerge",
    "WuNengCore",
    "rope",
    "running_mean",
]
