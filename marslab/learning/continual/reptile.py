"""Reptile on a stream of tasks: slow weights go a part of the way of the fast ones."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from marslab.learning.continual.batch import Batch
from marslab.learning.continual.method import Method, learned, size, snapshot
from marslab.tasks.continual import ContinualTask


class Reptile(Method):
    """After every `inner` steps theta <- theta_0 + epsilon (theta - theta_0), theta_0 before them.

    That is meta-learning as far as a stream allows it: each stretch of steps counts as a task that
    theta should be near to, and no old task ever comes back. MARS v3 names "meta-learning" where v4
    has EWC and sparse updates, and says no more; this is the simplest of that kind.

    Units:
        epsilon: share of the way, 0 < epsilon <= 1; 1 is fine-tuning
        inner: steps of the optimizer

    Errors:
        ValueError: epsilon is not in (0, 1], or inner is not positive

    Source:
        Nichol, Achiam & Schulman 2018, "On first-order meta-learning algorithms", 2; MARS v4,
        its table of v3.0 beside v4.0.

    >>> Reptile().memory_bytes()
    0
    """

    def __init__(self, epsilon: float = 0.3, *, inner: int = 10) -> None:
        if not 0 < epsilon <= 1 or inner < 1:
            raise ValueError(
                f"Reptile: epsilon must be in (0, 1] and inner positive, got {epsilon} and {inner}"
            )
        self.epsilon, self.inner = epsilon, inner
        self.slow: dict[str, Tensor] = {}
        self._steps = 0

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Begin a stretch."""
        self.slow, self._steps = snapshot(model), 0
        return super().before_task(model, task)

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """At the end of a stretch go back most of the way."""
        self._steps += 1
        if self._steps % self.inner == 0:
            self._meet(model)

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """A stretch that the task cut short counts as well."""
        if self._steps % self.inner:
            self._meet(model)

    def memory_bytes(self) -> int:
        """Return the bytes of the slow copy."""
        return size(self.slow.values())

    @torch.no_grad()
    def _meet(self, model: nn.Module) -> None:
        for name, theta in learned(model).items():
            theta.copy_(self.slow[name].lerp(theta, self.epsilon))
        self.slow = snapshot(model)
