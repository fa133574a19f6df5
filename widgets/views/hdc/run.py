"""Store the pairs, ask for one, and measure what theory says beside it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from marslab.memory.hdc import (
    StoredPairs,
    band,
    capacity,
    cleanup,
    expected_accuracy,
    measured_accuracy,
    rejection_cosine,
    seeded,
    store_pairs,
)
from marslab.memory.hdc.cleanup import cosines
from marslab.widgets.figures import Recall
from marslab.widgets.frame import Say
from marslab.widgets.views.hdc.setup import FLIPS, HdcSetup

TRIALS = 25  # memories behind the confusion matrix
QUERIES = 240  # about as many are asked for each dot of a curve
MOST_TRIALS = 24
ANOTHER, NONE = "another", "none"


class Asked(NamedTuple):
    """What one question to one memory gave.

    Shapes (M codes, V typed values):
        values: V names, those of the first V codes; cosines: M
        wanted, found: a code, or None if the key was never stored, or nothing is near enough

    Units:
        least: below this cosine nothing counts as found; pairs: in the vector
        expected: probability that cleanup finds the right one; room: pairs it finds 99 % of
        size: bytes of the stored vector, packed
    """

    values: list[str]
    cosines: list[float]
    wanted: int | None
    found: int | None
    least: float
    expected: float
    room: int
    size: int


class HdcResult(NamedTuple):
    """All that the view shows; what no figure has asked for yet is None.

    Shapes (P typed pairs, V typed values):
        confusion: [P, V + 2], shares; the last two are any other code and none
    """

    setup: HdcSetup
    asked: Asked
    confusion: np.ndarray | None = None
    capacity: Recall | None = None
    noise: Recall | None = None


def run(
    setup: HdcSetup,
    figure: str = "similarity",
    say: Say = lambda line: None,
    known: HdcResult | None = None,
) -> HdcResult:
    """Ask the memory of `setup`, and work out what `figure` needs beside that.

    Units:
        figure: "similarity", "confusion", "capacity" or "noise"; known: a result to go on from

    >>> found = run(HdcSetup("France: Paris", ask="France", others=0)).asked
    >>> found.values[found.found]
    'Paris'
    """
    say("Storing the pairs")
    if known is None or known.setup != setup:
        known = HdcResult(setup, _asked(setup))
    if figure not in MAKE or getattr(known, figure) is not None:
        return known
    return known._replace(**{figure: MAKE[figure](setup, say)})


def _names(setup: HdcSetup) -> list[str]:
    return list(dict.fromkeys(value for _, value in setup.typed))


def _memory(setup: HdcSetup, random: torch.Generator) -> StoredPairs:
    """One memory: typed values are the first codes, and the last key is never stored."""
    names = _names(setup)
    rest = range(len(names), setup.codes)
    values = [names.index(value) for _, value in setup.typed]
    values += [rest[at % len(rest)] for at in range(setup.others)]
    return store_pairs(
        setup.stored + 1,
        setup.codes,
        setup.dim,
        values=torch.tensor(values),
        bits=setup.precision,
        vsa=setup.vsa,
        flipped=setup.flipped,
        random=random,
    )


def _asked(setup: HdcSetup) -> Asked:
    keys = [key for key, _ in setup.typed]
    at = keys.index(setup.ask.strip()) if setup.ask.strip() in keys else None
    with seeded(setup.seed) as random:
        pairs = _memory(setup, random)
        read = pairs.read(torch.tensor([setup.stored if at is None else at]))[0]
    found = int(cleanup(read, pairs.codebook).index)
    given = {"bits": setup.precision, "vsa": setup.vsa}
    numbers = setup.dim * (2 if setup.vsa == "FHRR" else 1)
    return Asked(
        _names(setup),
        cosines(read, pairs.codebook).tolist(),
        None if at is None else int(pairs.values[at]),
        None if found < 0 else found,
        rejection_cosine(setup.codes, setup.dim, vsa=setup.vsa),
        expected_accuracy(setup.stored, setup.codes, setup.dim, flipped=setup.flipped, **given),
        capacity(setup.codes, setup.dim, **given),
        -(-numbers * setup.precision // 8),
    )


def _confusion(setup: HdcSetup, say: Say) -> np.ndarray:
    rows, known = torch.arange(len(setup.typed)), len(_names(setup))
    counts = np.zeros((len(rows), known + 2))
    with seeded(setup.seed) as random:
        for trial in range(TRIALS):
            say(f"Drawing memory {trial + 1} of {TRIALS}")
            pairs = _memory(setup, random)
            found = cleanup(pairs.read(rows), pairs.codebook).index
            column = torch.where(found < 0, known + 1, found.clamp(max=known))
            counts[rows.numpy(), column.numpy()] += 1 / TRIALS
    return counts


def _capacity(setup: HdcSetup, say: Say) -> Recall:
    room = capacity(setup.codes, setup.dim, bits=setup.precision, vsa=setup.vsa)
    most = max(5 * room, setup.stored, 20)
    most = min(most, max(1000, setup.stored))
    x = np.unique(np.geomspace(1, most, 60).round().astype(int)).tolist()
    at = np.unique(np.geomspace(max(1, most / 30), most, 8).round().astype(int)).tolist()
    return _measured(setup, x, at, [(n, setup.flipped) for n in (*x, *at)], say)


def _noise(setup: HdcSetup, say: Say) -> Recall:
    x = [step / 100 for step in range(51)]
    at = FLIPS[::2]
    return _measured(setup, x, at, [(setup.stored, share) for share in (*x, *at)], say)


def _measured(
    setup: HdcSetup,
    x: Sequence[float],
    at: Sequence[float],
    points: Sequence[tuple[int, float]],
    say: Say,
) -> Recall:
    """Theory at each of `points`, pairs and share flipped; the last ones are measured."""
    given = {"bits": setup.precision, "vsa": setup.vsa}
    shares = [
        expected_accuracy(n, setup.codes, setup.dim, flipped=flipped, **given)
        for n, flipped in points
    ]
    low, high, measured = [], [], []
    for done, (n, flipped) in enumerate(points[len(x) :]):
        say(f"Measuring dot {done + 1} of {len(at)}")
        trials = min(MOST_TRIALS, -(-QUERIES // n))
        edges = band(shares[len(x) + done], n * trials)
        low.append(edges.low)
        high.append(edges.high)
        found = measured_accuracy(
            n, setup.codes, setup.dim, flipped=flipped, trials=trials, seed=setup.seed, **given
        )
        measured.append(found)
    return Recall(x, shares[: len(x)], at, low, high, measured)


MAKE = {"confusion": _confusion, "capacity": _capacity, "noise": _noise}
