"""What the compiled backends of all ops share: operands going in, memory for what comes out."""

import ctypes
import mmap
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from marslab.kernels.backends import interpreted

# Large fresh memory comes from the system page by page as it is first written, and 4 KiB at a time
# that takes longer than a scan does. Where Linux gives huge pages to whoever asks, we ask.
WORTH_ASKING = 2**23  # bytes; what is smaller mostly comes back from the last time, pages and all


def arrays(dtype: torch.dtype, *tensors: Tensor) -> list[np.ndarray]:
    """The tensors for numba: contiguous, of one dtype, conjugates and signs written out.

    >>> [x.dtype.name for x in arrays(torch.float32, torch.ones(2, dtype=torch.bfloat16))]
    ['float32']
    """
    return [_plain(x.detach(), dtype).numpy() for x in tensors]


def _plain(x: Tensor, dtype: torch.dtype) -> Tensor:
    if x.dtype == dtype and x.is_contiguous():
        return x.resolve_conj().resolve_neg()
    return _memory(x, x.shape, dtype).copy_(x)


def fresh(x: Tensor, *shape: int) -> Tensor:
    """Memory for what a kernel writes: like `x`, contiguous, of another shape if given.

    Triton's interpreter cuts float32 off to 16 bits where the hardware rounds: there the result is
    float32, and the caller lets torch round.

    >>> fresh(torch.ones(2, 3), 4).shape
    torch.Size([4])
    """
    dtype = torch.float32 if interpreted() and x.element_size() == 2 else x.dtype
    return _memory(x, shape or x.shape, dtype)


def _memory(x: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    out = x.new_empty(shape, dtype=dtype)
    real = type(out) is Tensor and out.device.type == "cpu"  # a traced one has no memory
    if real and out.nbytes >= WORTH_ASKING:
        _ask_for_huge_pages(out.data_ptr(), out.nbytes)
    return out


def _ask_for_huge_pages(start: int, size: int) -> None:
    madvise = _madvise()
    if madvise is not None:
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        madvise(first, start + size - first, mmap.MADV_HUGEPAGE)


@lru_cache(maxsize=1)
def _madvise() -> Callable[[int, int, int], int] | None:
    """The system's call; None where there are no huge pages to ask for."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    call = ctypes.CDLL(None).madvise
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return call


def given(x: Tensor) -> Tensor | None:
    """What a Triton kernel takes for an operand: None for one of no elements, which means zeros.

    Filling zeros would be a launch of its own, which takes as long as a small kernel.

    >>> given(torch.ones(2, 0)) is None
    True
    """
    return x if x.numel() else None
