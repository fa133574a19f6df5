"""The reference solutions of notebook 40 against the library."""

import pytest
import torch
from torch import nn

from marslab.lab.course.content import continual
from marslab.learning.continual import Ewc, fisher_diagonal
from marslab.learning.continual.batch import Batch
from marslab.learning.continual.metrics import scores
from marslab.learning.continual.sparse import largest


def test_the_scores_are_those_of_the_library() -> None:
    torch.manual_seed(0)
    for tasks in (2, 3, 6):
        R, b = torch.rand(tasks, tasks), torch.rand(tasks)
        assert continual.three_scores(R, b) == pytest.approx(tuple(scores(R, b))[1:])


def test_the_importance_is_the_empirical_fisher_of_a_linear_model() -> None:
    torch.manual_seed(1)
    model = nn.Linear(3, 4, bias=False).double()
    x, y = torch.randn(9, 3, dtype=torch.float64), torch.randint(4, (9,))
    rows = Batch(x, y, torch.ones(9, 4, dtype=torch.bool))
    found = fisher_diagonal(model, rows, labels="empirical")["weight"]
    torch.testing.assert_close(continual.importance(model.weight.detach(), x, y), found)


def test_a_weight_rests_where_ewc_pulls_no_more() -> None:
    model = nn.Linear(1, 1, bias=False)
    springs = [(0.5, 2.0), (2.0, -1.0), (0.25, 0.0)]
    ewc = Ewc(strength=3.0)
    ewc.springs = [
        ({"weight": torch.tensor([[F]])}, {"weight": torch.tensor([[old]])}) for F, old in springs
    ]
    with torch.no_grad():
        model.weight.fill_(continual.rest(5.0, springs, 3.0))
    added = ewc.penalty(model, Batch(torch.empty(0), torch.empty(0), torch.empty(0)))
    assert added is not None
    (added + (model.weight - 5.0).square().sum() / 2).backward()
    assert model.weight.grad is not None and abs(model.weight.grad.item()) < 1e-5


def test_the_chosen_weights_are_those_of_the_sparse_update() -> None:
    torch.manual_seed(2)
    gradients = [torch.randn(5, 3), torch.randn(3)]
    for share in (1e-4, 0.1, 0.5, 1.0):
        expected = largest({str(at): g.abs() for at, g in enumerate(gradients)}, share)
        found = continual.chosen(gradients, share)
        assert all(map(torch.equal, found, expected.values()))
