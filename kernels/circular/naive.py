"""The definitions: D turns of one vector, each weighed by a number of the other."""

import torch
from torch import Tensor


def circular_conv(a: Tensor, b: Tensor) -> Tensor:
    """c[k] = sum over i of a[i] b[(k - i) mod D], in the dtype given."""
    return _turned(a, b, 1)


def circular_corr(a: Tensor, b: Tensor) -> Tensor:
    """c[k] = sum over i of conj(a[i]) b[(k + i) mod D], in the dtype given."""
    return _turned(a.conj(), b, -1)


def _turned(a: Tensor, b: Tensor, way: int) -> Tensor:
    """The sum over i of a[i] times b turned by i places."""
    a, b = torch.broadcast_tensors(a, b)
    total = torch.zeros_like(b)
    for i in range(b.shape[-1]):
        total = total + a[..., i : i + 1] * b.roll(way * i, -1)
    return total
