"""How memory enters a block: by need, always alike, or not at all."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.tracing import emit

Mode = Literal["dynamic", "static", "none"]
STATIC = 0.05  # the strength of the static form, TARS v3, 2.3


class Injected(NamedTuple):
    """What a MemoryInjection gives: x' [B, L, D], and the gate [B, L, 1] in dynamic mode."""

    x: Tensor
    need: Tensor | None


class MemoryInjection(nn.Module):
    """x' = x + strength * W_proj memory; in dynamic mode strength = relu(sim) * need.

    sim = cos(W_query mean, memory), need = sigmoid(W [mean; memory] + b): a memory that points
    elsewhere adds nothing, instead of being subtracted. "static" has strength 0.05 everywhere,
    "none" leaves x as it is, as every mode does while memory is None. need is how much memory the
    block asks for. It is no surprise: sigmoid(0) = 0.5 however well the memory is known.

    relu gives no gradient where sim <= 0, and were it so at each token the three maps would never
    learn again. So the value is that of relu, to the bit, and the gradient that of its smooth
    neighbour leak * softplus(sim / leak); `leak=0` is plain relu.

    Emits "injection" with sim, need and strength.

    Shapes (B batch, L length, D width, M memory width):
        x, mean: [B, L, D] floating point; mean is the causal mean of x
        memory: [B, L, M] or None
        returns: Injected

    Units:
        leak: the width of the bend, in cosines

    Errors:
        ValueError: a size is not positive, the mode is unknown, leak is negative, or a shape is
            wrong

    Source:
        TARS v3, 2.3, repaired by T32 and T33.

    >>> inject, x = MemoryInjection(8, 4, "dynamic"), torch.ones(1, 5, 8)
    >>> inject(x, x, None).need is None, inject(x, x, torch.ones(1, 5, 4)).need.shape
    (True, torch.Size([1, 5, 1]))
    """

    def __init__(
        self, d_model: int, memory_dim: int, mode: Mode = "dynamic", *, leak: float = 0.1
    ) -> None:
        super().__init__()
        for name, size in (("d_model", d_model), ("memory_dim", memory_dim)):
            if size < 1:
                raise ValueError(f"MemoryInjection: {name} must be positive, got {size}")
        if mode not in ("dynamic", "static", "none"):
            raise ValueError(
                f"MemoryInjection: mode must be 'dynamic', 'static' or 'none', got {mode!r}"
            )
        if leak < 0:
            raise ValueError(f"MemoryInjection: leak must be at least 0, got {leak}")
        self.d_model, self.memory_dim, self.mode, self.leak = d_model, memory_dim, mode, leak
        if mode != "none":
            self.proj = nn.Linear(memory_dim, d_model, bias=False)
        if mode == "dynamic":
            self.query = nn.Linear(d_model, memory_dim, bias=False)
            self.gate = nn.Linear(d_model + memory_dim, 1)

    def forward(self, x: Tensor, mean: Tensor, memory: Tensor | None) -> Injected:
        D = self.d_model
        shaped("MemoryInjection", "x", x, f"[B, L, {D}]", (None, None, D))
        shaped("MemoryInjection", "mean", mean, "[B, L, D]", tuple(x.shape))
        if memory is None or self.mode == "none":
            return Injected(x, None)
        want = (*x.shape[:2], self.memory_dim)
        shaped("MemoryInjection", "memory", memory, "[B, L, M]", want)
        value = self.proj(memory)
        if self.mode == "static":
            return Injected(x + STATIC * value, None)
        sim = F.cosine_similarity(self.query(mean), memory.to(mean.dtype), -1, 1e-4).unsqueeze(-1)
        need = torch.sigmoid(self.gate(torch.cat([mean, memory.to(mean.dtype)], -1)))
        strength = F.relu(sim) * need
        y = x + strength.to(value.dtype) * value
        if self.leak and torch.is_grad_enabled():
            # softplus minus relu: adds exactly 0 to the value, and the rest of the gradient
            rest = self.leak * F.softplus(-sim.abs() / self.leak) * need
            rest = rest.to(value.dtype) * value
            y = y + (rest - rest.detach())
        emit("injection", sim=sim, need=need, strength=strength)
        return Injected(y, need)

    def extra_repr(self) -> str:
        return f"{self.d_model}, {self.memory_dim}, {self.mode!r}, leak={self.leak}"
