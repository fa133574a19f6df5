"""What each completed chunk of a sequence boils down to: its mean, its sum, or its last state."""

from typing import Literal, get_args

from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, state_dtype, within
from marslab.kernels.chunk_reduce import naive, torch_ops

BACKENDS = ("naive", "torch")
Reduction = Literal["mean", "sum", "decay"]


def chunk_reduce(
    x: Tensor,
    chunk: int,
    *,
    op: Reduction = "mean",
    gamma: Tensor | None = None,
    backend: str = "auto",
) -> Tensor:
    """Reduce every completed chunk of steps to one; steps after the last whole chunk are left out.

    "decay" runs h = gamma[t] * h + x[t] through a chunk, from zero, and gives its last state: step
    i counts with the product of all later decays of its chunk.

    Shapes (B batch, L length):
        x: [B, L, ...], a real dtype
        gamma: for "decay", with the first axes of x: [B, L], or [B, L, M] for x [B, L, M, D], up
            to all of them; a decay serves all numbers that its place holds. Of the dtype of `x`,
            or float32 beside a 16-bit `x`
        returns: [B, L // chunk, ...] in the dtype of `x`

    Units:
        chunk: steps, at least 1; gamma: the share that is kept in a step, in [0, 1]

    Errors:
        TypeError: not a tensor, a dtype that the op does not take, or a chunk that is no integer
        ValueError: shapes or devices do not fit, a chunk below 1, an unknown `op`, a gamma that is
            missing, useless or outside [0, 1], or `backend` is named and cannot run here

    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    >>> chunk_reduce(x, 2).tolist()
    [[1.5, 3.5]]
    >>> chunk_reduce(x, 2, op="decay", gamma=torch.full((1, 5), 0.5)).tolist()
    [[2.5, 5.5]]
    """
    _check(x, chunk, op)
    if op == "decay":
        gamma = _decays(x, gamma)
    elif gamma is not None:
        raise ValueError(f"chunk_reduce: gamma counts with op='decay' alone, got op={op!r}")
    name = choose("chunk_reduce", backend, x.device, BACKENDS)
    return (naive if name == "naive" else torch_ops).chunk_reduce(x, chunk, op, gamma)


def _check(x: Tensor, chunk: int, op: str) -> None:
    is_tensor("chunk_reduce", "x", x)
    if x.ndim < 2:
        raise ValueError(f"chunk_reduce: x must be [B, L, ...], got {list(x.shape)}")
    if not isinstance(chunk, int) or isinstance(chunk, bool):
        raise TypeError(f"chunk_reduce: chunk must be an int, got {type(chunk).__name__}")
    if chunk < 1:
        raise ValueError(f"chunk_reduce: chunk must be at least 1 step, got {chunk}")
    if op not in get_args(Reduction):
        raise ValueError(f"chunk_reduce: op must be one of {get_args(Reduction)}, got {op!r}")


def _decays(x: Tensor, gamma: Tensor | None) -> Tensor:
    """Gamma with an axis for each of x."""
    if gamma is None:
        raise ValueError("chunk_reduce: op='decay' needs gamma, a decay for each step; got None")
    allowed = {x.dtype, state_dtype(x.dtype)}
    is_tensor("chunk_reduce", "gamma", gamma, only=allowed, because=f"beside x of {x.dtype}")
    if gamma.ndim < 2 or gamma.shape != x.shape[: gamma.ndim]:
        raise ValueError(
            f"chunk_reduce: gamma must have the first axes of x, {list(x.shape[:2])} at the least"
            f" and {list(x.shape)} at the most, got {list(gamma.shape)}"
        )
    on_one_device("chunk_reduce", x=x, gamma=gamma)
    within("chunk_reduce", "gamma", gamma, 0.0, 1.0, "in [0, 1]")
    return gamma.reshape(*gamma.shape, *(1 for _ in range(x.ndim - gamma.ndim)))
