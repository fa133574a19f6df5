"""The block around a recurrence: norm, a short convolution, a gate, a way past."""

import torch.nn.functional as F
from torch import Tensor, nn, ones

from marslab.kernels.checks import shaped


class GatedBlock(nn.Module):
    """x + W_out ((m + D u) * silu(z)), where `mixed` makes m from u, mixing the steps.

    u and z are linear in LayerNorm(x); u then passes a causal convolution over its last `d_conv`
    steps, channel by channel, and silu. D starts at 1. With `gate=False` there is no z, with
    `d_conv=0` no convolution. With `enabled=False` m is left out: what is left of the past is what
    the convolution sees. The parts of the subclass are made after those of the block.

    Shapes (B batch, L length, D width, E = expand * D inner width):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Units:
        d_conv: steps

    Errors:
        ValueError: a size is not positive, or x does not have D columns

    Source:
        Gu & Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces", 3.4.
    """

    def __init__(
        self,
        d_model: int,
        *,
        expand: int = 2,
        d_conv: int = 4,
        gate: bool = True,
        enabled: bool = True,
    ) -> None:
        super().__init__()
        self._positive(d_model=d_model, expand=expand)
        if d_conv < 0:
            raise ValueError(f"{self.kind}: d_conv must be at least 0 steps, got {d_conv}")
        self.width = expand * d_model
        self.d_model, self.gate, self.enabled = d_model, gate, enabled
        self.norm = nn.LayerNorm(d_model)
        self.to_inner = nn.Linear(d_model, self.width * (2 if gate else 1), bias=False)
        self.conv = nn.Conv1d(self.width, self.width, d_conv, groups=self.width) if d_conv else None
        self.D = nn.Parameter(ones(self.width))
        self.to_model = nn.Linear(self.width, d_model, bias=False)

    @property
    def kind(self) -> str:
        """The name of the class, for messages."""
        return type(self).__name__

    def mixed(self, u: Tensor) -> Tensor:
        """m + D u, [B, L, E], from u [B, L, E]; each step may see itself and those before it."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        shaped(self.kind, "x", x, f"[B, L, {self.d_model}]", (None, None, self.d_model))
        inner = self.to_inner(self.norm(x))
        u, z = inner.chunk(2, -1) if self.gate else (inner, None)
        u = F.silu(self._convolved(u))
        y = self.mixed(u) if self.enabled else self.D * u
        return x + self.to_model(y if z is None else y * F.silu(z))

    def _convolved(self, u: Tensor) -> Tensor:
        """Each channel over its last steps; before the first step there is nothing."""
        if self.conv is None or u.shape[1] == 0:
            return u
        return self.conv(F.pad(u.mT, (self.conv.kernel_size[0] - 1, 0))).mT

    def _positive(self, **sizes: int) -> None:
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{self.kind}: {name} must be positive, got {size}")

    def extra_repr(self) -> str:
        return f"gate={self.gate}, enabled={self.enabled}"
