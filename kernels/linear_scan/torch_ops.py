"""Two short loops instead of one long one: autograd sees plain tensor operations.

Cut L steps into S segments of C. One loop walks the C steps of all segments at once and keeps, for
each step, the state from a zero start and the product of decays. A second loop carries the true
state over the S segments. With C = sqrt(L) that is 2 sqrt(L) calls in place of L.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `b`, and the last state [B, D] in that of `h0`."""
    L = b.shape[1]
    if L == 0:
        return b.clone(), h0.clone()
    if reverse:
        h, state = linear_scan(a.flip(1), b.flip(1), h0)
        return h.flip(1), state
    steps = math.isqrt(L - 1) + 1
    pad = (0, 0, 0, -L % steps)  # steps that keep the state: decay 1, input 0
    a = F.pad(a.to(h0.dtype), pad, value=1.0).unflatten(1, (-1, steps))
    local = F.pad(b.to(h0.dtype), pad).unflatten(1, (-1, steps))
    keep, inner, total = _within(a, local)
    carry = [h.to(h0.dtype) for h in _across(total, inner[:, :, -1], h0)]
    h = (inner + keep * torch.stack(carry[:-1], 1)[:, :, None]).flatten(1, 2)[:, :L]
    return h.to(b.dtype), carry[-1]


def _within(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Product of decays and state from zero, for each step of each segment: [B, S, C, D] twice.

    Also the product over each whole segment, [B, S, D], in float64: where decays repeat, the
    rounding of a float32 product is the same in every segment and adds up.
    """
    wide = a.dtype if a.device.type == "mps" else torch.promote_types(a.dtype, torch.float64)
    first, *later = zip(a.unbind(2), b.unbind(2), strict=True)
    keep, inner, total = [first[0]], [first[1]], first[0].to(wide)
    for a_t, b_t in later:
        keep.append(a_t * keep[-1])
        inner.append(a_t * inner[-1] + b_t)
        total = a_t * total
    return torch.stack(keep, 2), torch.stack(inner, 2), total


def _across(keep: Tensor, last: Tensor, h0: Tensor) -> list[Tensor]:
    """The state before each segment and after the last: S + 1 tensors [B, D]."""
    carry = [h0]
    for keep_s, last_s in zip(keep.unbind(1), last.unbind(1), strict=True):
        carry.append(keep_s * carry[-1] + last_s)
    return carry
