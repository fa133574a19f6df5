"""All chunks at once: a sum, of steps weighted with what the later steps of the chunk keep."""

import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.decay_product import torch_ops as products


def chunk_reduce(x: Tensor, chunk: int, op: str, gamma: Tensor | None) -> Tensor:
    """Return what each completed chunk of `x` boils down to, in the dtype of `x`.

    `gamma` has as many axes as `x`; those of size 1 serve all numbers along them.
    """
    cut = _chunks(x, chunk)
    if op == "mean":
        return cut.mean(2).to(x.dtype)
    if gamma is not None:
        cut = cut * _weights(_chunks(gamma, chunk))
    return cut.sum(2).to(x.dtype)


def _chunks(x: Tensor, chunk: int) -> Tensor:
    """[B, L, ...] -> [B, L//chunk, chunk, ...], in the dtype in which states are kept."""
    count = x.shape[1] // chunk
    return x[:, : count * chunk].unflatten(1, (count, chunk)).to(state_dtype(x.dtype))


def _weights(gamma: Tensor) -> Tensor:
    """The product of all later decays of the chunk, for each of its steps."""
    later = gamma[:, :, 1:].flip(2).flatten(0, 1)  # the first decay of a chunk meets no state
    kept = products.decay_product(later).unflatten(0, gamma.shape[:2]).flip(2)
    return F.pad(kept, (0, 0) * (gamma.ndim - 3) + (0, 1), value=1.0)
