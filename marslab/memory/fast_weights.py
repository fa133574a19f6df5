"""The part of Titans that changes while it thinks, and what its size may never pass."""

from typing import NamedTuple

import torch
from torch import Tensor


class TitansState(NamedTuple):
    """Fast weights of a small network and their momentum; never changed in place.

    Keeping the tuple is the snapshot, going back to it the reset.

    Shapes (B any leading sizes, H hidden, M memory width):
        up, up_momentum: [B, H, M]
        down, down_momentum: [B, M, H]

    Units:
        writes: how many times something was written, each `steps` steps
    """

    up: Tensor
    down: Tensor
    up_momentum: Tensor
    down_momentum: Tensor
    writes: int = 0


def bounded(weights: Tensor, most: float) -> Tensor:
    """Scale each matrix whose Frobenius norm is above `most` down to it.

    >>> bounded(torch.tensor([[3.0, 4.0]]), 1.0)
    tensor([[0.6000, 0.8000]])
    """
    norm = torch.linalg.matrix_norm(weights, keepdim=True)
    return weights * (most / norm.clamp(min=most))
