"""Decays over stretches of steps: each the exp of its own sum of logs.

Not a difference of two sums from the start, let alone a quotient of two products: a reset, a step
whose decay is exactly 0, has the log -inf, and -inf minus -inf is no number.
"""

from typing import NamedTuple

import torch
from torch import Tensor


def log_decay(dt: Tensor, A: Tensor, dtype: torch.dtype) -> Tensor:
    """dt * A [B, L, H]. Where dt = 0 no time passes: the log is 0 even beside A = -inf."""
    dt, A = dt.to(dtype), A.to(dtype)
    forgets = A == float("-inf")
    return (dt * A.masked_fill(forgets, 0.0)).masked_fill(forgets & (dt > 0), float("-inf"))


def wide(x: Tensor) -> torch.dtype:
    """The dtype for sums of logs: float64 where the device has it."""
    return x.dtype if x.device.type == "mps" else torch.float64


class Decays(NamedTuple):
    """Decays within a chunk of T steps.

    pairs: [..., T, T], row i, column j: from after step j to after step i; 0 for j > i
    keep: [..., T], from before the chunk to after step i
    rest: [..., T], from after step j to the end of the chunk
    total: [...], over the whole chunk, in the dtype of the logs
    """

    pairs: Tensor
    keep: Tensor
    rest: Tensor
    total: Tensor


def decays(log: Tensor, dtype: torch.dtype) -> Decays:
    """Turn the logs of T steps, [..., T] in a wide dtype, into the decays between them."""
    T = log.shape[-1]
    upto = torch.ones(T, T, dtype=torch.bool, device=log.device).tril()
    after = upto.tril(-1)  # row k, column j: step k comes after step j
    sums = torch.where(after, log[..., :, None], 0.0).cumsum(-2)
    pairs = sums.masked_fill(~upto, float("-inf")).to(dtype).exp()
    keep = log.cumsum(-1)
    return Decays(pairs, keep.to(dtype).exp(), pairs[..., -1, :], keep[..., -1].exp())
