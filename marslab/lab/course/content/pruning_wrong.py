"""Known wrong answers to the exercises of notebook 51, and what whoever gives one is told."""

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.lab.course.registry import Wrong


def _masks(first: Tensor, second: Tensor, share: float, order: Tensor) -> tuple[Tensor, Tensor]:
    """Masks that are 0 at the first places of an order of all weights."""
    mask = torch.ones(len(order), dtype=first.dtype)
    mask[order[: int(share * len(order))]] = 0
    return mask[: first.numel()].view_as(first), mask[first.numel() :].view_as(second)


def _all(first: Tensor, second: Tensor) -> Tensor:
    return torch.cat([first.flatten(), second.flatten()])


def _alone(weight: Tensor, share: float) -> Tensor:
    return _masks(weight, weight[:0], share, weight.flatten().abs().argsort())[0]


def _by_rows(first: Tensor, second: Tensor, share: float) -> tuple[Tensor, Tensor]:
    made = []
    for weight in (first, second):
        mask = torch.ones_like(weight)
        mask[weight.norm(dim=1).argsort()[: int(share * len(weight))]] = 0
        made.append(mask)
    return made[0], made[1]


def _inverted(first: Tensor, second: Tensor, share: float) -> tuple[Tensor, Tensor]:
    one, two = _masks(first, second, share, _all(first, second).abs().argsort())
    return 1 - one, 1 - two


MASKS = (
    Wrong(
        "each matrix by itself",
        lambda first, second, share: (_alone(first, share), _alone(second, share)),
        "when each matrix loses its own share: there is one order of all weights.",
    ),
    Wrong(
        "negative is small",
        lambda first, second, share: _masks(
            first, second, share, _all(first, second).argsort(stable=True)
        ),
        "when signs count: a weight of -9 is large.",
    ),
    Wrong(
        "the largest go",
        lambda first, second, share: _masks(
            first, second, share, _all(first, second).abs().argsort(descending=True)
        ),
        "when the largest go.",
    ),
    Wrong(
        "0 stays",
        _inverted,
        "when 0 marks what stays: a mask is multiplied, so what goes has the 0.",
    ),
    Wrong(
        "whole rows",
        _by_rows,
        "when whole rows go: that is structured pruning.",
    ),
)


def _apart(first: Tensor, second: Tensor) -> Tensor:
    """KL(first || second) of log-probabilities, the mean over the examples."""
    return (first.exp() * (first - second)).sum(-1).mean()


def _soft(z: Tensor, T: float) -> Tensor:
    return F.log_softmax(z / T, -1)


def _without_square(student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float) -> Tensor:
    apart = _apart(_soft(teacher, T), _soft(student, T))
    return alpha * apart + (1 - alpha) * F.cross_entropy(student, y)


def _student_leads(student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float) -> Tensor:
    apart = _apart(_soft(student, T), _soft(teacher, T))
    return alpha * T**2 * apart + (1 - alpha) * F.cross_entropy(student, y)


def _only_one_softened(
    student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float
) -> Tensor:
    apart = _apart(_soft(teacher, T), _soft(student, 1.0))
    return alpha * T**2 * apart + (1 - alpha) * F.cross_entropy(student, y)


def _shares_swapped(student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float) -> Tensor:
    apart = _apart(_soft(teacher, T), _soft(student, T))
    return (1 - alpha) * T**2 * apart + alpha * F.cross_entropy(student, y)


def _mean_over_classes(
    student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float
) -> Tensor:
    apart = _apart(_soft(teacher, T), _soft(student, T)) / student.shape[-1]
    return alpha * T**2 * apart + (1 - alpha) * F.cross_entropy(student, y)


def _targets_softened(
    student: Tensor, teacher: Tensor, y: Tensor, T: float, alpha: float
) -> Tensor:
    apart = _apart(_soft(teacher, T), _soft(student, T))
    return alpha * T**2 * apart + (1 - alpha) * F.cross_entropy(student / T, y)


TAUGHT = (
    Wrong(
        "without T squared",
        _without_square,
        "when T**2 is left out: a softened gradient is T**2 times as small.",
    ),
    Wrong(
        "the student leads",
        _student_leads,
        "when the divergence is taken from the student: the teacher's distribution comes first.",
    ),
    Wrong(
        "only the teacher softened",
        _only_one_softened,
        "when only the teacher is softened: both are divided by T.",
    ),
    Wrong(
        "shares swapped",
        _shares_swapped,
        "when alpha is the share of the targets: it is the teacher's.",
    ),
    Wrong(
        "mean over classes",
        _mean_over_classes,
        "when the divergence is a mean over classes too: it is a sum over them.",
    ),
    Wrong(
        "softened targets",
        _targets_softened,
        "when the cross entropy is softened too: the targets are met at T = 1.",
    ),
)
