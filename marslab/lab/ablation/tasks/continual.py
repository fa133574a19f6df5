"""Learn tasks one after the other with a method against forgetting, and score all after each."""

from dataclasses import dataclass
from typing import Literal

import torch

from marslab.errors import UserError, unknown
from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.tasks import Outcome, Task, Trial
from marslab.learning.continual import Budget, learn_tasks, make_method
from marslab.learning.continual.methods import find_method
from marslab.tasks.continual import SCENARIOS, find_scenario, validation


@dataclass(frozen=True)
class ContinualSettings:
    """Which scenario, which method, and how each task is trained.

    `scored` "validation" scores on every fifth of the training examples: to choose `strength` by.

    Units:
        strength: of the method, see `make_method`; None for its own
        epochs, lr, batch, decay: see `Budget`
        hidden: width of the perceptron

    >>> ContinualSettings(epochs=0)
    Traceback (most recent call last):
    ValueError: epochs must be positive, got 0
    """

    scenario: str = "split-digits-class"
    method: str = "ewc"
    strength: float | None = None
    epochs: int = 20
    lr: float = 1e-3
    batch: int = 32
    decay: float = 0.01
    hidden: int = 100
    scored: Literal["test", "validation"] = "test"

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise UserError(unknown("scenario", self.scenario, SCENARIOS))
        make_method(self.method, self.strength)
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, got {self.hidden}")
        _ = self.budget

    @property
    def budget(self) -> Budget:
        """How each task is trained."""
        return Budget(self.epochs, self.lr, self.batch, self.decay)


def run(trial: Trial) -> Outcome:
    """Learn the scenario; its data is the same for every seed, its model and order are not.

    Beside the metrics stand R as "R[i,j]" and the untrained accuracies as "b[j]", from 1.
    """
    plan: ContinualSettings = trial.settings
    scenario = find_scenario(plan.scenario)
    if plan.scored == "validation":
        scenario = validation(scenario)
    torch.manual_seed(trial.seed)
    model = find_method(plan.method).model(scenario, plan.hidden)
    method = make_method(plan.method, plan.strength, seed=trial.seed)
    found = learn_tasks(scenario, model, method, plan.budget, seed=trial.seed)
    figures = found.scores._asdict() | {
        "memory": float(found.memory[-1]),
        "growth": found.growth,
        "needs_task_id": float(method.needs_task_id),
        "weights": float(sum(p.numel() for p in model.parameters())),
    }
    for i, row in enumerate(found.R.tolist(), 1):
        figures |= {f"R[{i},{j}]": value for j, value in enumerate(row, 1)}
    figures |= {f"b[{j}]": value for j, value in enumerate(found.untrained.tolist(), 1)}
    curve = [(i + 1.0, found.R[i, : i + 1].mean().item()) for i in range(len(found.R))]
    return Outcome(figures, curve)


TASK = Task(
    "continual",
    "Learn tasks one after the other",
    ContinualSettings,
    (
        Metric("average", "mean accuracy on all tasks at the end", True, "share"),
        Metric("bwt", "backward transfer", True, "share"),
        Metric("fwt", "forward transfer", True, "share"),
        Metric("forgetting", "forgetting", False, "share"),
        Metric("memory", "kept between tasks", False, "bytes"),
        Metric("growth", "kept more for each task", False, "bytes"),
        Metric("needs_task_id", "must be told the task (1) or not (0)", False),
        Metric("weights", "weights of the model", False),
    ),
    run,
    needs_preset=False,
)
