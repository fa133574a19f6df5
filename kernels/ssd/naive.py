"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor

from marslab.kernels.ssd.decay import log_decay


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """Return y [B, L, H, P] in the dtype of `x`, the last state [B, H, P, N] in that of `h0`.

    A loop has no chunks: `chunk_size` is not read.
    """
    dtype, per_group = h0.dtype, x.shape[2] // B.shape[2]
    x_, dt_, D = x.to(dtype), dt.to(dtype), D.to(dtype)
    B, C = (v.to(dtype).repeat_interleave(per_group, 2) for v in (B, C))  # one for each head
    decay = log_decay(dt, A, dtype).exp()[..., None, None]
    write = dt_[..., None] * x_
    h, out = h0, []
    for decay_t, write_t, B_t, C_t in zip(
        *(v.unbind(1) for v in (decay, write, B, C)), strict=True
    ):
        h = decay_t * h + write_t[..., None] * B_t[:, :, None]
        out.append((h * C_t[:, :, None]).sum(-1))
    if not out:
        return x.clone(), h0.clone()
    return (torch.stack(out, dim=1) + D[:, None] * x_).to(x.dtype), h
