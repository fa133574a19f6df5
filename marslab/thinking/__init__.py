"""How a model decides how long to think, and what it does meanwhile."""

from marslab.thinking.auditor import AuditTrail, IntegralAuditor
from marslab.thinking.chain import Spine, ThinkingChain
from marslab.thinking.exits import (
    AuditorExit,
    EntropyExit,
    FixedDepth,
    HaltingExit,
    HaltingHead,
    Observation,
    SmallStep,
    exit_rule,
    halting_loss,
)
from marslab.thinking.idme import IDME
from marslab.thinking.idme_config import IdmeConfig
from marslab.thinking.law import relative_step
from marslab.thinking.loops import LoopDetector, printed_rule, spectrum
from marslab.thinking.meta_auditor import MetaAuditor
from marslab.thinking.mini_block import MiniBlock
from marslab.thinking.pool import MatrixPool, PoolConfig
from marslab.thinking.pool_file import merge

__all__ = [
    "IDME",
    "AuditTrail",
    "AuditorExit",
    "EntropyExit",
    "FixedDepth",
    "HaltingExit",
    "HaltingHead",
    "IdmeConfig",
    "IntegralAuditor",
    "LoopDetector",
    "MatrixPool",
    "MetaAuditor",
    "MiniBlock",
    "Observation",
    "PoolConfig",
    "SmallStep",
    "Spine",
    "ThinkingChain",
    "exit_rule",
    "halting_loss",
    "merge",
    "printed_rule",
    "relative_step",
    "spectrum",
]
