"""Exercises of 37_recursive_refinement: one refinement, the loss of halting, and who stops when."""

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.lab.course.content import refine_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "37_recursive_refinement"
REFINE = recognised(*refine_wrong.REFINE)
HALTING = recognised(*refine_wrong.HALTING)
STOPS = recognised(*refine_wrong.STOPS)


def refine(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """z <- f(x + y + z), n times; then y <- f(y + z). f(s) = tanh(s W).

    Shapes (B batch, D width): x, z, y: [B, D]; W: [D, D]; returns the new z and y
    """
    for _ in range(n):
        z = torch.tanh((x + y + z) @ W)
    return z, torch.tanh((y + z) @ W)


def halting(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    """The mean cross entropy of sigmoid(q) with "every place of this row is right".

    Shapes (B batch, L places): q: [B] logits; answers, targets: [B, L] int64; returns []
    """
    right = (answers == targets).all(1).to(q.dtype)
    return F.binary_cross_entropy_with_logits(q, right)


def stops(sure: Tensor, halt: float) -> Tensor:
    """The first refinement, from 1, at which a row is surer than `halt`; the last if it never is.

    Shapes (B batch, T refinements): sure: [B, T] probabilities; returns [B] int64
    """
    return refine_wrong.first_above(sure, halt)


def _states(draw: Draw, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    rows, width = draw.size(3), draw.size(3)
    x, z, y = (draw.tensor(rows, width, low=-1, high=1, step=0.25) for _ in range(3))
    return x, z, y, draw.tensor(width, width, low=-1, high=1, step=0.5), n


def _one_step(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    return _states(draw, 1)


def _several_steps(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
    return _states(draw, draw.choice((2, 3, 4)))


def _said(draw: Draw, rows: int, places: int, wrong: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, and answers of which every row but the first misses at most so many places."""
    targets = draw.integers(rows, places, low=0, high=3)
    answers = targets.clone()
    for row in range(rows):
        missed = draw.integer(0, wrong) if row else 0
        answers[row, :missed] += 1
    return draw.tensor(rows, low=-3, high=3, step=0.5), answers, targets


def _one_place(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    return _said(draw, draw.size(4, low=2), 1, 1)


def _many_places(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    places = draw.size(4, low=2)
    return _said(draw, draw.size(4, low=2), places, places)


def _rising(draw: Draw) -> tuple[Tensor, float]:
    rows, depths = draw.size(4), draw.size(5, low=2)
    steps = draw.tensor(rows, depths, low=0, high=0.25, step=0.0625) + 0.0625
    return steps.cumsum(1), 0.5


def _any_way(draw: Draw) -> tuple[Tensor, float]:
    rows, depths = draw.size(4), draw.size(5, low=2)
    return draw.tensor(rows, depths, low=0, high=1, step=0.25), draw.choice((0.5, 0.75))


def _never(draw: Draw) -> tuple[Tensor, float]:
    rows, depths = draw.size(4), draw.size(5, low=2)
    return draw.tensor(rows, depths, low=0, high=0.5, step=0.25), 0.9


EXERCISES = (
    Exercise(
        id="refine.1",
        name="refine",
        notebook=NOTEBOOK,
        title="One refinement",
        solution=refine,
        checks=(
            Check("one step of the latent state", _one_step, REFINE),
            Check("several steps", _several_steps, REFINE),
        ),
        hints=(
            "Two lines. The first one repeats: the latent state becomes f of the sum of question, "
            "answer and latent state. The second comes once: the answer becomes f of the sum of "
            "answer and latent state.",
            "for _ in range(n): z = torch.tanh((x + y + z) @ W). The second line has no x, and it "
            "takes the z that the loop has left.",
        ),
        wrong=refine_wrong.REFINE,
    ),
    Exercise(
        id="refine.2",
        name="halting",
        notebook=NOTEBOOK,
        title="What the halting head learns",
        solution=halting,
        checks=(
            Check("answers of one place", _one_place, HALTING),
            Check("answers of many places", _many_places, HALTING),
        ),
        hints=(
            "The target of a row is 1 if all of its places are right, and else 0.",
            "right = (answers == targets).all(1). torch has the cross entropy of a logit with 0 "
            "or 1; it takes the mean over the rows by itself.",
            "F.binary_cross_entropy_with_logits(q, right.to(q.dtype)).",
        ),
        wrong=refine_wrong.HALTING,
    ),
    Exercise(
        id="refine.3",
        name="stops",
        notebook=NOTEBOOK,
        title="Each row stops by itself",
        solution=stops,
        checks=(
            Check("rows that get surer", _rising, STOPS),
            Check("rows that change their mind", _any_way, STOPS),
            Check("rows that are never sure", _never, STOPS),
        ),
        hints=(
            "Mark where a row is surer than `halt`. Its first mark is the place; argmax of "
            "whole numbers finds the first of equal ones.",
            "A row without a mark takes all refinements: set the last mark of every row to True "
            "before you look. And count from 1.",
        ),
        wrong=refine_wrong.STOPS,
    ),
)
