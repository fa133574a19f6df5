"""The gradients of z, W, gamma and h0, once it is known what reaches each state.

With s[t] = sigmoid(W h[t-1]), r = z s (1 - s), and g[t] what reaches h[t] in all:

    g[t] = dh[t] + gamma[t+1] g[t+1] + W^T (r[t+1] g[t+1])    after the last step: dstate
    dz = g s,   dgamma[t] = g[t] h[t-1],   dW = sum over rows and steps of (r g)[t] h[t-1]^T

Only g is a recurrence. All else is elementwise work and two products with matrices.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# (gamma, r, W, dh, dstate) -> (g, dh0), all in the dtype of the state and contiguous
Transposed = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def gradients(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, h: Tensor, dh: Tensor, dstate: Tensor,
    transposed: Transposed,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return (dz, dW, dgamma, dh0), each in the dtype of its operand.

    Shapes (B batch, L length, D width):
        z, gamma, h, dh: [B, L, D]; W: [D, D]; h0, dstate: [B, D]
    """
    if h.numel() == 0:
        return z.clone(), torch.zeros_like(W), gamma.clone(), dstate.clone()
    wide = [x.to(h0.dtype).contiguous() for x in (gamma, W, dh, dstate, z)]
    before = torch.cat([h0[:, None], h[:, :-1].to(h0.dtype)], 1)
    s = torch.sigmoid(before @ wide[1].T)
    r = wide[4] * s * (1 - s)
    g, dh0 = transposed(wide[0], r, wide[1], wide[2], wide[3])
    dW = (r * g).flatten(0, 1).T @ before.flatten(0, 1)
    return (g * s).to(z.dtype), dW.to(W.dtype), (g * before).to(gamma.dtype), dh0


def leaving(gamma: Tensor, r: Tensor, W: Tensor, g: Tensor) -> Tensor:
    """What reaches the initial state."""
    return gamma[:, 0] * g[:, 0] + (r[:, 0] * g[:, 0]) @ W


def step_by_step(
    gamma: Tensor, r: Tensor, W: Tensor, dh: Tensor, dstate: Tensor
) -> tuple[Tensor, Tensor]:
    """Return (g, dh0) by a loop from the last step to the first, on any device."""
    g, flow = torch.empty_like(dh), dstate
    for t in reversed(range(dh.shape[1])):
        g_t = dh[:, t] + flow
        g[:, t] = g_t
        flow = gamma[:, t] * g_t + (r[:, t] * g_t) @ W
    return g, flow
