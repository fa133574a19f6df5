"""What the table says: powers of the length, how many times faster and smaller, time to learn."""

from collections.abc import Mapping
from typing import NamedTuple

from marslab.lab.claims.runs.growth import exponent
from marslab.lab.lengths.plan import MARS, RIVAL
from marslab.lab.lengths.table import MODEL, LengthsTable

SPAN = 8  # the longest length over the shortest that a fit looks at: below, fixed costs weigh in
BYTES_OF_A_NUMBER = 4


class Growth(NamedTuple):
    """A power of the length, and the lengths from which to which it was fitted."""

    exponent: float
    first: int
    last: int


class Learned(NamedTuple):
    """The lowest held-out loss that every run reaches, and when each kind's runs first did.

    Units:
        loss: nats; seconds: of training, and epochs, one for each seed
    """

    loss: float
    seconds: dict[str, list[float]]
    epochs: dict[str, list[int]]


def growth(curve: Mapping[int, float]) -> Growth:
    """Fit the power of the length, by least squares of logarithms over the longest lengths.

    Errors:
        ValueError: fewer than two lengths are within SPAN of the longest

    >>> growth({64: 9.0, 1024: 1.0, 2048: 4.0, 4096: 16.0})
    Growth(exponent=2.0..., first=1024, last=4096)
    """
    last = max(curve, default=0)
    fitted = {length: value for length, value in curve.items() if length * SPAN >= last}
    if len(fitted) < 2:
        raise ValueError(f"a power needs two lengths of at least {last / SPAN:g}, got {[*fitted]}")
    return Growth(exponent(fitted), min(fitted), last)


def times_faster_reading(table: LengthsTable) -> dict[int, float]:
    """Length -> the Transformer's time for reading it at once, over MARS's."""
    return _ratio(table.curve(RIVAL, "ms", MODEL), table.curve(MARS, "ms", MODEL))


def times_faster_stepping(table: LengthsTable, rows: int) -> dict[int, float]:
    """Context -> the Transformer's time for one more step after it, over MARS's."""
    return _ratio(table.steps(RIVAL, rows), table.steps(MARS, rows))


def times_smaller(table: LengthsTable) -> dict[int, float]:
    """Context -> the Transformer's weights and cache, over MARS's weights and state, one row."""
    weights = {
        kind: BYTES_OF_A_NUMBER * count for kind, count in table.conditions["parameters"].items()
    }
    held = {
        kind: {n: weights[kind] + state for n, state in table.state(kind).items()}
        for kind in (MARS, RIVAL)
    }
    return _ratio(held[RIVAL], held[MARS])


def learned(table: LengthsTable) -> Learned:
    """How long each model learns until its held-out loss is one that all of the runs reach."""
    loss = max(min(each.losses) for each in table.lessons)
    found = Learned(loss, {}, {})
    for each in table.lessons:
        there = next(at for at, reached in enumerate(each.losses) if reached <= loss)
        found.seconds.setdefault(each.kind, []).append(each.seconds[there])
        found.epochs.setdefault(each.kind, []).append(there + 1)
    return found


def _ratio(rival: Mapping[int, float], ours: Mapping[int, float]) -> dict[int, float]:
    return {n: rival[n] / ours[n] for n in sorted(rival.keys() & ours.keys())}
