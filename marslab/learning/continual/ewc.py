"""Elastic weight consolidation: a spring at each weight, as stiff as the weight mattered."""

import torch
from torch import Tensor, nn

from marslab.learning.continual.batch import Batch, training_rows
from marslab.learning.continual.fisher import Labels, fisher_diagonal
from marslab.learning.continual.method import Method, learned, size, snapshot
from marslab.tasks.continual import ContinualTask

PRINTED = 1000.0  # lambda of MARS v4, 3.1


class Ewc(Method):
    """Add lambda/2 * sum over old tasks, weights of F * (theta - theta*)^2 to the loss.

    Each task leaves its own F and theta*, so memory grows with the tasks (errata M26, M27).

    Units:
        strength: lambda, >= 0

    Errors:
        ValueError: strength is negative

    Source:
        Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks"; MARS v4,
        3.1.

    >>> Ewc(strength=10.0).memory_bytes()
    0
    """

    def __init__(
        self, strength: float = PRINTED, *, labels: Labels = "sampled", seed: int = 0
    ) -> None:
        if strength < 0:
            raise ValueError(f"Ewc: strength must be at least 0, got {strength}")
        self.strength = strength
        self.labels: Labels = labels
        self.springs: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []
        self._generator = torch.Generator().manual_seed(seed)

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return the energy of the springs, None before the first task ended."""
        if not self.springs:
            return None
        theta = learned(model)
        energy = [pull(theta, fisher, anchor) for fisher, anchor in self.springs]
        return self.strength / 2 * torch.stack(energy).sum()

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Measure F on this task's examples, and keep where the weights are."""
        self.springs.append((self._fisher(model, task), snapshot(model)))

    def memory_bytes(self) -> int:
        """Return the bytes of each F and theta*."""
        return size(x for pair in self.springs for part in pair for x in part.values())

    def _fisher(self, model: nn.Module, task: ContinualTask) -> dict[str, Tensor]:
        rows = training_rows(task)
        return fisher_diagonal(model, rows, labels=self.labels, generator=self._generator)


class OnlineEwc(Ewc):
    """EWC with one F for all tasks, F <- gamma F + F of the new one, around the last theta*.

    Units:
        gamma: share of the old F that stays, 0..1

    Errors:
        ValueError: strength is negative, or gamma is not in 0..1

    Source:
        Schwarz et al. 2018, "Progress & compress", section 3.

    >>> OnlineEwc(gamma=0.9).gamma
    0.9
    """

    def __init__(
        self,
        strength: float = PRINTED,
        *,
        gamma: float = 1.0,
        labels: Labels = "sampled",
        seed: int = 0,
    ) -> None:
        super().__init__(strength, labels=labels, seed=seed)
        if not 0 <= gamma <= 1:
            raise ValueError(f"OnlineEwc: gamma must be in 0..1, got {gamma}")
        self.gamma = gamma

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Add this task's F to the one there is."""
        fisher = self._fisher(model, task)
        for old, _ in self.springs:
            fisher = {name: self.gamma * old[name] + new for name, new in fisher.items()}
        self.springs = [(fisher, snapshot(model))]


def pull(
    theta: dict[str, nn.Parameter], stiffness: dict[str, Tensor], anchor: dict[str, Tensor]
) -> Tensor:
    """Return sum of stiffness * (theta - anchor)^2.

    Shapes:
        returns: []

    >>> theta = {"w": nn.Parameter(torch.tensor([1.0, 3.0]))}
    >>> pull(theta, {"w": torch.tensor([2.0, 1.0])}, {"w": torch.zeros(2)}).item()
    11.0
    """
    parts = [(stiffness[name] * (theta[name] - a).square()).sum() for name, a in anchor.items()]
    return torch.stack(parts).sum()
