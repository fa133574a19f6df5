"""What the compiled backends of all ops share: operands going in, memory for what comes out."""

import numpy as np
import torch
from torch import Tensor

from marslab.kernels.backends import interpreted


def arrays(dtype: torch.dtype, *tensors: Tensor) -> list[np.ndarray]:
    """The tensors for numba: contiguous, of one dtype, conjugates and signs written out.

    >>> [x.dtype.name for x in arrays(torch.float32, torch.ones(2, dtype=torch.bfloat16))]
    ['float32']
    """
    plain = (x.detach().to(dtype).contiguous() for x in tensors)
    return [x.resolve_conj().resolve_neg().numpy() for x in plain]


def fresh(x: Tensor, *shape: int) -> Tensor:
    """Memory for what a Triton kernel writes: like `x`, contiguous, of another shape if given.

    The interpreter cuts float32 off to 16 bits where the hardware rounds: there the result is
    float32, and the caller lets torch round.

    >>> fresh(torch.ones(2, 3), 4).shape
    torch.Size([4])
    """
    dtype = torch.float32 if interpreted() and x.element_size() == 2 else x.dtype
    return x.new_empty(shape or x.shape, dtype=dtype)


def given(x: Tensor) -> Tensor | None:
    """What a Triton kernel takes for an operand: None for one of no elements, which means zeros.

    Filling zeros would be a launch of its own, which takes as long as a small kernel.

    >>> given(torch.ones(2, 0)) is None
    True
    """
    return x if x.numel() else None
