"""Exercises of 51_prune_distil_export: which weights go, and what a student minimises."""

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.lab.course.content import pruning_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "51_prune_distil_export"
MASKS = recognised(*pruning_wrong.MASKS)
TAUGHT = recognised(*pruning_wrong.TAUGHT)


def masks(first: Tensor, second: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """1 where a weight stays and 0 where it goes: the smallest of both matrices together go.

    So many go as the share of all of them is, rounded down.

    Shapes: first, second: [N, K] each, of any two sizes; returns masks of their shapes
    """
    size = torch.cat([first.flatten(), second.flatten()]).abs()
    mask = torch.ones_like(size)
    mask[size.argsort()[: int(share * len(size))]] = 0
    return mask[: first.numel()].view_as(first), mask[first.numel() :].view_as(second)


def taught(student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float) -> Tensor:
    """alpha T^2 KL(teacher || student), both softened by T, + (1 - alpha) cross entropy with y.

    Both are means over the examples.

    Shapes (n examples, V classes): student, teacher: [n, V] logits; y: [n]; returns []
    """
    log_s, log_t = (F.log_softmax(z / T, -1) for z in (student, teacher))
    apart = (log_t.exp() * (log_t - log_s)).sum(-1).mean()
    return alpha * T**2 * apart + (1 - alpha) * F.cross_entropy(student, y)


def _weights(draw: Draw) -> tuple[Tensor, Tensor, float]:
    """Two matrices of which no two numbers have the same size."""
    shapes = [(draw.size(3), draw.size(3, low=2)) for _ in range(2)]
    counts = [rows * columns for rows, columns in shapes]
    sizes = [place + 1.0 for place in draw.permutation(sum(counts))]
    signed = torch.tensor([size * draw.choice((1.0, -1.0)) for size in sizes]).double()
    first, second = (
        part.view(shape) for part, shape in zip(signed.split(counts), shapes, strict=True)
    )
    return first, second, draw.choice((0.5, 0.25, 0.75, 0.0))


def _lesson(draw: Draw, T: float, alpha: float) -> tuple[Tensor, Tensor, Tensor, float, float]:
    n, V = draw.size(3), draw.size(4, low=2)
    student, teacher = draw.tensor(n, V), draw.tensor(n, V)
    return student, teacher, draw.integers(n, low=0, high=V - 1), T, alpha


def _teacher_alone(draw: Draw) -> tuple[Tensor, Tensor, Tensor, float, float]:
    return _lesson(draw, T=1.0, alpha=1.0)


def _softened(draw: Draw) -> tuple[Tensor, Tensor, Tensor, float, float]:
    return _lesson(draw, T=draw.choice((2.0, 3.0)), alpha=1.0)


def _both(draw: Draw) -> tuple[Tensor, Tensor, Tensor, float, float]:
    return _lesson(draw, T=draw.choice((2.0, 3.0)), alpha=draw.choice((0.25, 0.75)))


EXERCISES = (
    Exercise(
        id="edge.3",
        name="masks",
        notebook=NOTEBOOK,
        title="The smallest weights of all go",
        solution=masks,
        checks=(Check("two matrices, one order", _weights, MASKS),),
        hints=(
            "Put the sizes of all weights of both matrices into one row, and sort it.",
            "int(share * count) of them go. Make a row of ones, put 0 at their places, and cut it "
            "into the two shapes again.",
            "size = torch.cat([first.flatten(), second.flatten()]).abs(); mask = "
            "torch.ones_like(size); mask[size.argsort()[: int(share * len(size))]] = 0.",
        ),
        wrong=pruning_wrong.MASKS,
    ),
    Exercise(
        id="edge.4",
        name="taught",
        notebook=NOTEBOOK,
        title="What a student minimises",
        solution=taught,
        checks=(
            Check("the teacher alone, T = 1", _teacher_alone, TAUGHT),
            Check("the teacher alone, softened", _softened, TAUGHT),
            Check("teacher and targets", _both, TAUGHT),
        ),
        hints=(
            "Soften both: log_softmax(z / T). The teacher leads: KL(teacher || student) is the "
            "sum of p_teacher (log p_teacher - log p_student).",
            "Sum over classes, mean over examples, times T**2. The cross entropy with y is taken "
            "at T = 1.",
            "log_s, log_t = (F.log_softmax(z / T, -1) for z in (student, teacher)); apart = "
            "(log_t.exp() * (log_t - log_s)).sum(-1).mean(); alpha * T**2 * apart + (1 - alpha) * "
            "F.cross_entropy(student, y).",
        ),
        wrong=pruning_wrong.TAUGHT,
    ),
)
