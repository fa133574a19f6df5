"""The figures of continual learning: toy matrices whose figures are known."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marslab.learning.continual import (
    average_accuracy,
    backward_transfer,
    bwt_limit,
    forgetting,
    forward_transfer,
)
from marslab.learning.continual.metrics import scores

# The first task is half forgotten, the second gets better later, the third is guessed early.
R = torch.tensor([[0.8, 0.3, 0.2], [0.9, 0.6, 0.4], [0.5, 0.7, 1.0]])
UNTRAINED = torch.tensor([0.1, 0.2, 0.1])


def test_known_values() -> None:
    assert average_accuracy(R) == pytest.approx((0.5 + 0.7 + 1.0) / 3)
    assert backward_transfer(R) == pytest.approx(((0.5 - 0.8) + (0.7 - 0.6)) / 2)
    assert forward_transfer(R, UNTRAINED) == pytest.approx(((0.3 - 0.2) + (0.4 - 0.1)) / 2)
    # The best of the first task is 0.9, after the second one, not 0.8.
    assert forgetting(R) == pytest.approx(((0.9 - 0.5) + (0.6 - 0.7)) / 2)


matrices = st.integers(2, 5).flatmap(
    lambda n: st.lists(st.floats(0, 1), min_size=n * n, max_size=n * n).map(
        lambda cells: torch.tensor(cells, dtype=torch.float64).reshape(n, n)
    )
)


def by_loops(R: torch.Tensor, b: torch.Tensor) -> list[float]:
    """The four definitions, term by term."""
    T, r = len(R), R.tolist()
    return [
        sum(r[T - 1][j] for j in range(T)) / T,
        sum(r[T - 1][i] - r[i][i] for i in range(T - 1)) / (T - 1),
        sum(r[i - 1][i] - b[i].item() for i in range(1, T)) / (T - 1),
        sum(max(r[l][j] for l in range(T - 1)) - r[T - 1][j] for j in range(T - 1)) / (T - 1),
    ]


@given(matrices)
def test_the_definitions_term_by_term(R: torch.Tensor) -> None:
    b = R.flip(0)[0] / 2
    assert list(scores(R, b)) == pytest.approx(by_loops(R, b), abs=1e-12)


@given(matrices)
def test_a_bwt_of_0_9_needs_tasks_that_were_hardly_learned(R: torch.Tensor) -> None:
    """M39: BWT <= 1 - mean R[i, i]. Above 0.9, a task just learned stands below 10 % on average."""
    learned = R.diagonal()[:-1].mean().item()
    assert backward_transfer(R) <= bwt_limit(R) + 1e-12 == pytest.approx(1 - learned + 1e-12)
    if learned >= 0.1:
        assert backward_transfer(R) <= 0.9 + 1e-12
    assert forgetting(R) >= -backward_transfer(R) - 1e-12


def test_the_limit_is_reached() -> None:
    R = torch.tensor([[0.25, 0.0], [1.0, 1.0]])
    assert backward_transfer(R) == bwt_limit(R) == 0.75


@pytest.mark.parametrize("bad", [torch.zeros(2, 3), torch.zeros(0, 0), torch.zeros(3)])
def test_what_is_no_matrix_is_refused(bad: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="one row for each task"):
        average_accuracy(bad)


def test_one_task_transfers_nothing() -> None:
    with pytest.raises(ValueError, match="at least two tasks"):
        backward_transfer(torch.ones(1, 1))
    with pytest.raises(ValueError, match="one accuracy for each of 3"):
        forward_transfer(R, UNTRAINED[:2])
