"""Weights in 8 bits and in bfloat16, by the products that torch has for them on a CPU."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.compress.activations import per_token
from marslab.compress.replacing import SKIP, Model, replace

Activations = Literal["float", "int8"]
LARGEST = 127
FEW = 32  # rows of x up to which torch's weight-only product is faster than one in bfloat16
# Rates of a recurrence and codes: 8 bits of mantissa are too few, and they are few numbers.
WIDE = ("*A_log", "*dt_bias", "*wkv.bias", "*log_temperature", "*codes", "*counts", "*temperatures")


class Int8Linear(nn.Module):
    """A linear layer whose weights are whole numbers of 8 bits, with one step size per output.

    With `activations="float"` only the weights are rounded, and x goes through the product in
    bfloat16, for which torch has it. With "int8" the inputs are rounded too, per token, and the
    sum is exact in whole numbers; that is less precise and the fastest on a CPU with VNNI. Away
    from a CPU the weights are made numbers at each call, in the dtype of x.

    Shapes (K inputs, N outputs):
        x: [..., K] floating point
        returns: [..., N] in the dtype of x

    Errors:
        ValueError: activations are neither "float" nor "int8"

    Source:
        Dettmers et al. 2022, "LLM.int8()", 2 (vector-wise quantisation).

    >>> layer = Int8Linear.of(nn.Linear(8, 2))
    >>> layer(torch.ones(3, 8)).shape, layer.whole.dtype
    (torch.Size([3, 2]), torch.int8)
    """

    whole: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        activations: Activations = "float",
    ) -> None:
        super().__init__()
        if activations not in ("float", "int8"):
            raise ValueError(f"activations must be 'float' or 'int8', got {activations!r}")
        self.in_features, self.out_features = in_features, out_features
        self.activations: Activations = activations
        self.register_buffer("whole", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scale", torch.zeros(out_features))
        self.register_buffer("bias", torch.zeros(out_features) if bias else None)

    @classmethod
    def of(cls, layer: nn.Linear, activations: Activations = "float") -> "Int8Linear":
        """The layer with its weights rounded."""
        N, K = layer.weight.shape
        with torch.device("meta"):
            made = cls(K, N, layer.bias is not None, activations=activations)
        W = layer.weight.detach().float()
        made.scale = W.abs().amax(1).clamp(min=1e-12) / LARGEST
        made.whole = (W / made.scale[:, None]).round().to(torch.int8)
        if layer.bias is not None:
            made.bias = layer.bias.detach()
        return made

    @property
    def weight(self) -> Tensor:
        """The weights as numbers [N, K], made anew at each reading."""
        return self.whole * self.scale[:, None]

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(x.shape[:-1].numel(), self.in_features)
        if x.device.type != "cpu":
            y = F.linear(rows, self.weight.to(rows.dtype))
        elif self.activations == "int8":
            whole, step = per_token(rows)
            y = torch.ops.aten._int_mm(whole.to(torch.int8), self.whole.T) * (step * self.scale)
        elif len(rows) <= FEW:
            y = torch.ops.aten._weight_int8pack_mm(
                rows.bfloat16(), self.whole, self.scale.bfloat16()
            )
        else:
            y = F.linear(rows.bfloat16(), self.whole.bfloat16()) * self.scale
        if self.bias is not None:
            y = y + self.bias
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, activations={self.activations!r}"


def to_int8(
    model: Model, *, activations: Activations = "float", skip: Iterable[str] = SKIP
) -> Model:
    """Round the linear layers of a model to 8 bits, in place, and return it; for inference only.

    `skip` names those that stay, as in `to_ternary`.

    >>> model = nn.Sequential(nn.Linear(4, 4), nn.SiLU())
    >>> type(to_int8(model)[0]).__name__
    'Int8Linear'
    """
    return replace(model, lambda layer: Int8Linear.of(layer, activations), skip)


def to_bfloat16(model: Model, keep: Iterable[str] = WIDE) -> Model:
    """Cast a model to bfloat16, in place, but for what matches `keep`; return it.

    >>> to_bfloat16(nn.Linear(2, 2), keep=("bias",)).weight.dtype
    torch.bfloat16
    """
    keep = tuple(keep)
    for above, module in model.named_modules():
        for name, x in (
            *module.named_parameters(above, False),
            *module.named_buffers(above, False),
        ):
            if x.is_floating_point() and not any(fnmatchcase(name, glob) for glob in keep):
                x.data = x.data.bfloat16()
    return model
