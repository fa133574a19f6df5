"""What a matrix of accuracies says about forgetting and transfer.

R[i, j] is the accuracy on task j after task i was learned; b[j] is that of the untrained model.
"""

from typing import NamedTuple

from torch import Tensor


class Scores(NamedTuple):
    """The figures of one run.

    Units:
        average: mean accuracy over all tasks after the last one, 0..1
        bwt: backward transfer, -1..1; below 0 is what later tasks cost
        fwt: forward transfer, -1..1, against the untrained model
        forgetting: from the best that a task ever had to its end, -1..1
    """

    average: float
    bwt: float
    fwt: float
    forgetting: float


def average_accuracy(R: Tensor) -> float:
    """Return the mean of the last row: mean_j R[T, j].

    Shapes (T tasks):
        R: [T, T], 0..1

    Source:
        Lopez-Paz & Ranzato 2017, "Gradient episodic memory", section 2.

    >>> import torch
    >>> average_accuracy(torch.tensor([[1.0, 0.0], [0.5, 1.0]]))
    0.75
    """
    return _checked(R)[-1].mean().item()


def backward_transfer(R: Tensor) -> float:
    """Return BWT = mean over i < T of R[T, i] - R[i, i].

    It is at most `bwt_limit(R)`: 0.9 needs tasks that were just learned to less than 10 % (erratum
    M39).

    Shapes (T tasks):
        R: [T, T], 0..1

    Errors:
        ValueError: fewer than two tasks

    Source:
        Lopez-Paz & Ranzato 2017, "Gradient episodic memory", section 2.

    >>> import torch
    >>> backward_transfer(torch.tensor([[1.0, 0.0], [0.5, 1.0]]))
    -0.5
    """
    R = _several(R)
    return (R[-1, :-1] - R.diagonal()[:-1]).mean().item()


def bwt_limit(R: Tensor) -> float:
    """Return the most that BWT can be with these accuracies: 1 - mean over i < T of R[i, i].

    Shapes (T tasks):
        R: [T, T], 0..1

    Errors:
        ValueError: fewer than two tasks

    Source:
        R[T, i] <= 1 in the definition of BWT

    >>> import torch
    >>> bwt_limit(torch.tensor([[0.75, 0.0], [0.5, 1.0]]))
    0.25
    """
    return 1 - _several(R).diagonal()[:-1].mean().item()


def forward_transfer(R: Tensor, untrained: Tensor) -> float:
    """Return FWT = mean over i > 1 of R[i - 1, i] - b[i].

    Shapes (T tasks):
        R: [T, T], 0..1
        untrained: [T], b, the accuracies of the model before the first task

    Errors:
        ValueError: fewer than two tasks, or shapes that do not fit

    Source:
        Lopez-Paz & Ranzato 2017, "Gradient episodic memory", section 2.

    >>> import torch
    >>> forward_transfer(torch.tensor([[1.0, 0.75], [0.5, 1.0]]), torch.tensor([0.5, 0.5]))
    0.25
    """
    R = _several(R)
    if untrained.shape != R.shape[:1]:
        raise ValueError(
            f"untrained must hold one accuracy for each of {len(R)} tasks, "
            f"got {list(untrained.shape)}"
        )
    return (R.diagonal(1) - untrained[1:]).mean().item()


def forgetting(R: Tensor) -> float:
    """Return the mean over j < T of max over l < T of R[l, j], minus R[T, j].

    Shapes (T tasks):
        R: [T, T], 0..1

    Errors:
        ValueError: fewer than two tasks

    Source:
        Chaudhry et al. 2018, "Riemannian walk for incremental learning", section 3.

    >>> import torch
    >>> forgetting(torch.tensor([[0.5, 0.0, 0.0], [0.75, 1.0, 0.0], [0.25, 1.0, 1.0]]))
    0.25
    """
    R = _several(R)
    return (R[:-1, :-1].amax(0) - R[-1, :-1]).mean().item()


def scores(R: Tensor, untrained: Tensor) -> Scores:
    """Return all four figures of a run.

    Shapes (T tasks):
        R: [T, T]; untrained: [T]

    Errors:
        ValueError: as above

    >>> import torch
    >>> scores(torch.tensor([[1.0, 0.75], [0.5, 1.0]]), torch.tensor([0.5, 0.5]))
    Scores(average=0.75, bwt=-0.5, fwt=0.25, forgetting=0.5)
    """
    return Scores(
        average_accuracy(R), backward_transfer(R), forward_transfer(R, untrained), forgetting(R)
    )


def _checked(R: Tensor) -> Tensor:
    if R.ndim != 2 or R.shape[0] != R.shape[1] or not R.numel():
        raise ValueError(f"R must be [T, T], one row for each task learned, got {list(R.shape)}")
    return R


def _several(R: Tensor) -> Tensor:
    if len(_checked(R)) < 2:
        raise ValueError("transfer and forgetting need at least two tasks, got 1")
    return R
