"""The same tasks through Avalanche, where it is installed: the accuracies agree.

Whole tasks are one batch, so that the order of examples cannot differ. Avalanche's EWC has no 1/2
and squares the gradient of a batch: it gets half of lambda, and batches of one example.
"""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.learning.continual import Budget, Ewc, Joint, Method, learn_tasks, mlp
from marslab.tasks.continual import split_digits

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    avalanche: Any = pytest.importorskip(
        "avalanche", reason="avalanche-lib is not installed: pip install avalanche-lib"
    )
    strategies: Any = pytest.importorskip("avalanche.training.supervised")
    plugins: Any = pytest.importorskip("avalanche.training.plugins")
    generators: Any = pytest.importorskip("avalanche.benchmarks.scenarios.deprecated.generators")

BUDGET = Budget(epochs=30, lr=3e-3, batch=2000)
LAMBDA = 300.0


class OneByOne(plugins.EWCPlugin):
    """EWC whose importances come from single examples."""

    def compute_importances(self, *arguments: Any, **named: Any) -> Any:
        model, criterion, optimizer, dataset, device, _ = arguments
        return super().compute_importances(model, criterion, optimizer, dataset, device, 1, **named)


def theirs(strategy: str, plugin: Any = None) -> Tensor:
    """R of an Avalanche strategy on split digits, from our starting weights."""
    scenario = split_digits()
    torch.manual_seed(0)
    model = mlp(scenario)
    splits = [task.split for task in scenario.tasks]
    benchmark = generators.tensors_benchmark(
        train_tensors=[(s.train_x, s.train_y) for s in splits],
        test_tensors=[(s.test_x, s.test_y) for s in splits],
        task_labels=[0] * len(splits),
        complete_test_set_only=False,
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=BUDGET.lr, weight_decay=BUDGET.decay)
    learner = getattr(strategies, strategy)(
        model=model,
        optimizer=optimizer,
        criterion=F.cross_entropy,
        train_mb_size=BUDGET.batch,
        train_epochs=BUDGET.epochs,
        plugins=[plugin] if plugin else [],
        evaluator=None,
    )
    rows = []
    for experience in benchmark.train_stream:
        learner.optimizer.state.clear()  # ours begins anew with each task
        learner.train(experience)
        with torch.no_grad():
            model.eval()
            right = [(model(s.test_x).argmax(-1) == s.test_y).float().mean() for s in splits]
        rows.append(torch.stack(right))
    return torch.stack(rows)


def ours(method: Method) -> Tensor:
    scenario = split_digits()
    torch.manual_seed(0)
    return learn_tasks(scenario, mlp(scenario), method, BUDGET).R


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_accuracies_agree() -> None:
    for method, strategy, plugin in (
        (Method(), "Naive", None),
        (Joint(), "Cumulative", None),
        (Ewc(LAMBDA, labels="empirical"), "Naive", OneByOne(ewc_lambda=LAMBDA / 2)),
    ):
        off = (ours(method) - theirs(strategy, plugin)).abs().max().item()
        assert off <= 0.03, f"{strategy} with {plugin}: {off}"  # two digits of about 70
