"""A small model taught by a large one."""

import torch
from torch import Tensor, nn

from marslab.learning.fit import Objective
from marslab.learning.losses import distillation


def taught_by(teacher: nn.Module, *, T: float = 3.0, alpha: float = 0.5) -> Objective:
    """Return what `fit` minimises so that a student follows a teacher as well as the targets.

    Units:
        T: temperature, > 0
        alpha: share of the teacher, 0..1

    Errors:
        ValueError, UserError: as `distillation`, at the first batch

    Source:
        Hinton et al. 2015, "Distilling the knowledge in a neural network", 2; MARS v4, 5.

    >>> teacher, student = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> taught_by(teacher)(student, torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)).shape
    torch.Size([])
    """
    teacher.eval()

    def loss(student: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            led = teacher(x)
        return distillation(student(x), led, y, T, alpha)

    return loss
