"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `b`, and the last state [B, D] in that of `h0`."""
    steps = list(zip(a.to(h0.dtype).unbind(1), b.to(h0.dtype).unbind(1), strict=True))
    h, out = h0, []
    for a_t, b_t in reversed(steps) if reverse else steps:
        h = a_t * h + b_t
        out.append(h)
    if not out:
        return b.clone(), h0.clone()
    return torch.stack(out[::-1] if reverse else out, dim=1).to(b.dtype), h
