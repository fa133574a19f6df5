"""Weights of -1, 0 and +1: trained through their rounding, then packed into bytes."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from marslab.compress.activations import per_token
from marslab.compress.replacing import SKIP, Model, replace
from marslab.kernels import pack_ternary, ternary_matmul, unpack_ternary
from marslab.kernels.ternary_matmul.packing import PLACES

EPS = 1e-5  # beside the mean |W|, for a matrix of zeros


def ternary(W: Tensor) -> tuple[Tensor, Tensor]:
    """Return W_q = clip(round(W / (mean|W| + eps)), -1, 1) and the scale mean|W|.

    Shapes (N outputs, K inputs):
        W: [N, K]
        returns: W_q [N, K] and scale [], float32 at least

    Source:
        Ma et al. 2024, "The era of 1-bit LLMs: all large language models are in 1.58 bits", 2;
        erratum T46 (the design cites the 1-bit paper).

    >>> W_q, scale = ternary(torch.tensor([[0.1, -2.0, 0.9]]))
    >>> W_q.tolist(), scale.item()
    ([[0.0, -1.0, 1.0]], 1.0)
    """
    W = W.to(torch.promote_types(W.dtype, torch.float32))
    scale = W.abs().mean()
    return (W / (scale + EPS)).round().clamp(-1, 1), scale


class _Rounded(torch.autograd.Function):
    """(x, W) -> scale (W_q x_q) step, with the gradient of x W^T at the rounded values.

    x_q and W_q are whole numbers and their sums are exact in float32 up to 132,000 inputs, in any
    order: whoever multiplies the same packed weights gets the same bits.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, W: Tensor) -> Tensor:
        whole, step = per_token(x)
        W_q, scale = ternary(W)
        ctx.save_for_backward(whole.to(torch.int8), step, W_q.to(torch.int8), scale)
        ctx.dtypes = x.dtype, W.dtype
        return scale * F.linear(whole, W_q.to(whole.dtype)) * step

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor, Tensor]:
        whole, step, W_q, scale = ctx.saved_tensors
        dy, (N, K) = grads[0].to(step.dtype), W_q.shape
        dx = (dy * scale) @ W_q.to(dy.dtype)
        dW = (dy * step).reshape(-1, N).mT @ whole.to(dy.dtype).reshape(-1, K)
        return dx.to(ctx.dtypes[0]), dW.to(ctx.dtypes[1])


class TernaryLinear(nn.Linear):
    """A linear layer that computes as its packed twin will, to the bit, and still learns.

    y = scale (W_q x_q) step + bias, where step x_q are the inputs rounded to 8 bits per token. The
    real weights stay beside it: both roundings let the gradient through as if they were not there.
    Its state dict is that of nn.Linear, so that a float checkpoint loads into it.

    Shapes (K inputs, N outputs):
        x: [..., K] floating point
        returns: [..., N] in the dtype of x

    Source:
        as `ternary`.

    >>> layer = TernaryLinear(4, 2)
    >>> layer(torch.ones(3, 4)).sum().backward()
    >>> bool(layer.weight.grad.any())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        y: Tensor = _Rounded.apply(input, self.weight)  # pyright: ignore[reportAssignmentType]
        return (y if self.bias is None else y + self.bias).to(input.dtype)


class PackedTernaryLinear(nn.Module):
    """The twin of a TernaryLinear for inference: weights in bytes, no real ones any more.

    Shapes (K inputs, N outputs):
        x: [..., K] floating point
        returns: [..., N] in the dtype of x

    Errors:
        ValueError: there is no such packing

    >>> layer = PackedTernaryLinear.of(TernaryLinear(8, 2, bias=False))
    >>> layer.packed.shape, layer(torch.ones(3, 8)).shape
    (torch.Size([2, 2]), torch.Size([3, 2]))
    """

    packed: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, packing: str = "2bit"
    ) -> None:
        super().__init__()
        if packing not in PLACES:
            raise ValueError(f"packing must be one of {list(PLACES)}, got {packing!r}")
        self.in_features, self.out_features, self.packing = in_features, out_features, packing
        width = -(-in_features // PLACES[packing])
        self.register_buffer("packed", torch.zeros(out_features, width, dtype=torch.uint8))
        self.register_buffer("scale", torch.zeros(()))
        self.register_buffer("bias", torch.zeros(out_features) if bias else None)

    @classmethod
    def of(cls, layer: TernaryLinear, packing: str = "2bit") -> "PackedTernaryLinear":
        """The packed twin of a layer; on the meta device, where there is nothing to pack, empty."""
        N, K = layer.weight.shape
        with layer.weight.device:
            made = cls(K, N, layer.bias is not None, packing=packing)
        if not layer.weight.is_meta:
            with torch.no_grad():
                W_q, scale = ternary(layer.weight)
                made.packed = pack_ternary(W_q.to(torch.int8), packing)
                made.scale = scale
        if layer.bias is not None:
            made.bias = layer.bias.detach()
        return made

    @property
    def weight(self) -> Tensor:
        """The weights as numbers [N, K], made anew at each reading."""
        return unpack_ternary(self.packed, self.in_features, self.packing) * self.scale

    def forward(self, x: Tensor) -> Tensor:
        whole, step = per_token(x)
        scale = self.scale.to(whole.dtype)
        y = ternary_matmul(whole, self.packed, scale, packing=self.packing) * step
        if self.bias is not None:
            y = y + self.bias
        return y.to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, packing={self.packing!r}"


def to_ternary(model: Model, skip: Iterable[str] = SKIP) -> Model:
    """Make the linear layers of a model ternary, in place, and return it.

    Their parameters stay the same objects, so that an optimizer made before goes on. `skip` names
    those that stay as they are, by globs over dotted names: embeddings and norms are no linear
    layers, and what decides (routers, gates, heads) or is small keeps its precision.

    >>> model = nn.Sequential(nn.Linear(4, 4), nn.RMSNorm(4))
    >>> type(to_ternary(model)[0]).__name__
    'TernaryLinear'
    """
    return replace(model, _to_ternary, skip)


def pack(model: Model, packing: str = "2bit") -> Model:
    """Replace each TernaryLinear by its packed twin, in place, and return the model.

    A state dict of a packed model loads into a model that was built, made ternary and packed on the
    meta device, with `load_state_dict(state, assign=True)`: nothing larger is ever there. Buffers
    that a state dict leaves out (Omega without a rank has one) are then still to be made.

    Errors:
        ValueError: nothing in the model is ternary, or there is no such packing
    """
    if not any(isinstance(m, TernaryLinear) for m in model.modules()):
        raise ValueError("pack: nothing in the model is ternary; call to_ternary first")

    def packed(layer: nn.Linear) -> nn.Module | None:
        return PackedTernaryLinear.of(layer, packing) if isinstance(layer, TernaryLinear) else None

    return replace(model, packed, ())


def _to_ternary(layer: nn.Linear) -> nn.Module:
    with torch.device("meta"):
        made = TernaryLinear(layer.in_features, layer.out_features, layer.bias is not None)
    made.weight, made.bias = layer.weight, layer.bias
    return made.train(layer.training)
