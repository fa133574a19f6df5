"""The gate of a step, for all Triton kernels of this op."""

import math

import triton
import triton.language as tl

LOG2E = tl.constexpr(math.log2(math.e))


@triton.jit
def gates(z):
    """g = sigmoid(z) and 1 - g, both with all their digits.

    The smaller is e / (1 + e), the larger 1 less that, which near 1 is closer than a quotient. A
    reciprocal square root is one instruction of a GPU, a quotient is eight.
    """
    e = tl.exp2(tl.abs(z) * -LOG2E)
    root = tl.rsqrt(1.0 + e)
    small = e * (root * root)
    shut = z < 0.0
    return tl.where(shut, small, 1.0 - small), tl.where(shut, 1.0 - small, small)
