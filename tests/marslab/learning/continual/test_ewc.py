"""Fisher and EWC against closed forms: logistic regression, and a quadratic loss."""

import pytest
import torch
from torch import Tensor, nn

from marslab.learning.continual import Ewc, OnlineEwc, fisher_diagonal
from marslab.learning.continual.batch import Batch, loss
from marslab.tasks.continual import ContinualTask, split_digits

DRAW = torch.Generator().manual_seed(0)


def logistic(n: int = 40, d: int = 3, classes: int = 4) -> tuple[nn.Linear, Batch]:
    model = nn.Linear(d, classes).double()
    x = torch.randn(n, d, generator=DRAW, dtype=torch.float64)
    y = torch.randint(classes, (n,), generator=DRAW)
    return model, Batch(x, y, torch.ones(n, classes, dtype=torch.bool))


def probabilities(model: nn.Module, rows: Batch) -> Tensor:
    return model(rows.x).softmax(-1).detach()


def test_the_exact_fisher_of_logistic_regression() -> None:
    """F of W[c, i] is mean of p_c (1 - p_c) x_i^2."""
    model, rows = logistic()
    p = probabilities(model, rows)
    found = fisher_diagonal(model, rows, labels="exact")
    spread = p * (1 - p)
    torch.testing.assert_close(found["weight"], spread.T @ rows.x.square() / len(rows.y))
    torch.testing.assert_close(found["bias"], spread.mean(0))


def test_the_empirical_fisher_of_logistic_regression() -> None:
    """With the example's own label: mean of (p_c - y_c)^2 x_i^2."""
    model, rows = logistic()
    off = (probabilities(model, rows) - nn.functional.one_hot(rows.y, 4)).square()
    found = fisher_diagonal(model, rows, labels="empirical")
    torch.testing.assert_close(found["weight"], off.T @ rows.x.square() / len(rows.y))


def test_drawn_labels_come_close_to_the_exact_fisher() -> None:
    model, rows = logistic(n=6000)
    exact = fisher_diagonal(model, rows, labels="exact")["weight"]
    drawn = fisher_diagonal(model, rows, generator=torch.Generator().manual_seed(1))["weight"]
    assert ((drawn - exact).norm() / exact.norm()).item() < 0.05


def test_it_is_not_the_square_of_the_mean_gradient() -> None:
    """M25: at the optimum of a batch the mean gradient is 0, and the Fisher is not."""
    model, rows = logistic(n=2)
    rows = rows._replace(x=rows.x[:1].expand(2, -1), y=torch.tensor([0, 1]))
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([9.0, 9.0, -9, -9]))
    mean = torch.autograd.grad(loss(model, rows), model.bias)[0]
    found = fisher_diagonal(model, rows, labels="empirical")["bias"]
    assert mean[0].abs() < 1e-6 and found[0] == pytest.approx(0.25, abs=1e-6)


def test_a_parameter_that_no_answer_uses_matters_nothing() -> None:
    """M24."""
    model, rows = logistic()
    model.register_parameter("idle", torch.nn.Parameter(torch.ones(2, dtype=torch.float64)))
    found = fisher_diagonal(model, rows)
    assert found["idle"].tolist() == [0, 0] and found["weight"].any()


def test_many_examples_are_summed_in_chunks() -> None:
    model, rows = logistic(n=700)
    parts = [rows.at(at) for at in torch.arange(700).split(100)]
    each = [fisher_diagonal(model, part, labels="exact")["weight"] for part in parts]
    whole = fisher_diagonal(model, rows, labels="exact")["weight"]
    torch.testing.assert_close(whole, torch.stack(each).mean(0))


def test_classes_that_are_not_allowed_count_for_nothing() -> None:
    model, rows = logistic()
    rows = rows._replace(allowed=torch.tensor([True, True, False, False]).expand(40, -1))
    found = fisher_diagonal(model, rows)
    assert (found["bias"][2:] == 0).all() and (found["bias"][:2] > 0).all()


class Point(nn.Module):
    """A model whose only weights are a point."""

    def __init__(self, at: Tensor) -> None:
        super().__init__()
        self.theta = nn.Parameter(at.clone())


def test_the_minimum_of_ewc_on_a_quadratic_loss() -> None:
    """(A + sum lambda F_k) theta = A a + sum lambda F_k theta*_k, for two old tasks."""
    A = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    a = torch.tensor([1.0, -2.0], dtype=torch.float64)
    springs = [([0.1, 0.0], [3.0, 3.0]), ([0.0, 0.2], [-1.0, 4.0])]
    ewc = Ewc(strength=10.0)
    for fisher, anchor in springs:
        pair = ({"theta": torch.tensor(v, dtype=torch.float64)} for v in (fisher, anchor))
        ewc.springs.append(tuple(pair))  # pyright: ignore[reportArgumentType]
    model = Point(torch.zeros(2, dtype=torch.float64))
    none = Batch(torch.empty(0), torch.empty(0), torch.empty(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(500):
        optimizer.zero_grad()
        off = model.theta - a
        added = ewc.penalty(model, none)
        assert added is not None
        (off @ A @ off / 2 + added).backward()
        optimizer.step()
    left, right = A.clone(), A @ a
    for fisher, anchor in springs:
        F = 10.0 * torch.tensor(fisher, dtype=torch.float64)
        left, right = left + F.diag(), right + F * torch.tensor(anchor, dtype=torch.float64)
    torch.testing.assert_close(model.theta.detach(), torch.linalg.solve(left, right))


def a_task() -> tuple[nn.Module, ContinualTask]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), split_digits().tasks[0]


def test_anchors_stand_still_while_the_model_moves() -> None:
    model, task = a_task()
    ewc = Ewc(strength=2.0)
    assert ewc.penalty(model, ewc.before_task(model, task)) is None
    ewc.after_task(model, task)
    fisher, anchor = ewc.springs[0]
    with torch.no_grad():
        for p in model.parameters():
            p += 0.5
    assert not any(x.requires_grad for x in anchor.values())
    found = ewc.penalty(model, ewc.before_task(model, task))
    assert found is not None
    expected = 2.0 / 2 * sum(F.sum() for F in fisher.values()) * 0.25
    torch.testing.assert_close(found.detach(), expected)


def test_memory_grows_with_tasks_and_online_it_does_not() -> None:
    model, task = a_task()
    ewc, online = Ewc(), OnlineEwc(gamma=0.5)
    for _ in range(3):
        ewc.after_task(model, task)
        online.after_task(model, task)
    one = 2 * 4 * 650
    assert ewc.memory_bytes() == 3 * one and online.memory_bytes() == one
    parts = [fisher["1.bias"] for fisher, _ in ewc.springs]
    expected = 0.25 * parts[0] + 0.5 * parts[1] + parts[2]
    torch.testing.assert_close(online.springs[0][0]["1.bias"], expected)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Ewc(-1)
    with pytest.raises(ValueError, match="gamma must be in 0..1"):
        OnlineEwc(gamma=2)
    model, rows = logistic(n=1)
    with pytest.raises(ValueError, match="at least one example"):
        fisher_diagonal(model, rows.at(torch.tensor([], dtype=torch.int64)))
