"""Synaptic intelligence: which weights did the work, counted while they do it."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from marslab.learning.continual.batch import Batch
from marslab.learning.continual.ewc import pull
from marslab.learning.continual.method import Method, learned, size, snapshot
from marslab.tasks.continual import ContinualTask


class SynapticIntelligence(Method):
    """Add c * sum of Omega * (theta - theta*)^2; Omega grows by w / (step^2 + xi) with each task.

    w of a weight is the sum over the steps of -gradient * change, with the gradient of the task's
    loss alone: how much of the loss's decrease that weight brought. `step` is how far the weight
    moved in the whole task.

    Units:
        strength: c, >= 0
        xi: keeps a weight that did not move from an Omega without bound, > 0

    Errors:
        ValueError: strength is negative, or xi is not positive

    Source:
        Zenke, Poole & Ganguli 2017, "Continual learning through synaptic intelligence", eq. 3-5.

    >>> SynapticIntelligence().memory_bytes()
    0
    """

    def __init__(self, strength: float = 1.0, *, xi: float = 1e-3) -> None:
        if strength < 0 or not xi > 0:
            raise ValueError(
                "SynapticIntelligence: strength must be at least 0 and xi positive, "
                f"got {strength} and {xi}"
            )
        self.strength, self.xi = strength, xi
        self.omega: dict[str, Tensor] = {}
        self.anchor: dict[str, Tensor] = {}
        self.work: dict[str, Tensor] = {}
        self._gradient: dict[str, Tensor] = {}
        self._start: dict[str, Tensor] = {}
        self._before: dict[str, Tensor] = {}

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Begin to count."""
        self._start = snapshot(model)
        self._before = self._start
        self.work = {name: torch.zeros_like(x) for name, x in self._start.items()}
        return super().before_task(model, task)

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Keep the gradient of the loss alone; return the pull to the old weights."""
        theta = learned(model)
        self._gradient = {n: p.grad.clone() for n, p in theta.items() if p.grad is not None}
        return self.strength * pull(theta, self.omega, self.anchor) if self.anchor else None

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Add what each weight did in this step."""
        now = snapshot(model)
        for name, gradient in self._gradient.items():
            self.work[name] -= gradient * (now[name] - self._before[name])
        self._before = now

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Turn the work into Omega."""
        self.anchor = snapshot(model)
        for name, now in self.anchor.items():
            new = self.work[name] / ((now - self._start[name]).square() + self.xi)
            self.omega[name] = self.omega.get(name, torch.zeros_like(now)) + new.clamp_min(0)

    def memory_bytes(self) -> int:
        """Return the bytes of Omega and theta*; the counters of a task are gone after it."""
        return size([*self.omega.values(), *self.anchor.values()])
