"""Sparse updates: after the first task only a few weights move at all."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from marslab.learning.continual.batch import Batch, loss
from marslab.learning.continual.method import Method, learned, snapshot
from marslab.tasks.continual import ContinualTask

PRINTED = 1e-4  # the share of MARS v4, 3.2
BATCH = 32  # examples behind one gradient when the weights are chosen


class SparseUpdate(Method):
    """From the second task on move only the weights whose mean |gradient| on the task is largest.

    The first task counts as pretraining and moves all. The choice is among all weights together,
    at least one, and the mask holds for the whole update: what momentum or decay moved is taken
    back, and the optimizer keeps nothing about masked weights (errata M29-M32). The paper that the
    design names updates slots of a memory layer: `SlotUpdate` (erratum M33).

    Units:
        share: of all weights, 0 < share <= 1

    Errors:
        ValueError: share is not in (0, 1]

    Source:
        MARS v4, 3.2

    >>> SparseUpdate(share=0.01).memory_bytes()
    0
    """

    def __init__(self, share: float = PRINTED) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"SparseUpdate: share must be in (0, 1], got {share}")
        self.share = share
        self.mask: dict[str, Tensor] = {}
        self._frozen: dict[str, Tensor] = {}
        self._pretrained = False

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Choose the weights, unless this is the first task."""
        rows = super().before_task(model, task)
        if self._pretrained:
            self.mask = largest(mean_gradient(model, rows), self.share)
            self._frozen = snapshot(model)
        return rows

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Take back what the step did to masked weights."""
        if self.mask:
            keep_only(self.mask, model, optimizer, self._frozen)

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Forget the choice: the next task makes its own."""
        self.mask, self._frozen, self._pretrained = {}, {}, True


def mean_gradient(model: nn.Module, rows: Batch, batch: int = BATCH) -> dict[str, Tensor]:
    """Return the mean over batches of |d loss / d theta|, each batch on its own (erratum M31).

    It is 0 for a parameter that the loss does not use (erratum M24).

    Shapes:
        returns: for each trained parameter a tensor of its shape
    """
    theta = learned(model)
    total = {name: torch.zeros_like(p) for name, p in theta.items()}
    parts = torch.arange(len(rows.y)).split(batch)
    for at in parts:
        parameters = list(theta.values())
        found = torch.autograd.grad(loss(model, rows.at(at)), parameters, materialize_grads=True)
        for name, gradient in zip(theta, found, strict=True):
            total[name] += gradient.abs()
    return {name: x / len(parts) for name, x in total.items()}


def largest(values: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return True at the largest `share` of all values together, at least at one.

    Ties go to the first.

    >>> largest({"a": torch.tensor([1.0, 5.0]), "b": torch.tensor([4.0])}, 0.5)
    {'a': tensor([False,  True]), 'b': tensor([False])}
    """
    flat = torch.cat([x.flatten() for x in values.values()])
    count = max(1, int(share * len(flat)))
    chosen = torch.zeros_like(flat, dtype=torch.bool)
    chosen[flat.sort(descending=True, stable=True).indices[:count]] = True
    parts = chosen.split([x.numel() for x in values.values()])
    pairs = zip(values.items(), parts, strict=True)
    return {name: part.reshape(x.shape) for (name, x), part in pairs}


@torch.no_grad()
def keep_only(
    mask: dict[str, Tensor], model: nn.Module, optimizer: Optimizer, frozen: dict[str, Tensor]
) -> None:
    """Keep a step where `mask` is True; elsewhere set weights back and clear their optimizer state.

    >>> model = nn.Linear(2, 1, bias=False)
    >>> frozen, optimizer = snapshot(model), torch.optim.AdamW(model.parameters(), weight_decay=0.5)
    >>> model(torch.ones(1, 2)).sum().backward()
    >>> optimizer.step()
    >>> keep_only({"weight": torch.tensor([[True, False]])}, model, optimizer, frozen)
    >>> (model.weight != frozen["weight"]).tolist()
    [[True, False]]
    """
    for name, p in learned(model).items():
        p.copy_(torch.where(mask[name], p, frozen[name]))
        for kept in optimizer.state[p].values():
            if isinstance(kept, Tensor) and kept.shape == p.shape:
                kept.mul_(mask[name])
