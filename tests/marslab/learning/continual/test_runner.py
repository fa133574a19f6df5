"""The runner: what is trained on what, what is scored, and what methods bring on real digits."""

import pytest
import torch
from torch import nn

from marslab.learning.continual import Budget, Method, learn_tasks, make_method, mlp
from marslab.learning.continual.batch import Batch
from marslab.learning.continual.runner import Sequence
from marslab.tasks.continual import ContinualTask, Scenario, permuted_digits, split_digits
from marslab.tracing import trace

QUICK = Budget(epochs=12, lr=3e-3)


def learned(name: str, kind: str = "class", strength: float | None = None, seed: int = 0):
    torch.manual_seed(seed)
    scenario = split_digits(kind)  # pyright: ignore[reportArgumentType]
    method = make_method(name, strength, seed)
    return learn_tasks(scenario, mlp(scenario), method, QUICK, seed=seed)


@pytest.fixture(scope="module")
def naive() -> Sequence:
    return learned("naive")


def test_fine_tuning_forgets_and_joint_training_does_not(naive: Sequence) -> None:
    joint = learned("joint")
    assert naive.scores.forgetting > 0.8 and naive.scores.average < 0.3
    assert joint.scores.forgetting < 0.1 and joint.scores.average > 0.85
    assert naive.R.diagonal().min() > 0.85  # each task is learned while it is there


@pytest.mark.parametrize("name", ["replay", "hdc-replay", "ewc-hdc-replay"])
def test_replay_forgets_less(name: str, naive: Sequence) -> None:
    found = learned(name, strength=10.0 if name == "ewc-hdc-replay" else None)
    assert found.scores.average > naive.scores.average + 0.3
    assert found.scores.forgetting < naive.scores.forgetting - 0.3


@pytest.mark.parametrize(("name", "strength"), [("ewc", 10.0), ("online-ewc", 10.0), ("si", 1.0)])
def test_springs_hold_old_tasks(name: str, strength: float) -> None:
    scenario = permuted_digits(3)

    def go(method: Method) -> Sequence:
        torch.manual_seed(0)
        return learn_tasks(scenario, mlp(scenario, 50), method, Budget(epochs=8, lr=3e-3))

    plain, held = go(Method()).scores, go(make_method(name, strength)).scores
    assert held.forgetting < plain.forgetting - 0.15
    assert held.average > plain.average + 0.08


def test_who_is_told_the_task_forgets_little() -> None:
    found = learned("naive", "task")
    assert found.scores.average > 0.9 and found.scores.forgetting < 0.1


def test_the_same_seed_gives_the_same_figures(naive: Sequence) -> None:
    for name in ("replay", "hdc-replay"):
        one, two = learned(name), learned(name)
        assert torch.equal(one.R, two.R) and one.memory == two.memory
    assert not torch.equal(naive.R, learned("naive", seed=1).R)


class Watcher(Method):
    """Writes down what the runner calls, and what the gradient is when the penalty is asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        self.calls.append("before")
        return super().before_task(model, task).at(torch.arange(64))

    def penalty(self, model: nn.Module, batch: Batch) -> torch.Tensor | None:
        self.calls.append(f"penalty {len(batch.y)}")
        assert all(p.grad is not None for p in model.parameters())
        return None

    def after_step(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.calls.append("step")

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        self.calls.append("after")

    def memory_bytes(self) -> int:
        return 10 * self.calls.count("after")


def small(kind: str = "class") -> Scenario:
    scenario = split_digits(kind)  # pyright: ignore[reportArgumentType]
    return scenario._replace(tasks=scenario.tasks[:2])


def test_the_order_of_the_calls() -> None:
    watcher, scenario = Watcher(), small()
    found = learn_tasks(scenario, mlp(scenario), watcher, Budget(epochs=1, batch=40))
    one = ["before", "penalty 40", "step", "penalty 24", "step", "after"]
    assert watcher.calls == one + one
    assert found.memory == (10, 20) and found.growth == 10


def test_each_task_is_told_to_a_trace() -> None:
    scenario = small()
    with trace() as t:
        found = learn_tasks(scenario, mlp(scenario), Method(), Budget(epochs=1))
    frame = t.frame("continual")
    assert frame["task"].tolist() == ["0, 1", "2, 3"]
    assert frame["accuracy"][1].tolist() == found.R[1].tolist()


def test_a_method_that_must_be_told_the_task_is_refused_where_nobody_tells() -> None:
    gated = Method()
    gated.needs_task_id = True
    with pytest.raises(ValueError, match="use a scenario of kind 'task'"):
        learn_tasks(small(), mlp(small()), gated)
    assert learn_tasks(small("task"), mlp(small("task")), gated, Budget(epochs=1)).R.shape == (2, 2)


def test_scores_are_those_of_held_out_digits_among_the_allowed() -> None:
    scenario = small("task")
    last = nn.Linear(64, 10)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_((torch.arange(10) == 3).float())
        last.bias[9] = 5  # not allowed in these tasks
    always_three = nn.Sequential(nn.Flatten(), last)
    found = learn_tasks(scenario, always_three, Method(), Budget(epochs=1, lr=1e-12, decay=0))
    labels = scenario.tasks[1].split.test_y
    assert found.untrained[1].item() == pytest.approx((labels == 3).float().mean().item())
