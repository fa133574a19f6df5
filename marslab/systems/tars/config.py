"""All settings of TARS; every switch that the course talks about is a field."""

from dataclasses import dataclass, field
from typing import Literal

from marslab.layers.block_config import BlockConfig, positive
from marslab.systems.tars.reflex import ReflexConfig
from marslab.thinking.idme_config import IdmeConfig


@dataclass(frozen=True)
class WavesConfig:
    """How blocks stand together.

    `layout` "sequence" runs the same blocks one after the other, without a merge: the comparison of
    equal parameters. `tied` passes `count` times through one wave, which makes a true iteration.
    """

    count: int = 6
    tied: bool = False
    correction: bool = True
    layout: Literal["parallel", "sequence"] = "parallel"

    def __post_init__(self) -> None:
        positive(self, "waves", "count")


@dataclass(frozen=True)
class ThoughtConfig:
    """What passes between waves: the memory vector.

    `readout` adds from_memory_space(memory) before the head.
    """

    memory_dim: int = 384
    spine: bool = True
    chain: bool = True
    readout: bool = True

    def __post_init__(self) -> None:
        positive(self, "thought", "memory_dim")


@dataclass(frozen=True)
class IdmePart:
    """The matrix pool behind the waves; `rank` None gives its blocks full matrices.

    Units:
        unroll: differentiable rounds in the phases of training that teach the pool
    """

    enabled: bool = True
    blocks: int = 48
    rank: int | None = 16
    unroll: int = 2
    query: IdmeConfig = field(default_factory=IdmeConfig)

    def __post_init__(self) -> None:
        positive(self, "idme", "blocks", "unroll")


@dataclass(frozen=True)
class DraftConfig:
    """The head that proposes bytes for speculative decoding."""

    enabled: bool = True
    hidden: int = 512
    length: int = 4

    def __post_init__(self) -> None:
        positive(self, "draft", "hidden", "length")


@dataclass(frozen=True)
class ExitConfig:
    """When a thought ends; `by_complexity` lets the reflex set how many waves it may take at most.

    Units:
        entropy: nats, below which the entropy rule stops
        small_step: relative step, below which thought has come to rest
        halting: probability, above which the learned head stops
    """

    rule: Literal["fixed", "auditor", "entropy", "halting", "small_step"] = "halting"
    thresholds: Literal["ours", "printed"] = "ours"
    entropy: float = 0.1
    small_step: float = 1e-3
    halting: float = 0.9
    by_complexity: bool = True


@dataclass(frozen=True)
class LossConfig:
    """Weights of what is optimised beside the next byte.

    Units:
        early: weight of the first wave's loss beside the last one's; in between it grows evenly
    """

    early: float = 0.2
    balance: float = 0.01
    router_z: float = 0.001
    vq: float = 0.1
    draft: float = 0.1
    halting: float = 0.05
    pool: float = 1.0
    value: float = 0.1
    domain: float = 0.05


@dataclass(frozen=True)
class TarsConfig:
    """All settings of TarsLM and what stands around it.

    >>> TarsConfig(d_model=30)
    Traceback (most recent call last):
    ValueError: d_model must be a multiple of 2 * block.core.heads = 8, got 30
    """

    d_model: int = 128
    tokenizer: Literal["cp1251", "utf8"] = "cp1251"
    block: BlockConfig = field(default_factory=BlockConfig)
    waves: WavesConfig = field(default_factory=WavesConfig)
    thought: ThoughtConfig = field(default_factory=ThoughtConfig)
    idme: IdmePart = field(default_factory=IdmePart)
    draft: DraftConfig = field(default_factory=DraftConfig)
    exits: ExitConfig = field(default_factory=ExitConfig)
    reflex: ReflexConfig = field(default_factory=ReflexConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        positive(self, "config", "d_model")
        if self.d_model % (2 * self.block.core.heads):
            raise ValueError(
                "d_model must be a multiple of 2 * block.core.heads = "
                f"{2 * self.block.core.heads}, got {self.d_model}"
            )
        if self.block.omega.enabled and self.block.omega.n > self.d_model:
            raise ValueError(
                f"block.omega.n must be at most d_model = {self.d_model}, got {self.block.omega.n}"
            )

    @property
    def vocabulary(self) -> int:
        """Ids of the tokenizer."""
        return 256 if self.tokenizer == "cp1251" else 259
