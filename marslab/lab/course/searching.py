"""The smallest case that makes a function fail.

Cases are drawn at random, small ones first. When one fails, its axes are made shorter; then its
numbers are made simple.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Generic

from marslab.lab.course.drawing import Dice, Draw
from marslab.lab.course.simplifying import Cases, Failure, Probe, simplified

# So many cases whose sizes are at most so large: what is found among small ones stays small.
# The very first case is the simplest of all.
ROUNDS = ((1, 1), (14, 2), (20, 3), (25, 1000))
AGAIN = 20  # cases of each attempt to make one axis shorter


@dataclass(frozen=True)
class Result(Generic[Failure]):
    """What a search found."""

    failure: Failure | None  # what `probe` said to the smallest case that it refused
    passed: int  # cases before that
    steady: bool = True  # False: the same case was refused once and then passed


@dataclass(frozen=True)
class _Found(Generic[Failure]):
    """A case that fails."""

    args: tuple[Any, ...]
    failure: Failure
    sizes: tuple[tuple[int, int], ...]  # the least that each may be, and what was drawn

    @property
    def limits(self) -> list[int]:
        return [drawn for _, drawn in self.sizes]


def search(cases: Cases, probe: Probe[Failure]) -> Result[Failure]:
    """Try many cases, look for a small one that fails; the same one for the same arguments."""
    numbers, passed = Random(0), 0
    for number, most in ROUNDS:
        dice = Dice(numbers if passed else None)
        found, tried = _rolled(cases, probe, dice, number, most)
        passed += tried
        if found is None:
            continue
        if probe(found.args) is None:
            return Result(found.failure, passed, steady=False)
        if not passed:
            return Result(found.failure, passed)
        shorter = _shortened(cases, probe, found)
        simple = simplified(cases, probe, shorter.limits)
        return Result(shorter.failure if simple is None else simple, passed)
    return Result(None, passed)


def _rolled(
    cases: Cases,
    probe: Probe[Failure],
    dice: Dice,
    number: int,
    most: int,
    limits: Sequence[int] = (),
) -> tuple[_Found[Failure] | None, int]:
    """The first of so many cases that fails, and how many passed before it."""
    for tried in range(number):
        draw = Draw(dice, most, limits)
        args = cases(draw)
        failure = probe(args)
        if failure is not None:
            return _Found(args, failure, tuple(draw.sizes)), tried
    return None, number


def _shortened(cases: Cases, probe: Probe[Failure], found: _Found[Failure]) -> _Found[Failure]:
    """A case that fails with its axes as short as can be, one after the other."""
    for axis in range(len(found.sizes)):
        low, drawn = found.sizes[axis]
        for limit in range(low, drawn):
            limits = found.limits
            limits[axis] = limit
            shorter, _ = _rolled(cases, probe, Dice(Random(0)), AGAIN, max(limits), limits)
            if shorter is not None and len(shorter.sizes) == len(limits):
                found = shorter
                break
    return found
