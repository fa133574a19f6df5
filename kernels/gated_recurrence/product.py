"""The product with W that stands between two sweeps: in what it is taken and given back."""

import torch
from torch import Tensor


def operand_dtype(z: Tensor, state: torch.dtype) -> torch.dtype:
    """Tensor cores take bfloat16 as it is; float16 would overflow where a state is large."""
    return z.dtype if z.is_cuda and z.dtype == torch.bfloat16 else state


def product(x: Tensor, w: Tensor) -> Tensor:
    """x @ w, in float32 for bfloat16 operands: rounded to bfloat16 the sweeps do not settle."""
    if x.dtype != torch.bfloat16:
        return x @ w
    flat = torch.mm(x.flatten(0, -2), w, out_dtype=torch.float32)
    return flat.view(*x.shape[:-1], w.shape[1])
