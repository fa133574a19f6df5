"""What `wkv7` is tried and timed with: operands within its law, and their least cost."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost

LETTERS = ("B", "L", "H", "K", "V")
EDGES = 0.05  # the part of the decays that are exactly 1, and of the steps that forget everything


class Operands(NamedTuple):
    """r, w, k [B, L, H, K], v [B, L, H, V], a, b [B, L, H, K], s0 [B, H, V, K]: the op's order."""

    r: Tensor
    w: Tensor
    k: Tensor
    v: Tensor
    a: Tensor
    b: Tensor
    s0: Tensor


def draw(
    sizes: tuple[int, int, int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    edges: float = EDGES,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands as RWKV-7 makes them, so that the state stays finite.

    kappa has unit norm, a = -kappa, b = eta kappa with eta in (0, 1), and
    w = -exp(-1/2) sigmoid(normal): no decay is below 0.545.

    Shapes (B batch, L length, H heads, K key width, V value width):
        sizes: (B, L, H, K, V)

    Units:
        edges: the part of the w that are 0 instead, and of the steps whose w are all -inf
    """
    B, L, H, K, V = sizes

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, device=device)

    r, k, kappa = normal(B, L, H, K), normal(B, L, H, K), F.normalize(normal(B, L, H, K), dim=-1)
    eta = torch.sigmoid(normal(B, L, H, K))
    w = -math.exp(-0.5) * torch.sigmoid(normal(B, L, H, K))
    w = torch.where(torch.rand_like(w) < edges, 0.0, w)
    w = torch.where(torch.rand_like(w[..., :1]) < edges, -torch.inf, w)
    v, s0 = normal(B, L, H, V).to(dtype), normal(B, H, V, K).to(state_dtype(dtype))
    r, k, a, b = (x.to(dtype) for x in (r, k / math.sqrt(max(K, 1)), -kappa, kappa * eta))
    return Operands(r, w.to(decay_dtype or dtype), k, v, a, b, s0)


def cost(sizes: tuple[int, int, int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice and no state is kept in memory.

    Bytes: forward reads r, w, k, a, b, v, s0 and writes y and the last state. The backward reads
    those operands, dy and dstate again and writes a gradient for each operand. States are
    float32 at least.

    Operations, for each of the B L H V K cells of all states, a multiply-add being two: forward 9
    (S a 2, the decay 1, two outer products 4, S r 2). The backward works the states out again (7)
    and does 19 more: what reaches the state 2, dr 2, dv 2, dk 2, S a's gradient 2, db 2, dw 2,
    da 2, what goes on to the step before 3.

    Units:
        itemsize: bytes of one element of r

    >>> cost((8, 4096, 32, 64, 64), itemsize=2).bytes / 2**20
    904.0
    >>> cost((1, 1, 1, 1, 1), itemsize=4, backward=True).flops
    35
    """
    B, L, H, K, V = sizes
    items, states = B * L * H * (5 * K + 2 * V), 2
    if backward:
        items += B * L * H * (10 * K + 3 * V)
        states += 3
    bytes = items * itemsize + states * B * H * V * K * max(itemsize, 4)
    return Cost(bytes, (9 + 26 * backward) * B * L * H * V * K)
