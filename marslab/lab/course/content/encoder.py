"""Exercises of 21_trainable_hdc: a record of numbers, one correction, and a rounding."""

import torch
from torch import Tensor

from marslab.lab.course.content import encoder_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "21_trainable_hdc"
RECORD, CORRECTED, ROUNDED = (
    recognised(*known)
    for known in (encoder_wrong.RECORD, encoder_wrong.CORRECTED, encoder_wrong.ROUNDED)
)


def level_record(x: Tensor, keys: Tensor, levels: Tensor) -> Tensor:
    """The sum of each feature's key times the hypervector of its level.

    0 has the first level, 1 the last, those between are even and the nearest counts; numbers
    beyond count as the end.

    Shapes (F features, L levels, D width): x: [F]; keys: [F, D]; levels: [L, D]; returns [D]
    """
    place = (x.clamp(0, 1) * (len(levels) - 1)).round().long()
    return (keys * levels[place]).sum(0)


def corrected(classes: Tensor, h: Tensor, y: int, near: Tensor) -> Tensor:
    """The class hypervectors after one example: only a mistake changes them.

    The right class gains (1 - its cosine) h, and the one that h was taken for loses
    (1 - its cosine) h.

    Shapes (C classes, D width): classes: [C, D]; h: [D]; near: [C] cosines of h; returns [C, D]
    """
    taken = int(near.argmax())
    classes = classes.clone()
    if taken != y:
        classes[y] += (1 - near[y]) * h
        classes[taken] -= (1 - near[taken]) * h
    return classes


def rounded(x: Tensor, bits: int, step: float) -> Tensor:
    """The nearest of 2^bits levels that lie `step` apart, as many above 0 as below it.

    Shapes (D width): x: [D]; returns [D]
    """
    top = 2**bits - 1
    return ((x / step + top / 2).round().clamp(0, top) - top / 2) * step


def _features(draw: Draw, low: float, high: float) -> tuple[Tensor, Tensor, Tensor]:
    F, D = draw.size(3), draw.size(3)
    x = draw.tensor(F, low=low, high=high, step=0.3)  # never half-way between two of three levels
    keys = 1 - 2 * draw.mask(F, D).double()
    return x, keys, draw.tensor(3, D, low=-3, high=3, step=1)


def _example(draw: Draw, *, mistaken: bool) -> tuple[Tensor, Tensor, int, Tensor]:
    C, D = draw.size(4, low=2), draw.size(3)
    near = torch.tensor([0.75, 0.5, 0.25, 0.0][:C], dtype=torch.float64)[draw.permutation(C)]
    order = near.argsort(descending=True).tolist()
    y = order[draw.integer(1, C - 1)] if mistaken else order[0]
    return draw.tensor(C, D, step=1), draw.tensor(D, low=1, high=3, step=1), y, near


def _numbers(draw: Draw, bits: tuple[int, ...]) -> tuple[Tensor, int, float]:
    x = draw.tensor(draw.size(4), low=-4, high=4) + 0.1  # never half-way between two levels
    return x, draw.choice(bits), draw.choice((1.0, 0.5, 2.0))


EXERCISES = (
    Exercise(
        id="encoder.1",
        name="level_record",
        notebook=NOTEBOOK,
        title="A record of numbers",
        solution=level_record,
        checks=(
            Check("numbers from 0 to 1", lambda draw: _features(draw, 0, 1), RECORD),
            Check("numbers beyond", lambda draw: _features(draw, -1.2, 2.1), RECORD),
        ),
        hints=(
            "First find the level of each feature: a whole number from 0 to L - 1.",
            "x.clamp(0, 1) * (L - 1), rounded, is the level. levels[level] has a row for each "
            "feature, as keys has.",
            "place = (x.clamp(0, 1) * (len(levels) - 1)).round().long(); (keys * "
            "levels[place]).sum(0).",
        ),
        wrong=encoder_wrong.RECORD,
    ),
    Exercise(
        id="encoder.2",
        name="corrected",
        notebook=NOTEBOOK,
        title="Correct one mistake",
        solution=corrected,
        checks=(
            Check("a mistake", lambda draw: _example(draw, mistaken=True), CORRECTED),
            Check("no mistake", lambda draw: _example(draw, mistaken=False), CORRECTED),
        ),
        hints=(
            "The class that h is taken for is near.argmax(). If it is y, nothing changes.",
            "A class that is far already needs a large step towards h, so the weight is 1 less its "
            "own cosine; likewise for the class that loses h.",
            "taken = int(near.argmax()); classes = classes.clone(); if taken != y: classes[y] += "
            "(1 - near[y]) * h; classes[taken] -= (1 - near[taken]) * h.",
        ),
        wrong=encoder_wrong.CORRECTED,
    ),
    Exercise(
        id="encoder.3",
        name="rounded",
        notebook=NOTEBOOK,
        title="Round to few bits",
        solution=rounded,
        checks=(
            Check("one bit", lambda draw: _numbers(draw, (1,)), ROUNDED),
            Check("two or three bits", lambda draw: _numbers(draw, (2, 3)), ROUNDED),
        ),
        hints=(
            "With 1 bit there are two levels, -step / 2 and step / 2. With 2 bits they are -1.5, "
            "-0.5, 0.5 and 1.5 steps. 0 is never one of them.",
            "Shift so that the levels are 0, 1, ..., 2 ** bits - 1, round, and shift back. Numbers "
            "beyond the last level get the last one.",
            "top = 2 ** bits - 1; ((x / step + top / 2).round().clamp(0, top) - top / 2) * step.",
        ),
        wrong=encoder_wrong.ROUNDED,
    ),
)
