"""y = scale * x W^T with weights -1, 0 and +1 that stay packed in bytes."""

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype
from marslab.kernels.joining import unwatched
from marslab.kernels.ternary_matmul import naive, torch_ops
from marslab.kernels.ternary_matmul.packing import pack_ternary, places, unpack_ternary

__all__ = ["pack_ternary", "ternary_matmul", "unpack_ternary"]

BACKENDS = ("naive", "torch", "numba", "triton")
MANY = 64  # rows from which scale and rounding have a Triton kernel; torch starts its own sooner


def ternary_matmul(
    x: Tensor, packed: Tensor, scale: Tensor, *, packing: str = "2bit", backend: str = "auto"
) -> Tensor:
    """Multiply by ternary weights: y = scale * x W^T, W from `pack_ternary`.

    W is never there as numbers for one row of x; for many rows, some of its rows at a time. `x` and
    `scale` have gradients, the bytes have none. Bytes that `pack_ternary` does not make stand for
    no weights: what they give is not defined (`unpack_ternary` tells them).

    Shapes (N outputs, K inputs):
        x: [..., K]
        packed: [N, ceil(K / 4)] uint8, with packing="5trit" [N, ceil(K / 5)]
        scale: [] or [N], in the dtype of x, or float32 beside 16-bit x
        returns: y [..., N] in the dtype of x; sums are taken in float32 at least

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ, there is no such packing, or `backend` is named and
            cannot run here

    Source:
        Ma et al. 2024, "The era of 1-bit LLMs: all large language models are in 1.58 bits".

    >>> import torch
    >>> packed = pack_ternary(torch.tensor([[1, 0, -1], [1, 1, 1]]))
    >>> ternary_matmul(torch.tensor([1.0, 2.0, 4.0]), packed, torch.tensor(0.5)).tolist()
    [-1.5, 3.5]
    """
    _check(x, packed, scale, places("ternary_matmul", packing))
    dtype = state_dtype(x.dtype)
    name = choose("ternary_matmul", backend, x.device, BACKENDS)
    rows = x.reshape(x.shape[:-1].numel(), x.shape[-1])  # -1 is ambiguous for an empty x
    y = _scaled(name, _product(name, rows, packed, packing), scale.to(dtype), rows)
    return y.view(*x.shape[:-1], packed.shape[0])


def _check(x: Tensor, packed: Tensor, scale: Tensor, count: int) -> None:
    is_tensor("ternary_matmul", "x", x)
    is_tensor("ternary_matmul", "packed", packed, only=(torch.uint8,), because="(see pack_ternary)")
    allowed = {x.dtype, state_dtype(x.dtype)}
    is_tensor("ternary_matmul", "scale", scale, only=allowed, because=f"beside x of {x.dtype}")
    if x.ndim == 0:
        raise ValueError("ternary_matmul: x must be [..., K], got []")
    J = -(-x.shape[-1] // count)
    need = f"[N, ceil(K / {count})] = [N, {J}]"
    shaped("ternary_matmul", "packed", packed, need, (None, J))
    if scale.ndim:
        shaped("ternary_matmul", "scale", scale, "[] or [N]", (packed.shape[0],))
    on_one_device("ternary_matmul", x=x, packed=packed, scale=scale)


def _scaled(name: str, product: Tensor, scale: Tensor, like: Tensor) -> Tensor:
    """scale * product in the dtype of `like`; in one step where nobody asks for a derivative."""
    if not unwatched(product, scale):
        return (scale * product).to(like.dtype)
    if name == "triton" and len(product) >= MANY:
        from marslab.kernels.ternary_matmul import gpu

        return gpu.scaled(product, scale, like)
    return torch.mul(product, scale, out=product.new_empty(product.shape, dtype=like.dtype))


def _product(name: str, x: Tensor, packed: Tensor, packing: str) -> Tensor:
    if name == "naive":
        return naive.product(x, packed, packing)
    if name == "torch":
        return torch_ops.product(x, packed, packing)
    if name == "numba":
        from marslab.kernels.ternary_matmul import cpu as module
    else:
        from marslab.kernels.ternary_matmul import gpu as module
    return module.product(x, packed, packing)
