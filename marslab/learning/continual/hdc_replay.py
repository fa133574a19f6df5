"""Replay from a holographic memory: no examples are kept, only a mean and a variance per class."""

import torch
from torch import Tensor, nn

from marslab.learning.continual.batch import Batch, loss
from marslab.learning.continual.hdc_memory import PRINTED, HdcMemory
from marslab.learning.continual.method import Method, size
from marslab.tasks.continual import ContinualTask


class HdcReplay(Method):
    """Keep the mean and the variance of each class of each task, and learn samples around them.

    Each is bound to the key of its class and task in one superposition. The design asks with
    random queries instead, which return noise: only a key that wrote can read.

    Units:
        dim: numbers in one bank of the memory

    Source:
        MARS v4, 3.3; erratum M16 (its random queries return noise).

    >>> HdcReplay().memory_bytes()
    0
    """

    def __init__(self, *, dim: int = PRINTED, seed: int = 0) -> None:
        self.dim, self.seed = dim, seed
        self.means: HdcMemory | None = None
        self.variances: HdcMemory | None = None
        self.labels: list[int] = []
        self.allowed: list[Tensor] = []
        self._around: tuple[Tensor, Tensor] | None = None
        self._generator = torch.Generator().manual_seed(seed)

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Read means and deviations, once for the task."""
        if self.means is not None and self.variances is not None:
            numbers = range(self.means.items)
            mean = torch.stack([self.means.read(n) for n in numbers])
            variance = torch.stack([self.variances.read(n) for n in numbers])
            self._around = mean, variance.clamp_min(0).sqrt()
        return super().before_task(model, task)

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return the loss on as many samples as the batch has, None before the first task ended."""
        return None if self._around is None else loss(model, self.samples(batch))

    def samples(self, like: Batch) -> Batch:
        """Return samples of old classes, as many and of the shape of a batch.

        Errors:
            ValueError: nothing was read yet
        """
        if self._around is None:
            raise ValueError("there is nothing to draw from: call before_task after a first task")
        mean, deviation = self._around
        which = torch.randint(len(mean), (len(like.y),), generator=self._generator)
        noise = torch.randn(len(which), mean.shape[-1], generator=self._generator)
        x = (mean[which] + deviation[which] * noise).reshape(like.x.shape)
        return Batch(x, torch.tensor(self.labels)[which], torch.stack(self.allowed)[which])

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Write mean and variance of each class of the task."""
        x, y = task.split.train_x.flatten(1), task.split.train_y
        if self.means is None or self.variances is None:
            self.means = HdcMemory(x.shape[-1], dim=self.dim, seed=2 * self.seed)
            self.variances = HdcMemory(x.shape[-1], dim=self.dim, seed=2 * self.seed + 1)
        for label in y.unique().tolist():
            of = x[y == label]
            self.means.write(of.mean(0))
            self.variances.write(of.var(0, correction=0))
            self.labels.append(label)
            self.allowed.append(task.allowed)

    def memory_bytes(self) -> int:
        """Return the bytes of the banks, labels and masks."""
        banks = [memory.memory_bytes() for memory in (self.means, self.variances) if memory]
        return sum(banks) + 8 * len(self.labels) + size(self.allowed)
