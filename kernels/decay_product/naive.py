"""The definition: a plain loop over the sequence. Slow on purpose, differentiated by autograd."""

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype


def decay_product(gamma: Tensor) -> Tensor:
    """Return the product of all decays so far, in the shape and dtype of `gamma`."""
    steps = gamma.to(state_dtype(gamma.dtype)).unbind(1)
    if not steps:
        return gamma.clone()
    y, out = torch.ones_like(steps[0]), []
    for gamma_t in steps:
        y = y * gamma_t
        out.append(y)
    return torch.stack(out, dim=1).to(gamma.dtype)
