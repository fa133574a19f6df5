"""Exercises of 40_continual_learning: three scores, an importance, springs, a mask."""

import torch
from torch import Tensor

from marslab.lab.course.content import continual_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "40_continual_learning"
SCORES = recognised(*continual_wrong.SCORES)
IMPORTANCE = recognised(*continual_wrong.IMPORTANCE)
REST = recognised(*continual_wrong.REST)
CHOSEN = recognised(*continual_wrong.CHOSEN)


def three_scores(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    """BWT, FWT and forgetting of a matrix of accuracies.

    Shapes (T tasks): R: [T, T], R[i, j] is the accuracy on task j after task i; b: [T], untrained
    """
    last, learned = R[-1, :-1], R.diagonal()[:-1]
    bwt = (last - learned).mean().item()
    fwt = (R.diagonal(1) - b[1:]).mean().item()
    return bwt, fwt, (R[:-1, :-1].amax(0) - last).mean().item()


def importance(W: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The mean over the examples of (d log p(y|x) / d W)^2, for p = softmax(W x).

    Shapes (n examples, D inputs, C classes): W: [C, D]; x: [n, D]; y: [n], the drawn labels;
        returns [C, D]
    """
    p = (x @ W.T).softmax(1)
    off = torch.eye(len(W), dtype=W.dtype)[y] - p
    gradients = off[:, :, None] * x[:, None, :]
    return gradients.square().mean(0)


def rest(new: float, springs: list[tuple[float, float]], strength: float) -> float:
    """Where (theta - new)^2 / 2 + strength / 2 * sum of F (theta - old)^2 is least.

    springs: for each old task its F and its old weight
    """
    pull = sum(F * old for F, old in springs)
    return (new + strength * pull) / (1 + strength * sum(F for F, _ in springs))


def chosen(gradients: list[Tensor], share: float) -> list[Tensor]:
    """True at the largest |gradient| of all tensors together, at least at one.

    Shapes: gradients: any; share: of all weights, 0..1, rounded down; returns the same shapes
    """
    flat = torch.cat([each.abs().flatten() for each in gradients])
    count = max(1, int(share * len(flat)))
    mask = torch.zeros_like(flat, dtype=torch.bool)
    mask[flat.topk(count).indices] = True
    parts = mask.split([each.numel() for each in gradients])
    return [part.reshape(each.shape) for part, each in zip(parts, gradients, strict=True)]


def _matrix(draw: Draw, tasks: int) -> tuple[Tensor, Tensor]:
    return draw.tensor(tasks, tasks, low=0, high=1), draw.tensor(tasks, low=0, high=1)


def _examples(draw: Draw, n: int) -> tuple[Tensor, Tensor, Tensor]:
    C, D = draw.size(3, low=2), draw.size(3)
    x = draw.tensor(n, D, step=1)
    return draw.tensor(C, D, step=1), x, draw.integers(n, low=0, high=C - 1)


def _springs(draw: Draw, tasks: int) -> tuple[float, list[tuple[float, float]], float]:
    springs = [(draw.choice((1.0, 0.5, 2.0)), draw.number(step=1)) for _ in range(tasks)]
    return draw.number(step=1), springs, draw.choice((1.0, 2.0, 10.0))


def _gradients(draw: Draw, share: float) -> tuple[list[Tensor], float]:
    """No two of the same size, so that the largest are always the same ones."""
    first, second = draw.size(4), draw.size(4)
    places = draw.permutation(first + second)
    values = torch.tensor([(-1) ** at * (at + 1) for at in places], dtype=torch.float64)
    return [values[:first], values[first:]], share


EXERCISES = (
    Exercise(
        id="continual.1",
        name="three_scores",
        notebook=NOTEBOOK,
        title="Three scores of a matrix",
        solution=three_scores,
        checks=(
            Check("two tasks", lambda draw: _matrix(draw, 2), SCORES),
            Check("more tasks", lambda draw: _matrix(draw, draw.size(4, low=3)), SCORES),
        ),
        hints=(
            "Each score is a mean over T - 1 tasks. BWT and forgetting leave out the last task, "
            "which nothing came after; FWT leaves out the first, which nothing came before.",
            "BWT: last row less diagonal. FWT: the diagonal above the main one less b. Forgetting: "
            "the largest of the rows before the last one, less the last row.",
            "(R[-1, :-1] - R.diagonal()[:-1]).mean().item(); (R.diagonal(1) - b[1:]).mean()"
            ".item(); (R[:-1, :-1].amax(0) - R[-1, :-1]).mean().item().",
        ),
        wrong=continual_wrong.SCORES,
    ),
    Exercise(
        id="continual.2",
        name="importance",
        notebook=NOTEBOOK,
        title="Which weights matter",
        solution=importance,
        checks=(
            Check("one example", lambda draw: _examples(draw, 1), IMPORTANCE),
            Check(
                "several examples", lambda draw: _examples(draw, draw.size(4, low=2)), IMPORTANCE
            ),
        ),
        hints=(
            "Every example has a gradient of its own, with the shape of W. Square each, then take "
            "the mean.",
            "The gradient of log p(y|x) with respect to W[c, i] is (1 if c is y, else 0, less p_c) "
            "times x_i.",
            "p = (x @ W.T).softmax(1); off = torch.eye(len(W), dtype=W.dtype)[y] - p; "
            "(off[:, :, None] * x[:, None, :]).square().mean(0).",
        ),
        wrong=continual_wrong.IMPORTANCE,
    ),
    Exercise(
        id="continual.3",
        name="rest",
        notebook=NOTEBOOK,
        title="A weight between springs",
        solution=rest,
        checks=(
            Check("one old task", lambda draw: _springs(draw, 1), REST),
            Check("several old tasks", lambda draw: _springs(draw, draw.integer(2, 3)), REST),
        ),
        hints=(
            "At the least energy the derivative is 0. Each square gives a term that is linear in "
            "theta.",
            "The derivative is (theta - new) + strength * sum of F (theta - old): the two halves "
            "cancel the two that come down from the squares.",
            "(new + strength * sum(F * old for F, old in springs)) / "
            "(1 + strength * sum(F for F, _ in springs)).",
        ),
        wrong=continual_wrong.REST,
    ),
    Exercise(
        id="continual.4",
        name="chosen",
        notebook=NOTEBOOK,
        title="The few weights that may move",
        solution=chosen,
        checks=(
            Check("a large share", lambda draw: _gradients(draw, 0.5), CHOSEN),
            Check("a share of less than one weight", lambda draw: _gradients(draw, 0.01), CHOSEN),
        ),
        hints=(
            "All tensors compete with each other, and at least one weight wins.",
            "Put the sizes of all gradients into one long vector, find its largest "
            "max(1, int(share * length)), and cut the mask into the old shapes again.",
            "flat = torch.cat([g.abs().flatten() for g in gradients]); mask[flat.topk(count)"
            ".indices] = True; mask.split([g.numel() for g in gradients]).",
        ),
        wrong=continual_wrong.CHOSEN,
    ),
)
