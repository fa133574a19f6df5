"""Chunks of time, each solved as one `linear_scan` over D * N channels. Plain tensor operations.

A chunk bounds how much of [B, L, D, N] is in memory at once while no gradient is asked for;
autograd keeps all chunks.
"""

import torch
from torch import Tensor

from marslab.kernels.linear_scan.torch_ops import linear_scan
from marslab.kernels.selective_scan.naive import discretise

CELLS = 2**20  # of [chunk, D, N]
SHORTEST = 64  # steps: below this the calls cost more than the work


def selective_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, D] in the dtype of `x`, the last state [B, D, N] in that of `h0`."""
    if x.shape[1] == 0:
        return x.clone(), h0.clone()
    steps = max(SHORTEST, CELLS // max(A.numel(), 1))
    chunks = zip(*(v.to(h0.dtype).split(steps, 1) for v in (x, dt, B, C)), strict=True)
    h, out = h0, []
    for x_c, dt_c, B_c, C_c in chunks:
        decay, hold = discretise(dt_c, A, zoh)
        inflow = hold * B_c[:, :, None] * x_c[..., None]
        states, last = linear_scan(decay.flatten(2), inflow.flatten(2), h.flatten(1))
        y = (states.unflatten(2, A.shape) * C_c[:, :, None]).sum(-1)
        out.append(y + D * x_c)
        h = last.unflatten(1, A.shape)
    return torch.cat(out, 1).to(x.dtype), h
