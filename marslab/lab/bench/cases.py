"""What is timed: an op at a size, in a dtype, in a direction; and the goals set for it."""

from dataclasses import dataclass, field

FORWARD, BOTH = "fwd", "fwd+bwd"
SEED = 0


@dataclass(frozen=True)
class Case:
    """One row of work: an op at a size, in a dtype, forward alone or with its gradients.

    `sizes` holds a number for each letter of the op, in the order of its `work.LETTERS`.
    """

    op: str
    sizes: dict[str, int]
    dtype: str
    direction: str

    @property
    def title(self) -> str:
        """The row in words.

        >>> Case("linear_scan", {"B": 1, "L": 8, "D": 2}, "float32", "fwd").title
        'linear_scan float32 B1 L8 D2 fwd'
        """
        told = " ".join(f"{letter}{size}" for letter, size in self.sizes.items())
        return f"{self.op} {self.dtype} {told} {self.direction}"


@dataclass(frozen=True)
class Goal:
    """What ours should reach in a row: a time, or a speed beside another figure of the same row."""

    ms: float | None = None  # at most
    speed: float | None = None  # at least so many times as fast as `beside`
    beside: str = ""
    of: str = ""  # which of ours; the fastest when empty
    machine: str = ""  # part of the device's name; any when empty


@dataclass(frozen=True)
class Size:
    """A size of an op that is measured: one row for each direction."""

    numbers: tuple[int, ...]
    dtype: str = "float32"
    goals: dict[str, tuple[Goal, ...]] = field(default_factory=dict)  # by direction
    directions: tuple[str, ...] = (FORWARD, BOTH)


def on_h200(*limits: tuple[str, float] | float) -> tuple[Goal, ...]:
    """Milliseconds to reach on an H200, for the fastest of ours or for one that is named.

    >>> on_h200(0.2)[0].ms, on_h200(("triton newton", 6.0))[0].of
    (0.2, 'triton newton')
    """
    pairs = [limit if isinstance(limit, tuple) else ("", limit) for limit in limits]
    return tuple(Goal(ms=ms, of=of, machine="H200") for of, ms in pairs)


def beside(name: str, speed: float, of: str = "") -> tuple[Goal, ...]:
    """A speed to reach beside another figure of the row, on any machine."""
    return (Goal(speed=speed, beside=name, of=of),)
