"""What mixes the steps of a MarsBlock: four cores in one gated block, three carry a state."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import circular_conv, selective_scan, ssd, wkv7
from marslab.kernels.checks import shaped, state_dtype
from marslab.layers.dual_ssm import DualSSM
from marslab.layers.gated_block import GatedBlock
from marslab.layers.rates import spread_steps
from marslab.layers.selective_ssm import SelectiveSSM
from marslab.tracing import emit

STEPS = (1e-3, 1e-1)  # of the FFT core's filter, first to last channel


class CarriedState(NamedTuple):
    """What a block carries from step to step.

    Shapes (B batch, E inner width, T taps of the convolution, N state, H heads, P = E / H):
        conv: [B, E, T - 1]
        h: [B, H, P, N] of "ssd", [B, E, N] of "s6", [B, 1, E, N] of "printed"; None before the
            first step
    """

    conv: Tensor
    h: Tensor | None = None


class CarriedBlock(GatedBlock):
    """A GatedBlock that can also go on from where another call of it ended.

    Shapes (B batch, L length, D width; for the state see CarriedState):
        x: [B, L, D] floating point
        returns: [B, L, D], the state after the last step
    """

    def scanned(self, u: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        """`mixed` of u [B, L, E] from a state, and the state after it."""
        raise NotImplementedError

    def carried(self, x: Tensor, state: CarriedState | None = None) -> tuple[Tensor, CarriedState]:
        """The block on x [B, L, D] after the steps that led to `state`; L may be 0 or 1."""
        shaped(self.kind, "x", x, f"[B, L, {self.d_model}]", (None, None, self.d_model))
        state = self.fresh(x) if state is None else state
        if state.conv.shape[0] != x.shape[0]:
            raise ValueError(
                f"{self.kind}: the state is of {state.conv.shape[0]} rows, x of {x.shape[0]}"
            )
        if x.shape[1] == 0:
            return x, state
        inner = self.to_inner(self.norm(x))
        u, z = inner.chunk(2, -1) if self.gate else (inner, None)
        longer = torch.cat([state.conv.to(u.dtype), u.mT], -1)
        u = F.silu(u if self.conv is None else self.conv(longer).mT)
        y, h = self.scanned(u, state.h) if self.enabled else (self.D * u, None)
        tail = longer[..., longer.shape[-1] - state.conv.shape[-1] :].clone()
        return x + self.to_model(y if z is None else y * F.silu(z)), CarriedState(tail, h)

    def fresh(self, x: Tensor) -> CarriedState:
        """The state before the first step, for the rows, device and dtype of x."""
        taps = 0 if self.conv is None else self.conv.kernel_size[0] - 1
        return CarriedState(x.new_zeros(x.shape[0], self.width, taps))


class CarriedSSD(CarriedBlock, DualSSM):
    """DualSSM, Mamba-2's block, with a state to carry."""

    def scanned(self, u: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        heads = u.unflatten(-1, (self.heads, -1))
        y, h = ssd(heads, *self.operands(u), h0=h, return_state=True)
        return y.flatten(2) + self.D * u, h


class CarriedS6(CarriedBlock, SelectiveSSM):
    """SelectiveSSM, Mamba's block, with a state to carry."""

    def scanned(self, u: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        how = self.discretisation
        return selective_scan(
            u, *self.operands(u), self.D, h, discretisation=how, return_state=True
        )


class PrintedSSM(CarriedBlock):
    """h[t] = A[t] h[t-1] + u[t] B[t]^T, m = h C with A = sigmoid(W_a u + b_a): as MARS v4 has it.

    As printed but for its clash of names and its shapes. A decay of its own without a step leaves
    the level of the state open: a steady input settles at B / (1 - A), which has no bound (M3).
    The recurrence is wkv7 with nothing taken out. For the block around it see GatedBlock.

    Emits "printed_ssm" with A, B, C and y.

    Shapes (B batch, L length, D width, E = expand * D inner width, N state):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Errors:
        ValueError: a size is not positive, or x does not have D columns

    Source:
        MARS v4, 2.1, errata M1, M2, M3 and M7.

    >>> PrintedSSM(8, d_state=4)(torch.zeros(2, 5, 8)).shape
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
        enabled: bool = True,
    ) -> None:
        super().__init__(d_model, expand=expand, d_conv=d_conv, gate=gate, enabled=enabled)
        self._positive(d_state=d_state)
        self.to_A = nn.Linear(self.width, d_state)
        self.to_B_and_C = nn.Linear(self.width, 2 * d_state, bias=False)

    def mixed(self, u: Tensor) -> Tensor:
        return self.scanned(u, None)[0]

    def scanned(self, u: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        log_A = F.logsigmoid(self.to_A(u).to(state_dtype(u.dtype))).unsqueeze(2)
        B, C = self.to_B_and_C(u).unsqueeze(2).chunk(2, -1)
        none = torch.zeros_like(B)
        y, h = wkv7(C, log_A, B, u.unsqueeze(2), none, none, h, return_state=True)
        y = y.squeeze(2) + self.D * u
        emit("printed_ssm", A=log_A.squeeze(2).exp(), B=B.squeeze(2), C=C.squeeze(2), y=y)
        return y, h


class FFTMixing(GatedBlock):
    """m = k * u: each channel convolved with a filter as long as the sequence, by FFT.

    k[t] = dt Re sum_n c_n exp(dt a_n t), with a_n = -exp(rate_n) + i turn_n: N fading waves a
    channel, learned and the same whatever is read; S4D's filter, and its start: rates 1/2, turns
    pi n. Zeros beside u keep the circle from closing, so that no step sees a later one but for the
    rounding of the FFT. There is no state: it wants the whole sequence at once. For the block
    around it see GatedBlock.

    Emits "fft_mixing" with the filter k [E, L] and y.

    Shapes (B batch, L length, D width, E = expand * D inner width, N state):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Errors:
        ValueError: a size is not positive, or x does not have D columns

    Source:
        MARS v3's FFT mixing, kept for comparison (MARS v4, 2.1); Gu et al. 2022, "On the
        parameterization and initialization of diagonal state space models".

    >>> FFTMixing(8, d_state=4)(torch.zeros(2, 5, 8)).shape
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
        enabled: bool = True,
    ) -> None:
        super().__init__(d_model, expand=expand, d_conv=d_conv, gate=gate, enabled=enabled)
        self._positive(d_state=d_state)
        self.dt_bias = nn.Parameter(torch.zeros(self.width))
        spread_steps(self.dt_bias, STEPS)
        self.rate = nn.Parameter(torch.full((self.width, d_state), 0.5).log())
        self.turn = nn.Parameter(torch.pi * torch.arange(float(d_state)).repeat(self.width, 1))
        self.c = nn.Parameter(torch.randn(self.width, d_state, 2) / d_state**0.5)

    def filter(self, length: int) -> Tensor:
        """The filter k [E, L] in float32 or wider."""
        wide = state_dtype(self.c.dtype)
        dt = F.softplus(self.dt_bias.to(wide)).unsqueeze(-1)
        t = torch.arange(length, device=dt.device, dtype=wide)
        k = dt.new_zeros(len(dt), length)
        for n in range(self.c.shape[1]):  # one wave at a time: [E, N, L] would be the largest part
            size = torch.exp(-dt * self.rate[:, n, None].to(wide).exp() * t)
            angle = dt * self.turn[:, n, None].to(wide) * t
            a, b = self.c[:, n].to(wide).unsqueeze(-1).unbind(1)
            k = k + size * (a * angle.cos() - b * angle.sin())
        return dt * k

    def mixed(self, u: Tensor) -> Tensor:
        length = u.shape[1]
        if length == 0:
            return self.D * u
        k = self.filter(length)
        room = (1 << (2 * length - 1).bit_length()) - length
        padded = F.pad(u.mT.to(k.dtype), (0, room))
        y = circular_conv(F.pad(k, (0, room)), padded)[..., :length].mT.to(u.dtype) + self.D * u
        emit("fft_mixing", k=k, y=y)
        return y
