"""The settings of a TARS block, part by part: every switch of the course is a field."""

from dataclasses import dataclass, field
from typing import Literal

EXPERTS = ("general", "analyzer", "critic", "creative", "math", "code", "memory", "action")


def positive(part: object, prefix: str, *names: str) -> None:
    """Raise a ValueError that names the first of the fields that is not positive.

    >>> positive(CoreConfig(heads=2), "core", "heads")
    """
    for name in names:
        if not getattr(part, name) > 0:
            raise ValueError(f"{prefix}.{name} must be positive, got {getattr(part, name)}")


@dataclass(frozen=True)
class CoreConfig:
    """The two streams of WuNeng: SSD and RWKV-7 side by side.

    `fusion` "gate" mixes them channel by channel, "ssd" and "wkv" keep one.

    Units:
        d_conv: steps that the convolution before SSD sees
        d_state: N of the SSD stream; keys and values of a WKV head have d_model / heads each
    """

    enabled: bool = True
    fusion: Literal["gate", "ssd", "wkv"] = "gate"
    heads: int = 4
    d_state: int = 16
    d_conv: int = 4
    rope: bool = True
    rope_base: float = 1e6

    def __post_init__(self) -> None:
        positive(self, "core", "heads", "d_state", "d_conv", "rope_base")


@dataclass(frozen=True)
class OmegaConfig:
    """Cayley rotation of the first `n` dims, and a vector quantiser beside it.

    `rank` r lets it turn 2 r dims at a time, as exact and much cheaper; None is the full matrix.
    `recurrent` makes it h_t = G h_{t-1} + B x_t, the form whose gradients G really keeps; it has
    no rank.
    """

    enabled: bool = True
    n: int = 32
    rank: int | None = None
    recurrent: bool = False
    vq: bool = True
    codes: int = 256
    code_dim: int = 64
    shared: bool = True  # one for all waves

    def __post_init__(self) -> None:
        positive(self, "omega", "n", "codes", "code_dim")


@dataclass(frozen=True)
class MoleConfig:
    """LoRA experts behind a router that looks at the causal mean.

    Units:
        temperature: of the router's scores at the start; it is learned
        jitter: half the width of the factor that training multiplies the scores with
    """

    enabled: bool = True
    experts: tuple[str, ...] = EXPERTS
    added: tuple[str, ...] = ()  # experts that came to a trained model later
    rank: int = 8
    alpha: float = 16.0
    top_k: int = 2
    temperature: float = 0.1
    jitter: float = 0.01

    def __post_init__(self) -> None:
        positive(self, "mole", "rank", "alpha", "top_k", "temperature")
        if len(self.experts) < self.top_k or len(set(self.experts)) != len(self.experts):
            raise ValueError(
                f"mole.experts must be at least top_k = {self.top_k} different names, "
                f"got {list(self.experts)}"
            )


@dataclass(frozen=True)
class NoveltyConfig:
    """What is new in a block's result. Below `cut` the block is passed over, in eval mode only."""

    enabled: bool = True
    cut: float = 0.2


@dataclass(frozen=True)
class InjectionConfig:
    """How memory_vec enters: by need ("dynamic"), always alike ("static"), or not ("none")."""

    mode: Literal["dynamic", "static", "none"] = "dynamic"
    shared: bool = True  # one for all waves


@dataclass(frozen=True)
class BlockConfig:
    """All parts of a block, in the order in which they run.

    >>> BlockConfig().mole.top_k
    2
    """

    core: CoreConfig = field(default_factory=CoreConfig)
    rag: bool = True
    omega: OmegaConfig = field(default_factory=OmegaConfig)
    mole: MoleConfig = field(default_factory=MoleConfig)
    novelty: NoveltyConfig = field(default_factory=NoveltyConfig)
    injection: InjectionConfig = field(default_factory=InjectionConfig)
