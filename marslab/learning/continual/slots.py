"""Sparse memory fine-tuning: only the slots that this batch reads and old tasks did not."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from marslab.layers.slot_memory import SlotMemory
from marslab.learning.continual.batch import Batch
from marslab.learning.continual.method import Method, learned, size, snapshot
from marslab.learning.continual.sparse import BATCH, keep_only
from marslab.tasks.continual import ContinualTask


class SlotUpdate(Method):
    """From the second task on move only values of a memory layer, in the slots of highest TF-IDF.

    The first task counts as pretraining and moves all. The batches of earlier tasks are the
    background. All other weights, keys and queries too, stay.

    Units:
        slots: that one step may change, >= 1

    Errors:
        ValueError: slots is less than 1; the model has not exactly one SlotMemory

    Source:
        Lin et al. 2025, "Continual learning via sparse memory finetuning", arXiv:2510.15103.

    >>> SlotUpdate(slots=16).memory_bytes()
    0
    """

    def __init__(self, slots: int = 16) -> None:
        if slots < 1:
            raise ValueError(f"SlotUpdate: slots must be at least 1, got {slots}")
        self.slots = slots
        self.batches = 0
        self.in_batches: Tensor | None = None  # [S], batches of old tasks that read each slot
        self._read: Tensor | None = None
        self._kept: dict[str, Tensor] = {}
        self._hook: RemovableHandle | None = None

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Watch which slots are read, unless this is the first task."""
        _, memory = find_memory(model)
        if self.in_batches is not None:
            self._hook = memory.register_forward_hook(self._watch)
            self._kept = snapshot(model)
        return super().before_task(model, task)

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Take back what the step did outside of the slots chosen for its batch."""
        if self.in_batches is None or self._read is None:
            return
        name, memory = find_memory(model)
        count = torch.bincount(self._read.flatten(), minlength=len(memory.keys))
        chosen = top_slots(tf_idf(count, self.in_batches, self.batches), self.slots)
        mask = {n: torch.zeros_like(p, dtype=torch.bool) for n, p in learned(model).items()}
        mask[name][chosen] = True
        keep_only(mask, model, optimizer, self._kept)
        self._kept = snapshot(model)

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Add the slots that this task's batches read to the background."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        _, memory = find_memory(model)
        if self.in_batches is None:
            self.in_batches = torch.zeros(len(memory.keys), dtype=torch.int64)
        hook = memory.register_forward_hook(self._watch)
        for x in task.split.train_x.split(BATCH):
            with torch.no_grad():
                model(x)
            assert self._read is not None
            self.in_batches[self._read.unique()] += 1
            self.batches += 1
        hook.remove()
        self._read, self._kept = None, {}

    def memory_bytes(self) -> int:
        """Return the bytes of the background's counts."""
        return 0 if self.in_batches is None else size([self.in_batches])

    def _watch(self, memory: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(memory, SlotMemory)
        self._read = memory.slots(inputs[0])


def tf_idf(count: Tensor, in_batches: Tensor, batches: int) -> Tensor:
    """Return count / sum(count) * log((batches + 1) / (in_batches + 1)) of each slot.

    Shapes (S slots):
        count: [S], reads in this batch
        in_batches: [S], batches of the background that read it
        returns: [S]

    Source:
        Lin et al. 2025, arXiv:2510.15103, section 3.

    >>> tf_idf(torch.tensor([2, 2, 0]), torch.tensor([0, 9, 0]), 9).tolist()
    [1.151..., 0.0, 0.0]
    """
    return count / count.sum().clamp_min(1) * ((batches + 1) / (in_batches + 1)).log()


def top_slots(score: Tensor, most: int) -> Tensor:
    """Return the slots of highest score, only those above 0, at most `most`.

    >>> top_slots(torch.tensor([0.0, 0.25, 0.5]), 3).tolist()
    [2, 1]
    """
    found = score.topk(min(most, len(score)))
    return found.indices[found.values > 0]


def find_memory(model: nn.Module) -> tuple[str, SlotMemory]:
    """Return the name of the values of the model's memory layer, and the layer.

    Errors:
        ValueError: the model has not exactly one SlotMemory
    """
    found = [(n, m) for n, m in model.named_modules() if isinstance(m, SlotMemory)]
    if len(found) != 1:
        raise ValueError(
            f"SlotUpdate needs a model with one SlotMemory layer, this one has {len(found)}: "
            "use MemoryMlp"
        )
    name, memory = found[0]
    return f"{name}.values".lstrip("."), memory
