"""A block whose memory fades at a rate of its own, whatever it reads: a scan, not selective."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import linear_scan
from marslab.layers.gated_block import GatedBlock
from marslab.layers.rates import check_steps, spread_steps
from marslab.tracing import emit


class FixedDecay(GatedBlock):
    """The gated block around h[t] = exp(-dt) h[t-1] + dt (W_b u[t]); m = h.

    One state a channel, with a learned step dt = softplus(b_dt) that no input changes; the steps
    start spread evenly in log scale over `steps`. For the block around it, and for `enabled`, see
    GatedBlock.

    Emits "fixed_decay" with dt and h.

    Shapes (B batch, L length, D width):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Units:
        steps: the least and the largest dt at the start, 0 < least <= largest; the memory is 1 / dt
            steps long

    Errors:
        ValueError: a size is not positive, steps are out of order, or x does not have D columns

    Source:
        Gu, Goel & Ré 2021, "Efficiently modeling long sequences with structured state spaces", with
        one state a channel.

    >>> layer = FixedDecay(8)
    >>> layer(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        *,
        expand: int = 2,
        d_conv: int = 4,
        gate: bool = True,
        steps: tuple[float, float] = (1e-3, 1e-1),
        enabled: bool = True,
    ) -> None:
        super().__init__(d_model, expand=expand, d_conv=d_conv, gate=gate, enabled=enabled)
        check_steps(self.kind, steps)
        self.to_input = nn.Linear(self.width, self.width, bias=False)
        self.dt_bias = nn.Parameter(torch.zeros(self.width))
        spread_steps(self.dt_bias, steps)

    def mixed(self, u: Tensor) -> Tensor:
        dt = F.softplus(self.dt_bias)
        h = linear_scan(torch.exp(-dt).expand_as(u), dt * self.to_input(u))
        emit("fixed_decay", dt=dt, h=h)
        return h + self.D * u
