"""Learning without forgetting: the old model's answers to the new inputs are targets."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from marslab.learning.continual.batch import Batch, masked
from marslab.learning.continual.method import Method, size
from marslab.tasks.continual import ContinualTask


class LearningWithoutForgetting(Method):
    """Add alpha * T^2 * KL(old model || model) at temperature T, over the classes of old tasks.

    Tasks that choose among their own classes have a term each, as heads of their own would.

    Units:
        strength: alpha, >= 0
        temperature: T, > 0

    Errors:
        ValueError: strength is negative, or temperature is not positive

    Source:
        Li & Hoiem 2016, "Learning without forgetting"; Hinton, Vinyals & Dean 2015, "Distilling
        the knowledge in a neural network" for T^2.

    >>> LearningWithoutForgetting().memory_bytes()
    0
    """

    def __init__(self, strength: float = 1.0, *, temperature: float = 2.0) -> None:
        if strength < 0 or not temperature > 0:
            raise ValueError(
                "LearningWithoutForgetting: strength must be at least 0 and temperature positive, "
                f"got {strength} and {temperature}"
            )
        self.strength, self.temperature = strength, temperature
        self.teacher: nn.Module | None = None
        self.heads: list[Tensor] = []

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return how far the answers moved, None before the first task ended."""
        if self.teacher is None:
            return None
        with torch.no_grad():
            old = self.teacher(batch.x) / self.temperature
        new = model(batch.x) / self.temperature
        apart = [distance(masked(old, head), masked(new, head)) for head in self.heads]
        return self.strength * self.temperature**2 * torch.stack(apart).sum()

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Keep the model as it is now, and which classes it knows."""
        self.teacher = deepcopy(model).eval().requires_grad_(False)
        if task.allowed.all():  # one head for all: the classes that were seen so far
            seen = torch.zeros_like(task.allowed)
            seen[task.split.train_y.unique()] = True
            self.heads = [torch.stack([seen, *self.heads]).any(0)]
        else:
            self.heads.append(task.allowed)

    def memory_bytes(self) -> int:
        """Return the bytes of the old model and of the masks."""
        kept = [] if self.teacher is None else [*self.teacher.state_dict().values()]
        return size([*kept, *self.heads])


def distance(old: Tensor, new: Tensor) -> Tensor:
    """Return the mean of KL(softmax(old) || softmax(new)), in nats.

    Shapes (n examples, C classes):
        old, new: [n, C]
        returns: []

    >>> distance(torch.zeros(1, 2), torch.zeros(1, 2)).item()
    0.0
    """
    p, q = old.log_softmax(-1), new.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean()
