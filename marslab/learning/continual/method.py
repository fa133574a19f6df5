"""What a continual-learning method does around the training of each task."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from marslab.learning.continual.batch import Batch, training_rows
from marslab.tasks.continual import ContinualTask


class Method:
    """Fine-tuning that does nothing against forgetting; every other method changes some of this.

    The runner calls, for each task: `before_task`; for each step `penalty` (`.grad` then holds the
    gradient of the task's own loss) and, after the optimizer, `after_step`; at last `after_task`.

    >>> Method().memory_bytes(), Method().needs_task_id
    (0, False)
    """

    needs_task_id = False  # whether the model must be told the task of what it is asked

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Prepare for a task; return the examples that it is trained on."""
        return training_rows(task)

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return what is added to the loss of this step, None for nothing.

        Shapes:
            returns: []
        """
        return None

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """See, or undo a part of, what the optimizer just did."""

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Keep what later tasks need of this one."""

    def memory_bytes(self) -> int:
        """Return the bytes of what is kept between tasks, the model not counted."""
        return 0


class Combined(Method):
    """Several methods at once: penalties add up; the first says what is trained on.

    Errors:
        ValueError: no method is given

    >>> Combined(Method(), Method()).memory_bytes()
    0
    """

    def __init__(self, *methods: Method) -> None:
        if not methods:
            raise ValueError("Combined needs at least one method")
        self.methods = methods
        self.needs_task_id = any(method.needs_task_id for method in methods)

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Prepare each; return what the first one trains on."""
        return [method.before_task(model, task) for method in self.methods][0]

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return the sum of the penalties."""
        found = [method.penalty(model, batch) for method in self.methods]
        added = [each for each in found if each is not None]
        return torch.stack(added).sum() if added else None

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Call each in order."""
        for method in self.methods:
            method.after_step(model, optimizer)

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Call each in order."""
        for method in self.methods:
            method.after_task(model, task)

    def memory_bytes(self) -> int:
        """Return the sum."""
        return sum(method.memory_bytes() for method in self.methods)


def learned(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that are trained, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of the trained parameters that no graph holds (erratum M28).

    >>> snapshot(nn.Linear(1, 1))["bias"].requires_grad
    False
    """
    return {name: p.detach().clone() for name, p in learned(model).items()}


def size(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of these tensors.

    >>> size([torch.zeros(3), torch.zeros(2, dtype=torch.bool)])
    14
    """
    return sum(x.numel() * x.element_size() for x in tensors)
