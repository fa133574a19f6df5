"""The loop in fewer calls, and what a sweep of the iterated solve needs, in plain torch.

No vectorisation over time gives these states in one pass: the gate of a step needs the state
before it. What can stand side by side is the batch and the width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def gated_recurrence(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `z`, and the last state [B, D] in that of `h0`."""
    if z.shape[1] == 0:
        return z.clone(), h0.clone()
    W, h, out = W.to(h0.dtype), h0, []
    for z_t, gamma_t in zip(z.to(h0.dtype).unbind(1), gamma.to(h0.dtype).unbind(1), strict=True):
        h = torch.addcmul(gamma_t * h, z_t, F.linear(h, W).sigmoid())
        out.append(h)
    return torch.stack(out, dim=1).to(z.dtype), h


def drive(p: Tensor, first: Tensor, z: Tensor) -> Tensor:
    """What a sweep adds at each step, z[t] * sigmoid(p[t-1]), with p[-1] = `first` [B, D]."""
    b = torch.empty_like(z)
    torch.mul(z[:, 0], first.sigmoid(), out=b[:, 0])
    torch.mul(z[:, 1:], p[:, :-1].sigmoid(), out=b[:, 1:])
    return b


def gap(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The largest |x - y| and the largest |x| of each row: [B] twice.

    Equal infinities and NaNs in the same place count as equal, others as infinitely far apart: so
    a solution that has them can be told from an iterate on its way.
    """
    off, size = (v.abs().flatten(1).amax(1) for v in (x - y, x))
    if off.isfinite().all():
        return off, size
    same = (x == y) | (x.isnan() & y.isnan())
    off = (x - y).abs().masked_fill(same, 0.0).nan_to_num(nan=torch.inf, posinf=torch.inf)
    size = x.abs().nan_to_num(nan=0.0, posinf=0.0)
    return off.flatten(1).amax(1), size.flatten(1).amax(1)
