"""What a network is made of."""

from marslab.layers.dual_ssm import DualSSM
from marslab.layers.fixed_decay import FixedDecay
from marslab.layers.gated_block import GatedBlock
from marslab.layers.linear_recurrence import LinearRecurrence
from marslab.layers.min_gru import MinGRU
from marslab.layers.rates import RateInit
from marslab.layers.selective_ssm import SelectiveSSM

__all__ = [
    "DualSSM",
    "FixedDecay",
    "GatedBlock",
    "LinearRecurrence",
    "MinGRU",
    "RateInit",
    "SelectiveSSM",
]
