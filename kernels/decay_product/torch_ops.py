"""Two short loops instead of one long one, of products alone: autograd has nothing to divide.

Cut L steps into S segments of C. One loop walks the C steps of all segments at once, a second one
carries the product over the S segments. With C = sqrt(L) that is 2 sqrt(L) calls in place of L.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def decay_product(gamma: Tensor) -> Tensor:
    """Return the product of all decays so far, in the shape and dtype of `gamma`.

    Products are taken in float64: where decays repeat, so does the rounding of a float32 product,
    and it adds up.
    """
    L = gamma.shape[1]
    if L == 0:
        return gamma.clone()
    wide = torch.float32 if gamma.device.type == "mps" else torch.float64
    steps = math.isqrt(L - 1) + 1
    pad = (0, 0) * (gamma.ndim - 2) + (0, -L % steps)
    within = _running(F.pad(gamma.to(wide), pad, value=1.0).unflatten(1, (-1, steps)), 2)
    whole = within[:, :, -1]
    before = _running(torch.cat([torch.ones_like(whole[:, :1]), whole[:, :-1]], 1), 1)
    return (within * before[:, :, None]).flatten(1, 2)[:, :L].to(gamma.dtype)


def _running(x: Tensor, dim: int) -> Tensor:
    """The product of all slices so far."""
    first, *later = x.unbind(dim)
    out = [first]
    for x_t in later:
        out.append(out[-1] * x_t)
    return torch.stack(out, dim)
