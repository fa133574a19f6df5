"""Binding and unbinding of vectors: circular convolution and correlation along the last axis."""

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, state_dtype
from marslab.kernels.circular import naive, torch_ops

BACKENDS = ("naive", "torch")
COMPLEX = (torch.complex64, torch.complex128)


def circular_conv(a: Tensor, b: Tensor, *, backend: str = "auto") -> Tensor:
    """Bind b to a: c[k] = sum over i of a[i] * b[(k - i) mod D].

    The order does not matter. Undone by `circular_corr`: exactly where every frequency of `a` has
    magnitude 1 (a unitary key), noisily where a is random with numbers of variance 1/D.

    Shapes (D width; leading axes broadcast):
        a, b: [..., D] of one dtype, real or complex
        returns: [..., D] in that dtype; 16-bit numbers are worked on in float32

    Errors:
        TypeError: not a tensor, or dtypes that the op does not take
        ValueError: shapes do not fit or devices differ, or `backend` is named and cannot run here

    Source:
        Plate 1995, "Holographic reduced representations".

    >>> import torch
    >>> circular_conv(torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 2.0, 3.0])).tolist()
    [3.0, 1.0, 2.0]
    """
    return _run("circular_conv", a, b, backend)


def circular_corr(a: Tensor, b: Tensor, *, backend: str = "auto") -> Tensor:
    """Unbind with a: c[k] = sum over i of conj(a[i]) * b[(k + i) mod D].

    circular_corr(key, circular_conv(key, value)) is close to value. The key comes first: with the
    two changed over the result is conjugated and runs backwards.

    Shapes (D width; leading axes broadcast):
        a, b: [..., D] of one dtype, real or complex
        returns: [..., D] in that dtype; 16-bit numbers are worked on in float32

    Errors:
        TypeError: not a tensor, or dtypes that the op does not take
        ValueError: shapes do not fit or devices differ, or `backend` is named and cannot run here

    Source:
        Plate 1995, "Holographic reduced representations".

    >>> import torch
    >>> circular_corr(torch.tensor([0.0, 1.0, 0.0]), torch.tensor([3.0, 1.0, 2.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    return _run("circular_corr", a, b, backend)


def _run(op: str, a: Tensor, b: Tensor, backend: str) -> Tensor:
    _check(op, a, b)
    module = naive if choose(op, backend, b.device, BACKENDS) == "naive" else torch_ops
    run, dtype = getattr(module, op), state_dtype(b.dtype)
    return run(a, b) if b.dtype == dtype else run(a.to(dtype), b.to(dtype)).to(b.dtype)


def _check(op: str, a: Tensor, b: Tensor) -> None:
    is_tensor(op, "a", a, also=COMPLEX)
    if not isinstance(b, Tensor) or b.dtype != a.dtype:
        is_tensor(op, "b", b, only=(a.dtype,), because=f"beside a of {a.dtype}")
    if a.shape != b.shape or a.ndim == 0:
        _check_shapes(op, a.shape, b.shape)
    if a.device != b.device:
        on_one_device(op, a=a, b=b)


def _check_shapes(op: str, a: torch.Size, b: torch.Size) -> None:
    if not a or not b or a[-1] != b[-1]:
        raise ValueError(f"{op}: a and b must be [..., D] with one D, got {list(a)} and {list(b)}")
    if any(x != y and 1 not in (x, y) for x, y in zip(reversed(a), reversed(b), strict=False)):
        raise ValueError(
            f"{op}: the leading axes of a and b must broadcast, got {list(a)} and {list(b)}"
        )
