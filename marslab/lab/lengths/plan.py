"""What is measured: layers of one width, two models of one size, and two that learn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from marslab.lab.sources import digest
from marslab.layers.mars_block import MarsBlockConfig

MARS, RIVAL = "mars", "transformer"
DOUBLINGS = (512, 1024, 2048, 4096, 8192, 16384, 32768)
SELECTIVE = ("ssd", "s6", "fft")
WRITTEN_OUT, FUSED = "attention", "fused attention"
LAYERS: dict[str, tuple[int, ...]] = {kind: DOUBLINGS for kind in (*SELECTIVE, WRITTEN_OUT, FUSED)}
LAYERS[WRITTEN_OUT] = DOUBLINGS[:5]  # at 8,192 its weights are a gigabyte for four heads
CODE = (
    "marslab.kernels.ssd",
    "marslab.kernels.selective_scan",
    "marslab.kernels.circular",
    "marslab.layers.attention",
    "marslab.layers.gated_block",
    "marslab.layers.mars_block",
    "marslab.layers.mars_cores",
    "marslab.layers.rope",
)


@dataclass(frozen=True)
class Stack:
    """Some blocks of one kind and width, the body of a model.

    Units:
        lr: the largest learning rate, where the stack learns; of 3e-3, 6e-3 and 1e-2 the one that
            brought the lowest held-out loss, for both kinds, on a seed that is not measured
    """

    d_model: int
    layers: int
    block: MarsBlockConfig
    lr: float = 6e-3


def _printed() -> dict[str, Stack]:
    """MARS v4 as printed, and half as many blocks of a Transformer with heads of 64 columns."""
    ours = MarsBlockConfig(d_state=16, heads=16, expand=2)
    return {
        MARS: Stack(512, 6, ours),
        RIVAL: Stack(512, 3, MarsBlockConfig("attention", heads=8, expand=4)),
    }


def _learners() -> dict[str, Stack]:
    return {
        MARS: Stack(64, 2, MarsBlockConfig(d_state=8, heads=4, expand=2)),
        RIVAL: Stack(64, 1, MarsBlockConfig("attention", heads=4, expand=5)),
    }


@dataclass(frozen=True)
class LengthsPlan:
    """Sizes, lengths and rounds of everything.

    Units:
        width, heads, states: of each single layer
        layers: lengths by kind of layer; kept: lengths at which bytes for the gradient are counted
        reads: steps that a model reads at once; contexts: steps that it has read before one more
        rows: sequences side by side in decoding; steps: timed steps at each context
        rounds: times that everything else is timed, by turns
        slow: seconds from which a first call is not repeated
        epochs, batch, seeds: of the learners; each has its own lr

    Errors:
        ValueError: a number is out of its range

    >>> LengthsPlan(rounds=0)
    Traceback (most recent call last):
    ValueError: rounds must be positive, got 0
    """

    width: int = 32
    heads: int = 4
    states: int = 16
    layers: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: dict(LAYERS))
    kept: tuple[int, ...] = (1024, 2048, 4096)
    models: Mapping[str, Stack] = field(default_factory=_printed)
    reads: tuple[int, ...] = (512, 2048, 8192, 32768)
    contexts: tuple[int, ...] = (512, 2048, 8192, 32768)
    rows: tuple[int, ...] = (1, 8)
    steps: int = 24
    rounds: int = 5
    slow: float = 5.0
    learners: Mapping[str, Stack] = field(default_factory=_learners)
    epochs: int = 12
    batch: int = 64
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        for name in ("width", "heads", "states", "steps", "rounds", "slow", "epochs", "batch"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("kept", "reads", "contexts", "rows", "seeds"):
            if not getattr(self, name):
                raise ValueError(f"{name} must name at least one number")
        if set(self.models) != {MARS, RIVAL} or set(self.learners) != {MARS, RIVAL}:
            raise ValueError(f"models and learners must each have a {MARS} and a {RIVAL}")


def code() -> str:
    """The digest of the code that was timed.

    >>> len(code())
    16
    """
    return digest(CODE)


def quick() -> LengthsPlan:
    """Everything once at tiny sizes, to see that all of it runs.

    >>> quick().seeds
    (0,)
    """
    small = {
        MARS: Stack(32, 2, MarsBlockConfig(d_state=8, heads=2, expand=2)),
        RIVAL: Stack(32, 1, MarsBlockConfig("attention", heads=2, expand=5)),
    }
    return LengthsPlan(
        layers={kind: (128, 256, 512) for kind in LAYERS},
        kept=(128, 256),
        models=small,
        reads=(64, 128),
        contexts=(64, 128),
        rows=(1, 2),
        steps=4,
        rounds=2,
        learners=small,
        epochs=1,
        seeds=(0,),
    )
