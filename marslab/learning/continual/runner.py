"""Learn the tasks of a scenario one after the other, and score every task after each."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from marslab.learning.continual.batch import Batch, accuracy_on, loss
from marslab.learning.continual.method import Method, learned
from marslab.learning.continual.metrics import Scores, scores
from marslab.tasks.continual import Scenario
from marslab.tracing import emit


@dataclass(frozen=True)
class Budget:
    """How each task is trained; the optimizer, AdamW, begins anew with each.

    Units:
        epochs: passes over what a task trains on, which for joint training grows with the tasks
        lr: learning rate
        batch: examples a step

    Errors:
        ValueError: a number is not positive, or decay is negative

    >>> Budget(epochs=0)
    Traceback (most recent call last):
    ValueError: epochs must be positive, got 0
    """

    epochs: int = 20
    lr: float = 1e-3
    batch: int = 32
    decay: float = 0.01

    def __post_init__(self) -> None:
        for name in ("epochs", "lr", "batch"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.decay < 0:
            raise ValueError(f"decay must be at least 0, got {self.decay}")


@dataclass(frozen=True)
class Sequence:
    """What came of learning a scenario.

    Shapes (T tasks):
        R: [T, T], accuracy on task j after task i
        untrained: [T], accuracies before the first task

    Units:
        memory: bytes that the method keeps after each task
    """

    R: Tensor
    untrained: Tensor
    memory: tuple[int, ...]

    @property
    def scores(self) -> Scores:
        """Average accuracy, BWT, FWT and forgetting."""
        return scores(self.R, self.untrained)

    @property
    def growth(self) -> float:
        """Bytes that each further task adds."""
        return (self.memory[-1] - self.memory[0]) / max(1, len(self.memory) - 1)


def learn_tasks(
    scenario: Scenario,
    model: nn.Module,
    method: Method,
    budget: Budget = Budget(),
    *,
    seed: int = 0,
) -> Sequence:
    """Train `model` on each task in turn with a method against forgetting.

    The order of the examples comes from `seed` alone. A trace gets an event "continual" after each
    task: its number, a row of R, and the bytes that the method keeps.

    Errors:
        ValueError: the method needs to know the task, and the scenario does not tell it

    >>> from marslab.learning.continual.models import mlp
    >>> from marslab.tasks.continual import split_digits
    >>> scenario = split_digits()
    >>> found = learn_tasks(scenario, mlp(scenario), Method(), Budget(epochs=2))
    >>> found.R.shape, found.scores.forgetting > 0.5
    (torch.Size([5, 5]), True)
    """
    if method.needs_task_id and scenario.kind != "task":
        raise ValueError(
            f"{type(method).__name__} must be told the task of each example, and {scenario.name} "
            "does not tell it: use a scenario of kind 'task'"
        )
    order = torch.Generator().manual_seed(seed)
    untrained = _row(scenario, model)
    rows, memory = [], []
    for at, task in enumerate(scenario.tasks):
        _train(model, method, method.before_task(model, task), budget, order)
        method.after_task(model, task)
        rows.append(_row(scenario, model))
        memory.append(method.memory_bytes())
        emit("continual", step=at, task=task.name, accuracy=rows[-1], memory_bytes=memory[-1])
    return Sequence(torch.stack(rows), untrained, tuple(memory))


def _row(scenario: Scenario, model: nn.Module) -> Tensor:
    return torch.tensor([accuracy_on(model, task) for task in scenario.tasks])


def _train(
    model: nn.Module, method: Method, rows: Batch, budget: Budget, order: torch.Generator
) -> None:
    optimizer = torch.optim.AdamW(
        list(learned(model).values()), lr=budget.lr, weight_decay=budget.decay
    )
    model.train()
    for _ in range(budget.epochs):
        for at in torch.randperm(len(rows.y), generator=order).split(budget.batch):
            batch = rows.at(at)
            optimizer.zero_grad()
            loss(model, batch).backward()
            added = method.penalty(model, batch)
            if added is not None:
                added.backward()
            optimizer.step()
            method.after_step(model, optimizer)
