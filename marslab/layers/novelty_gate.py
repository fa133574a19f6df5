"""How much of a block's result is new, and a way past it where little is."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.layers.block_config import NoveltyConfig
from marslab.tracing import emit


class Novel(NamedTuple):
    """What a NoveltyGate gives: x' [B, L, D] and the novelty [B, L, 1], before the cut."""

    x: Tensor
    novelty: Tensor


class NoveltyGate(nn.Module):
    """x' = novelty * new + (1 - novelty) * old; novelty = sigmoid(W2 silu(W1 [m; m' - m])).

    m and m' are the causal means of old and new. In eval mode, where novelty < cut, x' is old to
    the bit; training always blends, so that the gate keeps a gradient. The gate alone saves
    nothing: a caller saves work where a whole wave is below the cut. W2's bias starts at 2, so that
    a fresh block passes most (0.88) of its result.

    Emits "novelty" with novelty and passed (the share of the tokens below the cut).

    Shapes (B batch, L length, D width):
        old, new, mean_old, mean_new: [B, L, D] floating point
        returns: Novel

    Errors:
        ValueError: d_model is not positive, or a shape is wrong

    Source:
        TARS v3, 2.3 and 6.1, repaired by T1 and T40.

    >>> x = torch.ones(1, 5, 8)
    >>> torch.equal(NoveltyGate(8, NoveltyConfig())(x, x, x, x).x, x)
    True
    """

    def __init__(self, d_model: int, config: NoveltyConfig) -> None:
        super().__init__()
        if d_model < 1:
            raise ValueError(f"NoveltyGate: d_model must be positive, got {d_model}")
        self.d_model, self.cut = d_model, config.cut
        self.inner = nn.Linear(2 * d_model, max(d_model // 2, 1))
        self.outer = nn.Linear(max(d_model // 2, 1), 1)
        nn.init.constant_(self.outer.bias, 2.0)

    def forward(self, old: Tensor, new: Tensor, mean_old: Tensor, mean_new: Tensor) -> Novel:
        D = self.d_model
        shaped("NoveltyGate", "old", old, f"[B, L, {D}]", (None, None, D))
        for name, x in (("new", new), ("mean_old", mean_old), ("mean_new", mean_new)):
            shaped("NoveltyGate", name, x, "[B, L, D]", tuple(old.shape))
        seen = torch.cat([mean_old, mean_new - mean_old], -1)
        novelty = torch.sigmoid(self.outer(F.silu(self.inner(seen))))
        x = old + novelty.to(new.dtype) * (new - old)
        low = novelty < self.cut
        if not self.training:
            x = torch.where(low, old, x)
        emit("novelty", novelty=novelty, passed=low.float().mean())
        return Novel(x, novelty)

    def extra_repr(self) -> str:
        return f"cut={self.cut}"
