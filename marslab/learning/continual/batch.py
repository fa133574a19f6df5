"""Examples with the classes that each may be answered by, and the loss on them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from marslab.tasks.continual import ContinualTask

NEVER = -1e9  # finite, so that the product with a probability of 0 is 0


class Batch(NamedTuple):
    """Examples of one task or of several.

    Shapes (n examples, C classes):
        x: [n, ...]
        y: [n] int64
        allowed: [n, C] bool, the classes that an answer is chosen from
    """

    x: Tensor
    y: Tensor
    allowed: Tensor

    def at(self, rows: Tensor) -> "Batch":
        """Return the examples at these places."""
        return Batch(*(part[rows] for part in self))


def training_rows(task: ContinualTask) -> Batch:
    """Return what a task trains on.

    >>> from marslab.tasks.continual import split_digits
    >>> training_rows(split_digits().tasks[0]).allowed.shape
    torch.Size([291, 10])
    """
    x, y = task.split.train_x, task.split.train_y
    return Batch(x, y, task.allowed.expand(len(y), -1))


def joined(batches: list[Batch]) -> Batch:
    """Return several batches as one."""
    return Batch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))


def masked(logits: Tensor, allowed: Tensor) -> Tensor:
    """Return the logits, those of classes that are not allowed so low that they are never chosen.

    Shapes (C classes):
        logits: [..., C]
        allowed: [..., C] or [C] bool

    >>> masked(torch.zeros(2), torch.tensor([True, False])).softmax(-1).tolist()
    [1.0, 0.0]
    """
    return logits.masked_fill(~allowed, NEVER)


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """Return the mean cross entropy among the allowed classes, in nats.

    Shapes:
        returns: []
    """
    return cross_entropy(masked(model(batch.x), batch.allowed), batch.y)


@torch.no_grad()
def accuracy_on(model: nn.Module, task: ContinualTask) -> float:
    """Return the share of a task's held-out examples that are right, 0..1."""
    training = model.training
    model.eval()
    chosen = masked(model(task.split.test_x), task.allowed).argmax(-1)
    model.train(training)
    return (chosen == task.split.test_y).float().mean().item()
