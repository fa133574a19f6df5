"""Exercises of 60_tars_walkthrough: where a thought ends, drafted bytes, and known prefixes."""

import torch
from torch import Tensor

from marslab.lab.course.content import tars_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "60_tars_walkthrough"
END, DRAFT, PREFIX = (
    recognised(*known) for known in (tars_wrong.END, tars_wrong.DRAFT, tars_wrong.PREFIX)
)


def thought_end(halting: Tensor, least: float, rounds: int) -> tuple[int, int]:
    """After how many waves a thought ends, and the tier that it is then for.

    It ends after the first wave where the head's probability is above `least`, in tier 2. Where
    none is, it ends after the last wave, and goes on to tier 3 if the pool has rounds for it.

    Shapes (W waves that it may take): halting: [W], 0..1; returns (waves, tier)
    """
    for wave, probability in enumerate(halting.tolist(), 1):
        if probability > least:
            return wave, 2
    return len(halting), 3 if rounds else 2


def standing(drafted: list[int], greedy: list[int]) -> list[int]:
    """The bytes that one check of a draft gives, at temperature 0.

    greedy[i] is what the model itself says after the first i drafted bytes; it has one more entry
    than `drafted`. Drafted bytes stand up to the first that the model would not have said; there
    the model's own byte comes instead, and the rest of the draft is void.
    """
    for at, byte in enumerate(drafted):
        if byte != greedy[at]:
            return [*drafted[:at], greedy[at]]
    return [*drafted, greedy[-1]]


def left_to_read(known: list[list[int]], wanted: list[int]) -> int:
    """How many bytes of a prompt are still to be read, if the states after `known` are kept.

    A kept state helps where all of its bytes begin the prompt; the longest such one is taken.
    """
    fits = [len(ids) for ids in known if wanted[: len(ids)] == ids]
    return len(wanted) - max(fits, default=0)


def _thought(draw: Draw, most: float, rounds: tuple[int, ...]) -> tuple[Tensor, float, int]:
    halting = draw.tensor(draw.size(6, low=2), low=0, high=most)
    return halting, draw.choice((0.5, 0.75)), draw.choice(rounds)


def _border(draw: Draw) -> tuple[Tensor, float, int]:
    least = draw.choice((0.5, 0.75))
    halting = torch.tensor([draw.choice((0.0, least)), least, 1.0], dtype=torch.float64)
    return halting, least, draw.choice((0, 8))


def _draft(draw: Draw) -> tuple[list[int], list[int]]:
    count = draw.size(4)
    drafted = [draw.integer(0, 1) for _ in range(count)]
    return drafted, [draw.integer(0, 1) for _ in range(count + 1)]


def _all_right(draw: Draw) -> tuple[list[int], list[int]]:
    drafted = [draw.integer(0, 3) for _ in range(draw.size(4))]
    return drafted, [*drafted, draw.integer(0, 3)]


def _prefixes(draw: Draw) -> tuple[list[list[int]], list[int]]:
    wanted = [draw.integer(0, 2) for _ in range(draw.size(6, low=3))]
    ends = [draw.integer(0, len(wanted) - 1) for _ in range(draw.size(3))]
    return [wanted[:end] for end in ends if end], wanted


def _strangers(draw: Draw) -> tuple[list[list[int]], list[int]]:
    known, wanted = _prefixes(draw)
    longer = [*wanted, draw.integer(0, 2)]
    other = [wanted[0] + 1, *wanted[1:]]
    return [*known, draw.choice((longer, other, wanted[1:]))], wanted


EXERCISES = (
    Exercise(
        id="tars.1",
        name="thought_end",
        notebook=NOTEBOOK,
        title="Where a thought ends",
        solution=thought_end,
        checks=(
            Check("the head is sure at some wave", lambda x: _thought(x, 1.0, (8, 0)), END),
            Check("exactly the threshold is not above it", _border, END),
            Check("the head is never sure", lambda x: _thought(x, 0.25, (8, 0)), END),
        ),
        hints=(
            "Go through the probabilities one by one; the first that is above `least` decides.",
            "Waves are counted from 1: enumerate(halting.tolist(), 1).",
            "Behind the loop: return len(halting), 3 if rounds else 2.",
        ),
        wrong=tars_wrong.END,
    ),
    Exercise(
        id="tars.2",
        name="standing",
        notebook=NOTEBOOK,
        title="What stands of a draft",
        solution=standing,
        checks=(
            Check("a draft that is right to the end", _all_right, DRAFT),
            Check("a draft that goes wrong somewhere", _draft, DRAFT),
        ),
        hints=(
            "drafted[i] is right if it equals greedy[i]. Look for the first that is not.",
            "At that place the model's own byte, greedy[i], comes instead: it costs nothing more.",
            "If all are right, the model has said one byte more: [*drafted, greedy[-1]].",
        ),
        wrong=tars_wrong.DRAFT,
    ),
    Exercise(
        id="tars.3",
        name="left_to_read",
        notebook=NOTEBOOK,
        title="Read a known beginning only once",
        solution=left_to_read,
        checks=(
            Check("the longest known beginning counts", _prefixes, PREFIX),
            Check("what is no beginning does not help", _strangers, PREFIX),
        ),
        hints=(
            "ids is a beginning of wanted if wanted[: len(ids)] == ids.",
            "Take the longest of those that fit; there may be none: max(..., default=0).",
            "What is left is len(wanted) minus that length.",
        ),
        wrong=tars_wrong.PREFIX,
    ),
)
