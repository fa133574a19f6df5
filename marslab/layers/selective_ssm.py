"""A block with a selective state space: what enters the state, and for how long, depends on x."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import selective_scan
from marslab.kernels.checks import state_dtype
from marslab.kernels.selective_scan import DISCRETISATIONS
from marslab.layers.gated_block import GatedBlock
from marslab.layers.rates import RateInit, check_steps, log_rates, spread_steps
from marslab.tracing import emit


class SelectiveSSM(GatedBlock):
    """The gated block around y = selective_scan(u, dt, A, B, C, D): Mamba's.

    dt = softplus(W_dt u + b_dt), B and C are linear in u. A = -exp(A_log) starts the same in every
    channel, as `decay_init` says. The biases b_dt start with steps spread evenly in log scale over
    `steps`. For the block around it, and for `enabled`, see GatedBlock.

    Emits "selective_ssm" with dt, A, B, C and y; the decays are exp(dt A).

    Shapes (B batch, L length, D width, E = expand * D inner width, N state):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Units:
        steps: the least and the largest dt at the start, in the time of A, 0 < least <= largest
        d_conv: steps

    Errors:
        ValueError: a size is not positive, steps are out of order, the discretisation or the start
            of the decays is unknown, or x does not have D columns

    Source:
        Gu & Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces", 3.4.

    >>> layer = SelectiveSSM(8, d_state=4)
    >>> layer(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        *,
        d_state: int = 16,
        expand: int = 2,
        d_conv: int = 4,
        gate: bool = True,
        steps: tuple[float, float] = (1e-3, 1e-1),
        decay_init: RateInit = "integers",
        discretisation: str = "zoh",
        enabled: bool = True,
    ) -> None:
        super().__init__(d_model, expand=expand, d_conv=d_conv, gate=gate, enabled=enabled)
        self._positive(d_state=d_state)
        check_steps(self.kind, steps)
        if discretisation not in DISCRETISATIONS:
            raise ValueError(
                f"SelectiveSSM: discretisation must be 'zoh' or 'euler', got {discretisation!r}"
            )
        self.discretisation = discretisation
        self.to_dt = nn.Linear(self.width, self.width)
        self.to_B_and_C = nn.Linear(self.width, 2 * d_state, bias=False)
        self.A_log = nn.Parameter(log_rates(d_state, decay_init).repeat(self.width, 1))
        spread_steps(self.to_dt.bias, steps)

    def operands(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What u [B, L, E] makes of the scan: dt [B, L, E], A [E, N], B and C [B, L, N]."""
        dt = F.softplus(self.to_dt(u))
        A = -torch.exp(self.A_log.to(state_dtype(u.dtype)))
        B, C = self.to_B_and_C(u).chunk(2, -1)
        return dt, A, B, C

    def mixed(self, u: Tensor) -> Tensor:
        dt, A, B, C = self.operands(u)
        y = selective_scan(u, dt, A, B, C, self.D, discretisation=self.discretisation)
        emit("selective_ssm", dt=dt, A=A, B=B, C=C, y=y)
        return y

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, discretisation={self.discretisation!r}"
