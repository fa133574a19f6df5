"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor


def gated_recurrence(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `z`, and the last state [B, D] in that of `h0`."""
    W, h, out = W.to(h0.dtype), h0, []
    for z_t, gamma_t in zip(z.to(h0.dtype).unbind(1), gamma.to(h0.dtype).unbind(1), strict=True):
        h = z_t * torch.sigmoid(h @ W.T) + gamma_t * h
        out.append(h)
    if not out:
        return z.clone(), h0.clone()
    return torch.stack(out, dim=1).to(z.dtype), h
