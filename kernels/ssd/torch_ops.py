"""The chunked form in plain tensor operations: attention inside a chunk, a recurrence between.

Cut L steps into chunks of T. Inside a chunk every output looks at every earlier input directly,
which is a masked matrix product (quadratic.py does that for the whole sequence). Between chunks
only the state travels. With T = 64 that is L / 64 steps of a loop, and matrix products.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.ssd.decay import decays, log_decay, wide


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """Return y [B, L, H, P] in the dtype of `x`, the last state [B, H, P, N] in that of `h0`."""
    L, dtype = x.shape[1], h0.dtype
    if L == 0:
        return x.clone(), h0.clone()
    T, shared = min(chunk_size, L), (B.shape[2], x.shape[2] // B.shape[2])
    keys, queries = (_chunks(v.to(dtype), T).movedim(2, 3) for v in (B, C))  # [B, c, G, T, N]
    values = _chunks(x.to(dtype), T).movedim(2, 3).unflatten(2, shared)  # [B, c, G, R, T, P]
    steps = _chunks(dt.to(dtype), T).mT.unflatten(2, shared)  # [B, c, G, R, T]
    log = _chunks(log_decay(dt, A, wide(h0)), T).mT.unflatten(2, shared)
    pairs, keep, rest, total = decays(log, dtype)

    weights = (queries @ keys.mT)[:, :, :, None] * pairs * steps[..., None, :]
    gained = ((rest * steps)[..., None] * values).mT @ keys[:, :, :, None]  # [B, c, G, R, P, N]
    entering, state = _carry(total, gained, h0.unflatten(1, shared))
    from_before = queries[:, :, :, None] @ entering.mT * keep[..., None]
    y = (weights @ values + from_before).flatten(2, 3).movedim(2, 3).flatten(1, 2)[:, :L]
    y = y + D.to(dtype)[:, None] * x.to(dtype)
    return y.to(x.dtype), state.flatten(1, 2)


def _chunks(x: Tensor, T: int) -> Tensor:
    """[B, L, ...] -> [B, c, T, ...], with steps of zeros at the end: dt = 0 keeps the state."""
    pad = (0, 0) * (x.ndim - 2) + (0, -x.shape[1] % T)
    return F.pad(x, pad).unflatten(1, (-(-x.shape[1] // T), T))


def _carry(total: Tensor, gained: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """The state before each chunk, stacked along axis 1, and after the last.

    The loop runs in the wide dtype of `total`: where decays repeat, the rounding of a float32
    product is the same in every chunk and adds up.
    """
    states = [h0.to(total.dtype)]
    for total_c, gained_c in zip(total.unbind(1), gained.unbind(1), strict=True):
        states.append(total_c[..., None, None] * states[-1] + gained_c)
    return torch.stack(states[:-1], 1).to(h0.dtype), states[-1].to(h0.dtype)
