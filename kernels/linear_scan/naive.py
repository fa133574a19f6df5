"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `b`, and the last state [B, D] in that of `h0`."""
    steps = range(b.shape[1])
    h, out = h0, [h0.new_empty(0)] * b.shape[1]
    for t in reversed(steps) if reverse else steps:
        h = a[:, t].to(h0.dtype) * h + b[:, t].to(h0.dtype)
        out[t] = h
    return (torch.stack(out, dim=1) if out else b.to(h0.dtype)).to(b.dtype), h
