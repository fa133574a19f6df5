"""The two streams of WuNeng, each from its own columns of one projection to y [B, L, D]."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels import ssd, wkv7
from marslab.kernels.checks import state_dtype
from marslab.layers.block_config import CoreConfig
from marslab.layers.rates import log_rates, spread_steps
from marslab.layers.rope import rope
from marslab.layers.wuneng_steps import alone, conv_step, overwritten, ssd_step, wkv_step

FASTEST = -math.exp(-0.5)  # of w: a step keeps at least exp(-0.607) = 0.545 of a channel
SLOWEST = (-6.5, -1.5)  # what w starts from, first to last channel: 0.9991 to 0.895 kept
STEPS = (1e-3, 1e-1)  # dt at the start, first to last head, in the time of A
NORM_EPS = 64e-5  # RWKV-7's own: a state that holds almost nothing is not blown up


class SSDStream(nn.Module):
    """Mamba-2 without its gate: y = ssd(x, dt, A, B, C, D), heads of x side by side.

    The columns are x [D], B [N], C [N] and dt [H], in this order. x, B and C pass a causal
    convolution over d_conv steps, channel by channel, and silu; B and C are shared by the heads.
    dt = softplus(. + dt_bias) and A = -exp(A_log), one a head; the input is held by dB = dt B.
    dt and A stay in float32 where the rest is in 16 bits.

    Shapes (B batch, L length, D width, H heads, P = D / H, N state, E = D + 2N):
        columns: [B, L, E + H]
        conv: [B, E, d_conv - 1], the last inputs of the convolution
        state: [B, H, P, N]
        returns: y [B, L, D], conv, state

    Source:
        TARS v3, section 3.1, with A per head and dB = dt B (T19, T20): Dao & Gu 2024,
        "Transformers are SSMs", listing 1.
    """

    def __init__(self, d_model: int, config: CoreConfig) -> None:
        super().__init__()
        self.d_model, self.heads, self.d_state = d_model, config.heads, config.d_state
        self.taps = config.d_conv
        self.mixed = d_model + 2 * config.d_state
        self.width = self.mixed + config.heads
        bound = self.taps**-0.5
        self.conv_weight = nn.Parameter(torch.empty(self.mixed, 1, self.taps))
        nn.init.uniform_(self.conv_weight, -bound, bound)
        self.conv_bias = nn.Parameter(torch.zeros(self.mixed))
        self.A_log = nn.Parameter(log_rates(config.heads))
        self.dt_bias = nn.Parameter(torch.zeros(config.heads))
        spread_steps(self.dt_bias, STEPS)
        self.D = nn.Parameter(torch.ones(config.heads))

    def forward(
        self, columns: Tensor, conv: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide = state_dtype(columns.dtype)
        mixed, dt = columns.split([self.mixed, self.heads], -1)
        mixed, conv = self._convolved(mixed, conv)
        x, B, C = mixed.split([self.d_model, self.d_state, self.d_state], -1)
        x, B, C = x.unflatten(-1, (self.heads, -1)), B.unsqueeze(2), C.unsqueeze(2)
        dt = F.softplus(dt.to(wide) + self.dt_bias)
        A = -torch.exp(self.A_log.to(wide))
        if alone(x):
            y, state = ssd_step(x, dt, A, B, C, self.D, h=state.to(wide))
        else:
            y, state = ssd(x, dt, A, B, C, self.D, state.to(wide), return_state=True)
        return y.flatten(2), conv, state

    def _convolved(self, u: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """silu of each channel over its last steps; a sum over taps, faster here than conv1d."""
        if alone(u):
            y, last = conv_step(u, before, self.conv_weight, self.conv_bias)
            return F.silu(y).to(u.dtype), last
        length, y = u.shape[1], self.conv_bias
        longer = torch.cat([before.mT.to(u.dtype), u], 1)
        for tap in range(self.taps):
            y = torch.addcmul(y, longer[:, tap : tap + length], self.conv_weight[:, 0, tap])
        last = longer[:, length:].mT.clone(memory_format=torch.contiguous_format)
        return F.silu(y).to(u.dtype), last

    def fresh(self, x: Tensor, wide: torch.dtype) -> tuple[Tensor, Tensor]:
        """(conv, state) before the first step."""
        P = self.d_model // self.heads
        conv = x.new_zeros(x.shape[0], self.mixed, self.taps - 1)
        return conv, x.new_zeros(x.shape[0], self.heads, P, self.d_state, dtype=wide)

    def rag_widths(self) -> tuple[int, int]:
        """Columns of a retrieved key (one for all heads) and of its values."""
        return self.d_state, self.d_model

    def write(self, state: Tensor, key: Tensor, value: Tensor, position: int) -> Tensor:
        """The state [B, H, P, N] with `value` [B, D] written under `key` [B, N]."""
        return overwritten(state, key.unsqueeze(1), value.unflatten(-1, (self.heads, -1)))


class WKVStream(nn.Module):
    """RWKV-7's memory: y = groupnorm(S r) * silu(g), where S is rewritten under a unit key.

    The columns are r, k, v, g, w and a, [D] each, in this order, and cut into heads. RoPE turns r
    and k by their position (`config.rope`); kappa = k / |k|, so it turns alike. w = -exp(-1/2)
    sigmoid(. + bias) is the log of what a step keeps, a = sigmoid(. + bias) the rate at which what
    kappa led to is taken out: wkv7(r, w, k, v, -kappa, kappa a). w stays in float32 where the rest
    is in 16 bits. Where w differs within a pair that RoPE turns, a product depends on the distance
    and, weakly, on the position; w starts almost equal in each pair.

    Shapes (B batch, L length, D width, H heads, K = V = D / H):
        columns: [B, L, 6 D]
        state: [B, H, V, K]
        returns: y [B, L, D], state

    Source:
        TARS v3, sections 3.2 and 15.7, with RWKV-7's own update and reading (T21, T22, T51): Peng
        et al. 2025, "RWKV-7 Goose with expressive dynamic state evolution", arXiv 2503.14456.
    """

    def __init__(self, d_model: int, config: CoreConfig) -> None:
        super().__init__()
        self.d_model, self.heads = d_model, config.heads
        self.base = config.rope_base if config.rope else None
        self.width = 6 * d_model
        slow = torch.linspace(*SLOWEST, d_model)
        self.bias = nn.Parameter(torch.cat([slow, torch.zeros(d_model)]))  # of w and a
        self.norm_weight = nn.Parameter(torch.ones(d_model))
        self.norm_bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, columns: Tensor, state: Tensor, position: int) -> tuple[Tensor, Tensor]:
        wide, D = state_dtype(columns.dtype), self.d_model
        rk, v, g, wa = columns.split([2 * D, D, D, 2 * D], -1)
        r, k = self._turned(rk.unflatten(-1, (2 * self.heads, -1)), position).chunk(2, 2)
        v = v.unflatten(-1, (self.heads, -1))
        kappa = F.normalize(k, dim=-1).to(v.dtype)
        shares = torch.sigmoid(wa.to(wide) + self.bias).unflatten(-1, (2 * self.heads, -1))
        w, rate = shares.chunk(2, 2)
        operands = r, FASTEST * w, k, v, -kappa, kappa * rate.to(v.dtype)
        if alone(v):
            y, state = wkv_step(*operands, S=state.to(wide))
        else:
            y, state = wkv7(*operands, state.to(wide), return_state=True)
        normed = F.layer_norm(y, y.shape[3:], None, None, NORM_EPS).flatten(2)  # a group is a head
        scaled = torch.addcmul(self.norm_bias, normed.to(v.dtype), self.norm_weight).to(v.dtype)
        return scaled * F.silu(g), state

    def _turned(self, heads: Tensor, position: int) -> Tensor:
        return heads if self.base is None else rope(heads, position, self.base)

    def fresh(self, x: Tensor, wide: torch.dtype) -> Tensor:
        """The state before the first step."""
        K = self.d_model // self.heads
        return x.new_zeros(x.shape[0], self.heads, K, K, dtype=wide)

    def rag_widths(self) -> tuple[int, int]:
        """Columns of a retrieved key and of its value, one of each for every head."""
        return self.d_model, self.d_model

    def write(self, state: Tensor, key: Tensor, value: Tensor, position: int) -> Tensor:
        """The state [B, H, V, K] with `value` [B, D] written under `key` [B, D] at `position`."""
        key, value = (x.unflatten(-1, (self.heads, -1)) for x in (key, value))
        return overwritten(state, self._turned(key.unsqueeze(1), position)[:, 0], value)
