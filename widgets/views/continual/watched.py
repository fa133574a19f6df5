"""A method that is looked at while it learns: progress, accuracies in between, and importance."""

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from marslab.learning.continual import Budget, Method, fisher_diagonal
from marslab.learning.continual.batch import Batch, accuracy_on, training_rows
from marslab.learning.continual.method import learned
from marslab.tasks.continual import ContinualTask, Scenario
from marslab.widgets.frame import Say

READINGS = 12  # of every accuracy, in each task


class Watched(Method):
    """Another method, unchanged, that says how far it is and writes down what is known when.

    `steps` and `accuracy` are the readings, `ends` the last step of each task. `importance` holds
    for each task the Fisher of its pixels, that of the weights in the first layer, summed over the
    hidden units, as EWC would measure it here (and for EWC itself, as it did).

    >>> from marslab.learning.continual import learn_tasks, mlp
    >>> from marslab.tasks.continual import split_digits
    >>> scenario = split_digits()
    >>> budget, said = Budget(epochs=1), []
    >>> watched = Watched(Method(), scenario, budget, said.append, "naive")
    >>> found = learn_tasks(scenario, mlp(scenario), watched, budget)
    >>> said[-1], watched.ends
    ('naive, task 5 of 5, 100%', [10, 19, 29, 39, 48])
    """

    def __init__(
        self,
        inner: Method,
        scenario: Scenario,
        budget: Budget,
        say: Say,
        name: str,
        *,
        seed: int = 0,
    ) -> None:
        self.inner, self.scenario, self.budget = inner, scenario, budget
        self.needs_task_id = inner.needs_task_id
        self.steps: list[int] = []
        self.accuracy: list[list[float]] = []
        self.ends: list[int] = []
        self.importance: list[Tensor] = []
        self._say, self._name = say, name
        self._step = self._of_task = self._all = 0
        self._generator = torch.Generator().manual_seed(seed)

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Count the steps that this task will take; read once before the first."""
        if not self.steps:
            self._read(model)
        rows = self.inner.before_task(model, task)
        self._of_task = 0
        self._all = self.budget.epochs * -(-len(rows.y) // self.budget.batch)
        return rows

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return what the method adds."""
        return self.inner.penalty(model, batch)

    def after_step(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Let the method act; read every now and then, and after the last step."""
        self.inner.after_step(model, optimizer)
        self._step += 1
        self._of_task += 1
        before, now = (READINGS * n // self._all for n in (self._of_task - 1, self._of_task))
        if now > before:
            task = f"task {len(self.ends) + 1} of {len(self.scenario.tasks)}"
            self._say(f"{self._name}, {task}, {self._of_task / self._all:.0%}")
            self._read(model)

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Let the method keep what it keeps; measure which pixels matter."""
        self.inner.after_task(model, task)
        self.ends.append(self._step)
        fisher = fisher_diagonal(model, training_rows(task), generator=self._generator)
        first = next(name for name, p in learned(model).items() if p.ndim == 2)
        self.importance.append(fisher[first].sum(0))

    def memory_bytes(self) -> int:
        """Return the bytes that the method keeps."""
        return self.inner.memory_bytes()

    def _read(self, model: nn.Module) -> None:
        self.steps.append(self._step)
        self.accuracy.append([accuracy_on(model, task) for task in self.scenario.tasks])
