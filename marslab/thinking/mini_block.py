"""One block of the IDME pool, on its own: the definition, and its size."""

import torch
from torch import Tensor, nn


def gated_update(h: Tensor, gate: Tensor, inner: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return h + sigmoid(gate) * LayerNorm(inner), where LayerNorm has this weight and bias.

    >>> gated_update(*(torch.tensor([v]) for v in ([1.0, 1.0], [0.0, 0.0], [1.0, -1.0])),
    ...              torch.ones(2), torch.zeros(2))
    tensor([[1.5000, 0.5000]])
    """
    normed = nn.functional.layer_norm(inner, inner.shape[-1:])
    return h + torch.sigmoid(gate) * (normed * weight + bias)


def mini_block_parameters(d_model: int, rank: int | None = None) -> int:
    """Return how many numbers a MiniBlock learns: 3 d^2 + 3 d, or 4 d r + 3 d of low rank.

    The design prints 590 K for d = 768, which is one d^2; its formula has three (T15).

    >>> mini_block_parameters(768), mini_block_parameters(128, rank=16)
    (1771776, 8576)
    """
    return (3 * d_model * d_model if rank is None else 4 * d_model * rank) + 3 * d_model


class MiniBlock(nn.Module):
    """h' = h + sigmoid(W_gate h + b) * LayerNorm(W_1 SiLU(W_2 h)), full or of rank r.

    With a rank, W_2 is [r, d], W_1 [d, r], and W_gate the product of [d, r] and [r, d]. The gates
    start at 0.12, so that an untrained block changes h a little.

    Shapes (B batch, D width):
        h: [..., D]
        returns: [..., D]

    Errors:
        ValueError: a size is not positive

    Source:
        design 12.8; T15; 87, TARS 11 (rank)

    >>> MiniBlock(8, rank=2)(torch.zeros(3, 8)).shape
    torch.Size([3, 8])
    """

    def __init__(self, d_model: int, rank: int | None = None) -> None:
        super().__init__()
        if d_model < 1 or (rank is not None and rank < 1):
            raise ValueError(f"d_model and rank must be positive, got {d_model} and {rank}")
        inner = d_model if rank is None else rank
        self.down = nn.Linear(d_model, inner, bias=False)
        self.up = nn.Linear(inner, d_model, bias=False)
        self.gate_in = None if rank is None else nn.Linear(d_model, rank, bias=False)
        self.gate_out = nn.Linear(inner, d_model)
        self.norm = nn.LayerNorm(d_model)
        nn.init.constant_(self.gate_out.bias, -2.0)

    def forward(self, h: Tensor) -> Tensor:
        gate = self.gate_out(h if self.gate_in is None else self.gate_in(h))
        inner = self.up(nn.functional.silu(self.down(h)))
        return gated_update(h, gate, inner, self.norm.weight, self.norm.bias)
