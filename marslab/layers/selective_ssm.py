"""A block with a selective state space: what enters the state, and for how long, depends on x."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import selective_scan
from marslab.kernels.checks import shaped, state_dtype
from marslab.kernels.selective_scan import DISCRETISATIONS
from marslab.tracing import emit


class SelectiveSSM(nn.Module):
    """x + W_out (y * silu(z)),   y = selective_scan(u, dt, A, B, C, D),   from the normed x.

    u and z are linear in LayerNorm(x); u then passes a causal convolution over its last `d_conv`
    steps, channel by channel, and silu. dt = softplus(W_dt u + b_dt), B and C are linear in u.
    A = -exp(A_log) starts at -1 .. -N in every channel, D at 1. The biases b_dt start with steps
    spread evenly in log scale over `steps`. With `gate=False` there is no z, with `d_conv=0` no
    convolution. With `enabled=False` the scan is left out, y = D u: what is left of the past is
    what the convolution sees.

    Emits "selective_ssm" with dt, A, B, C and y; the decays are exp(dt A).

    Shapes (B batch, L length, D width, E = expand * D inner width, N state):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Units:
        steps: the least and the largest dt at the start, in the time of A, 0 < least <= largest
        d_conv: steps

    Errors:
        ValueError: a size is not positive, steps are out of order, the discretisation is unknown,
            or x does not have D columns

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
        discretisation: str = "zoh",
        enabled: bool = True,
    ) -> None:
        super().__init__()
        _check({"d_model": d_model, "d_state": d_state, "expand": expand}, d_conv, steps)
        if discretisation not in DISCRETISATIONS:
            raise ValueError(
                f"SelectiveSSM: discretisation must be 'zoh' or 'euler', got {discretisation!r}"
            )
        width = expand * d_model
        self.d_model, self.gate, self.enabled = d_model, gate, enabled
        self.discretisation = discretisation
        self.norm = nn.LayerNorm(d_model)
        self.to_inner = nn.Linear(d_model, width * (2 if gate else 1), bias=False)
        self.conv = nn.Conv1d(width, width, d_conv, groups=width) if d_conv else None
        self.to_dt = nn.Linear(width, width)
        self.to_B_and_C = nn.Linear(width, 2 * d_state, bias=False)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().repeat(width, 1))
        self.D = nn.Parameter(torch.ones(width))
        self.to_model = nn.Linear(width, d_model, bias=False)
        with torch.no_grad():
            dt = torch.logspace(math.log10(steps[0]), math.log10(steps[1]), width)
            self.to_dt.bias.copy_(dt + torch.log(-torch.expm1(-dt)))  # softplus undone

    def forward(self, x: Tensor) -> Tensor:
        shaped("SelectiveSSM", "x", x, f"[B, L, {self.d_model}]", (None, None, self.d_model))
        inner = self.to_inner(self.norm(x))
        u, z = inner.chunk(2, -1) if self.gate else (inner, None)
        u = F.silu(self._convolved(u))
        y = self._scanned(u) if self.enabled else self.D * u
        return x + self.to_model(y if z is None else y * F.silu(z))

    def _convolved(self, u: Tensor) -> Tensor:
        """Each channel over its last steps; before the first step there is nothing."""
        if self.conv is None or u.shape[1] == 0:
            return u
        return self.conv(F.pad(u.mT, (self.conv.kernel_size[0] - 1, 0))).mT

    def _scanned(self, u: Tensor) -> Tensor:
        dt = F.softplus(self.to_dt(u))
        A = -torch.exp(self.A_log.to(state_dtype(u.dtype)))
        B, C = self.to_B_and_C(u).chunk(2, -1)
        y = selective_scan(u, dt, A, B, C, self.D, discretisation=self.discretisation)
        emit("selective_ssm", dt=dt, A=A, B=B, C=C, y=y)
        return y

    def extra_repr(self) -> str:
        return f"gate={self.gate}, discretisation={self.discretisation!r}, enabled={self.enabled}"


def _check(sizes: dict[str, int], d_conv: int, steps: tuple[float, float]) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"SelectiveSSM: {name} must be positive, got {size}")
    if d_conv < 0:
        raise ValueError(f"SelectiveSSM: d_conv must be at least 0 steps, got {d_conv}")
    if not 0 < steps[0] <= steps[1]:
        raise ValueError(f"SelectiveSSM: steps must be 0 < least <= largest, got {steps}")
