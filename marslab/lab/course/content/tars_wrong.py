"""Known wrong answers to the exercises of notebook 60, and what whoever gives one is told."""

from torch import Tensor

from marslab.lab.course.registry import Wrong


def _first(sure: Tensor) -> int:
    """The first wave that is true, counted from 1; 0 if there is none."""
    return int(sure.int().argmax()) + 1 if bool(sure.any()) else 0


def _ended(wave: int, halting: Tensor, rounds: int) -> tuple[int, int]:
    return (wave, 2) if wave else (len(halting), 3 if rounds else 2)


def _same(drafted: list[int], greedy: list[int]) -> int:
    """How many drafted bytes stand before the first wrong one."""
    pairs = enumerate(zip(drafted, greedy, strict=False))
    return next((at for at, (one, other) in pairs if one != other), len(drafted))


def _common(ids: list[int], wanted: list[int]) -> int:
    return _same(ids[: len(wanted)], wanted)


END = (
    Wrong(
        "at least",
        lambda halting, least, rounds: _ended(_first(halting >= least), halting, rounds),
        "when being equal is enough: the probability must be above the threshold.",
    ),
    Wrong(
        "waves from 0",
        lambda halting, least, rounds: (
            (wave - 1, 2) if (wave := _first(halting > least)) else _ended(0, halting, rounds)
        ),
        "when waves are counted from 0: after the first one, one wave has run.",
    ),
    Wrong(
        "the surest wave",
        lambda halting, least, rounds: (
            (int(halting.argmax()) + 1, 2)
            if bool((halting > least).any())
            else _ended(0, halting, rounds)
        ),
        "when the surest wave is taken: nobody knows the later ones yet. The first one ends it.",
    ),
    Wrong(
        "the pool without rounds",
        lambda halting, least, rounds: _ended(_first(halting > least), halting, 1),
        "when the pool is asked though it has no round left: then the brain's answer stands.",
    ),
    Wrong(
        "never the pool",
        lambda halting, least, rounds: _ended(_first(halting > least), halting, 0),
        "when a thought that never came to rest stays in tier 2: tier 3 is there for it.",
    ),
)

DRAFT = (
    Wrong(
        "without the model's own byte",
        lambda drafted, greedy: drafted[: _same(drafted, greedy)],
        "when the model's own byte is left out: the check has computed it, so it is free.",
    ),
    Wrong(
        "all that agree",
        lambda drafted, greedy: [
            *(a for a, b in zip(drafted, greedy, strict=False) if a == b),
            greedy[-1],
        ],
        "when later bytes are kept though an earlier one was wrong: they follow a text that is not "
        "there.",
    ),
    Wrong(
        "the wrong byte itself",
        lambda drafted, greedy: (
            drafted[: _same(drafted, greedy) + 1]
            if _same(drafted, greedy) < len(drafted)
            else [*drafted, greedy[-1]]
        ),
        "when the wrong drafted byte is kept: there the model's own byte comes instead.",
    ),
    Wrong(
        "the model's bytes to the end",
        lambda drafted, greedy: greedy,
        "when the model's bytes behind the first wrong one are kept: they follow the draft, which "
        "is void from there on.",
    ),
)

PREFIX = (
    Wrong(
        "any longest one",
        lambda known, wanted: max(0, len(wanted) - max(map(len, known), default=0)),
        "when the longest kept state is taken without a look at its bytes.",
    ),
    Wrong(
        "common beginnings",
        lambda known, wanted: len(wanted) - max((_common(ids, wanted) for ids in known), default=0),
        "when a part of a kept prompt counts: there is a state after its last byte only.",
    ),
    Wrong(
        "the first that fits",
        lambda known, wanted: (
            len(wanted) - next((len(ids) for ids in known if wanted[: len(ids)] == ids), 0)
        ),
        "when the first kept state that fits is taken: a later one may be longer.",
    ),
    Wrong(
        "nothing known",
        lambda known, wanted: len(wanted),
        "when the prompt is read from the start although its beginning is known.",
    ),
)
