"""Activations as whole numbers of 8 bits, one step size per token: what low-bit weights meet."""

from typing import NamedTuple

import torch
from torch import Tensor

LARGEST = 127
LEAST = 1e-5  # absmax that a token of zeros counts as


class Tokens(NamedTuple):
    """x ~ whole * step.

    Shapes (K inputs):
        whole: [..., K] whole numbers from -127 to 127, in a floating-point dtype
        step: [..., 1], the same dtype
    """

    whole: Tensor
    step: Tensor


def per_token(x: Tensor) -> Tokens:
    """Round each token to a whole number of steps of absmax / 127; at least float32 inside.

    Shapes (K inputs):
        x: [..., K] floating point

    Source:
        Ma et al. 2024, "The era of 1-bit LLMs", 2; Wang et al. 2023, "BitNet", 2.1.

    >>> per_token(torch.tensor([0.5, -1.27])).whole.tolist()
    [50.0, -127.0]
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    step = wide.abs().amax(-1, keepdim=True).clamp(min=LEAST) / LARGEST
    return Tokens((wide / step).round(), step)
