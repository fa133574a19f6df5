"""Rotary position embedding: a vector is turned by its position, so that products see distance."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from marslab.kernels.checks import is_tensor, shaped, state_dtype


def rope(x: Tensor, position: int = 0, base: float = 1e6) -> Tensor:
    """Turn the pair (x[i], x[i + K/2]) of step t by the angle (position + t) base^(-2i/K).

    So the product of two vectors turned at p and q depends on p and q through p - q alone. The
    angles are computed in float64 at the absolute position, without a table that could end; on a
    CPU the last few sets of them are kept, since the blocks of a model ask for the same ones.

    Shapes (B batch, L length, H heads, K width of a head, even):
        x: [B, L, H, K] floating point
        returns: [B, L, H, K] in the dtype of x

    Units:
        position: steps before x, at least 0

    Errors:
        TypeError: x is not a floating tensor
        ValueError: x has another shape, K is odd, or `position` is negative

    Source:
        Su et al. 2021, "RoFormer", 3.2; halves as pairs and base 1e6 as in TARS v3, section 15.7.

    >>> quarter = rope(torch.tensor([1.0, 0.0]).expand(1, 3, 1, 2), base=1e6)[0, :, 0]
    >>> torch.allclose(quarter[:, 0], torch.arange(3.0).cos())
    True
    """
    is_tensor("rope", "x", x)
    shaped("rope", "x", x, "[B, L, H, K]", (None,) * 4)
    if x.shape[3] % 2:
        raise ValueError(f"rope: K must be even, since pairs are turned, got K = {x.shape[3]}")
    if position < 0:
        raise ValueError(f"rope: position must be at least 0, got {position}")
    cos, sin = _rotation(x, position, base)
    turned = torch.addcmul(x * cos, x.roll(x.shape[3] // 2, -1), sin)
    return turned.to(x.dtype)


def _rotation(x: Tensor, position: int, base: float) -> tuple[Tensor, Tensor]:
    wanted = (position, x.shape[1], x.shape[3], base, state_dtype(x.dtype))
    if torch.compiler.is_compiling() or x.device.type != "cpu" or type(x) is not Tensor:
        return _angles(*wanted, x.device)  # streams of a GPU must not share what one still computes
    return _kept(*wanted)


@lru_cache(maxsize=4)
def _kept(
    position: int, length: int, width: int, base: float, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):  # whoever asks next may want a gradient
        return _angles(position, length, width, base, dtype, torch.device("cpu"))


def _angles(
    position: int, length: int, width: int, base: float, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """cos, and sin with the sign of each half: [L, 1, K]. In float32 10^6 steps are 0.06 off."""
    half = torch.arange(0, width, 2, device=device, dtype=torch.float64)
    speed = torch.exp(half * (-math.log(base) / width))
    steps = torch.arange(position, position + length, device=device, dtype=torch.float64)
    angle = steps.view(-1, 1, 1) * speed
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([cos, cos], -1).to(dtype), torch.cat([-sin, sin], -1).to(dtype)
