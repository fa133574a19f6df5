"""The smallest state-space layer: a linear recurrence whose decays depend on the input."""

import math

import torch
from torch import Tensor, nn

from marslab.kernels import linear_scan
from marslab.kernels.checks import shaped
from marslab.tracing import emit


class LinearRecurrence(nn.Module):
    """h[t] = a[t] * h[t-1] + (1 - a[t]) * (W_b x[t]),   a[t] = sigmoid(W_a x[t] + b_a).

    Each of the N states is a running mean of what W_b reads, and the input decides how fast it
    forgets. The biases b_a start with time constants spread evenly in log scale from 1 step to
    `longest` steps. With `reverse` the recurrence runs from the end to the start. With
    `enabled=False` a = 0: nothing is remembered, h[t] sees x[t] alone.

    Emits "scan" with a and h.

    Shapes (B batch, L length, D width, N state):
        x: [B, L, D] floating point
        returns: h [B, L, N]

    Units:
        longest: steps, >= 1

    Errors:
        ValueError: a size is not positive, or x does not have D columns

    Source:
        Martin & Cundy 2018, "Parallelizing linear recurrent neural nets", 3 (gated impulse).

    >>> layer = LinearRecurrence(8, 16)
    >>> layer(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        d_in: int,
        d_state: int,
        *,
        longest: float = 64.0,
        reverse: bool = False,
        enabled: bool = True,
    ) -> None:
        super().__init__()
        if d_in < 1 or d_state < 1:
            raise ValueError(
                f"LinearRecurrence: d_in and d_state must be positive, got {d_in} and {d_state}"
            )
        if longest < 1:
            raise ValueError(f"LinearRecurrence: longest must be at least 1 step, got {longest}")
        self.d_in, self.reverse, self.enabled = d_in, reverse, enabled
        self.to_decay = nn.Linear(d_in, d_state)
        self.to_input = nn.Linear(d_in, d_state, bias=False)
        with torch.no_grad():
            tau = torch.logspace(0.0, math.log10(longest), d_state)
            self.to_decay.bias.copy_(torch.logit(torch.exp(-1 / tau)))

    def forward(self, x: Tensor) -> Tensor:
        shaped("LinearRecurrence", "x", x, f"[B, L, {self.d_in}]", (None, None, self.d_in))
        b = self.to_input(x)
        if self.enabled:
            z = self.to_decay(x)
            a = torch.sigmoid(z)
            b = torch.sigmoid(-z) * b  # 1 - a without cancellation when a is close to 1
        else:
            a = torch.zeros_like(b)
        h = linear_scan(a, b, reverse=self.reverse)
        emit("scan", a=a, h=h)
        return h

    def extra_repr(self) -> str:
        return f"reverse={self.reverse}, enabled={self.enabled}"
