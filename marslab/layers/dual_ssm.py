"""A block with one decay per head: the state space of Mamba-2, which is also an attention."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import ssd
from marslab.kernels.checks import state_dtype
from marslab.layers.gated_block import GatedBlock
from marslab.layers.rates import RateInit, check_steps, log_rates, spread_steps
from marslab.tracing import emit


class DualSSM(GatedBlock):
    """The gated block around y = ssd(u, dt, A, B, C, D), with u cut into heads.

    dt = softplus(W_dt u + b_dt) has one step per head, B and C are shared by the heads, A is one
    rate per head and starts as `decay_init` says. The biases start as in SelectiveSSM. For the
    block around it, and for `enabled`, see GatedBlock.

    Emits "dual_ssm" with dt, A, B, C and y; the decays are exp(dt A).

    Shapes (B batch, L length, D width, E = expand * D inner width, H heads, N state):
        x: [B, L, D] floating point; H divides E
        returns: [B, L, D]

    Units:
        steps: the least and the largest dt at the start, in the time of A, 0 < least <= largest
        d_conv: steps

    Errors:
        ValueError: a size is not positive, `heads` does not divide E, steps are out of order, the
            start of the decays is unknown, or x does not have D columns

    Source:
        Dao & Gu 2024, "Transformers are SSMs".

    >>> layer = DualSSM(8, d_state=4, heads=2)
    >>> layer(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        *,
        d_state: int = 16,
        heads: int = 4,
        expand: int = 2,
        d_conv: int = 4,
        gate: bool = True,
        steps: tuple[float, float] = (1e-3, 1e-1),
        decay_init: RateInit = "integers",
        enabled: bool = True,
    ) -> None:
        super().__init__(d_model, expand=expand, d_conv=d_conv, gate=gate, enabled=enabled)
        self._positive(d_state=d_state, heads=heads)
        check_steps(self.kind, steps)
        if self.width % heads:
            raise ValueError(
                f"DualSSM: heads must divide the inner width {self.width}, got {heads}"
            )
        self.heads = heads
        self.to_dt = nn.Linear(self.width, heads)
        self.to_B_and_C = nn.Linear(self.width, 2 * d_state, bias=False)
        self.A_log = nn.Parameter(log_rates(heads, decay_init))
        spread_steps(self.to_dt.bias, steps)

    def operands(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What u [B, L, E] makes of the scan: dt [B, L, H], A [H], B and C [B, L, 1, N]."""
        dt = F.softplus(self.to_dt(u))
        A = -torch.exp(self.A_log.to(state_dtype(u.dtype)))
        B, C = self.to_B_and_C(u).unsqueeze(2).chunk(2, -1)  # one group for all heads
        return dt, A, B, C

    def mixed(self, u: Tensor) -> Tensor:
        dt, A, B, C = self.operands(u)
        y = ssd(u.unflatten(-1, (self.heads, -1)), dt, A, B, C).flatten(2) + self.D * u
        emit("dual_ssm", dt=dt, A=A, B=B, C=C, y=y)
        return y
