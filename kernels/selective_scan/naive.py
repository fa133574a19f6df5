"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor

TERMS = 7
# Nearer to 0 than this the quotient is a series: its derivative loses eps / edge to rounding.
EDGE = {torch.float64: 0.02, torch.float32: 0.2}


def selective_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, D] in the dtype of `x`, the last state [B, D, N] in that of `h0`."""
    steps = zip(*(v.to(h0.dtype).unbind(1) for v in (x, dt, B, C)), strict=True)
    h, out = h0, []
    for x_t, dt_t, B_t, C_t in steps:
        decay, hold = discretise(dt_t, A, zoh)
        h = decay * h + hold * B_t[:, None] * x_t[..., None]
        out.append((h * C_t[:, None]).sum(-1) + D * x_t)
    if not out:
        return x.clone(), h0.clone()
    return torch.stack(out, 1).to(x.dtype), h


def discretise(dt: Tensor, A: Tensor, zoh: bool) -> tuple[Tensor, Tensor]:
    """Return what a step keeps of the state, exp(dt A), and what stands before B x.

    Shapes (D width, N state):
        dt: [..., D]; A: [D, N]
        returns: [..., D, N]; the second may be [..., D, 1]
    """
    dt = dt[..., None]
    z = dt * A
    return z.exp(), dt * mean_decay(z) if zoh else dt


def mean_decay(z: Tensor) -> Tensor:
    """(exp(z) - 1) / z, the mean of exp over [0, z]; 1 at z = 0, with a derivative of 1/2 there."""
    near = z.abs() < EDGE[z.dtype]
    small, large = torch.where(near, z, 0.0), torch.where(near, -1.0, z)
    series = torch.ones_like(z)
    for k in range(TERMS, 1, -1):
        series = 1 + small / k * series
    return torch.where(near, series, large.expm1() / large)
