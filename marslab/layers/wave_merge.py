"""Two blocks that saw the same input become one stream again."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.tracing import emit, recording

SHARE = 0.1  # of the correction, TARS v3, 2.2


class Merged(NamedTuple):
    """What a WaveMerge gives: x [B, L, D] and alpha [B, L, 1], the share of the right block."""

    x: Tensor
    alpha: Tensor


class WaveMerge(nn.Module):
    """x = (1 - alpha) left + alpha right + 0.1 (W2 silu(W1 m + b1) + b2); m = [m_left; m_right].

    alpha = sigmoid(W_gate m + b), one scalar per token, from the causal means of both sides. The
    correction has 3 D^2 + 2 D parameters, not the 2 D^2 + D that the design prints, the gate
    2 D + 1; `correction=False` leaves the correction out. While the attribute `clamp` is a number,
    alpha is that number: for who wants to see what one side alone would give.

    Emits "wave" with alpha and correction (its length relative to that of the two sides merged).

    Shapes (B batch, L length, D width):
        left, right, mean_left, mean_right: [B, L, D] floating point
        returns: Merged

    Errors:
        ValueError: d_model is not positive, clamp is not in [0, 1], or a shape is wrong

    Source:
        TARS v3, 2.2 and 3.3, repaired by T1, T14 and T64.

    >>> merge, x = WaveMerge(8, correction=False), torch.ones(1, 5, 8)
    >>> torch.allclose(merge(x, x, x, x).x, x)
    True
    """

    def __init__(
        self, d_model: int, correction: bool = True, *, clamp: float | None = None
    ) -> None:
        super().__init__()
        if d_model < 1:
            raise ValueError(f"WaveMerge: d_model must be positive, got {d_model}")
        self.d_model, self.clamp = d_model, clamp
        self.gate = nn.Linear(2 * d_model, 1)
        self.inner = nn.Linear(2 * d_model, d_model) if correction else None
        self.outer = nn.Linear(d_model, d_model) if correction else None

    @property
    def clamp(self) -> float | None:
        """The alpha that is forced, if one is."""
        return self._clamp

    @clamp.setter
    def clamp(self, alpha: float | None) -> None:
        if alpha is not None and not 0 <= alpha <= 1:
            raise ValueError(f"WaveMerge: clamp must be in [0, 1] or None, got {alpha}")
        self._clamp = alpha

    def forward(self, left: Tensor, right: Tensor, mean_left: Tensor, mean_right: Tensor) -> Merged:
        D = self.d_model
        shaped("WaveMerge", "left", left, f"[B, L, {D}]", (None, None, D))
        for name, x in (("right", right), ("mean_left", mean_left), ("mean_right", mean_right)):
            shaped("WaveMerge", name, x, "[B, L, D]", tuple(left.shape))
        means = torch.cat([mean_left, mean_right], -1)
        alpha = torch.sigmoid(self.gate(means))
        if self.clamp is not None:
            alpha = torch.full_like(alpha, self.clamp)
        merged = left + alpha.to(right.dtype) * (right - left)
        x, relative = merged, None
        if self.inner is not None and self.outer is not None:
            correction = SHARE * self.outer(F.silu(self.inner(means)))
            x = merged + correction
            if recording():
                relative = correction.norm(dim=-1) / merged.norm(dim=-1).clamp_min(1e-12)
        emit("wave", alpha=alpha, correction=relative)
        return Merged(x, alpha)

    def extra_repr(self) -> str:
        return f"{self.d_model}, correction={self.inner is not None}, clamp={self.clamp}"
