"""What the Triton kernels of ssd share: tiles of memory, matrix products, decays in a chunk."""

import triton
import triton.language as tl


@triton.jit
def product(a, b, dtype: tl.constexpr, MATH: tl.constexpr):
    """a [M, K] times b [K, N], summed in `dtype`.

    MATH: "bf16" (operands are rounded to it), or the input precision of a product in `dtype`.
    """
    if MATH == "bf16":
        return tl.dot(a.to(tl.bfloat16), b.to(tl.bfloat16))
    else:
        return tl.dot(a.to(dtype), b.to(dtype), input_precision=MATH)


@triton.jit
def tile(ptr, rows, columns, count, width, stride):
    """Load [rows, columns] of a matrix with `count` rows that are `stride` apart; 0 outside."""
    inside = (rows < count)[:, None] & (columns < width)[None, :]
    return tl.load(ptr + rows[:, None] * stride + columns[None, :], mask=inside, other=0.0)


@triton.jit
def put(ptr, value, rows, columns, count, width, stride):
    """Store a tile that `tile` would load."""
    inside = (rows < count)[:, None] & (columns < width)[None, :]
    at = ptr + rows[:, None] * stride + columns[None, :]
    tl.store(at, value.to(ptr.dtype.element_ty), mask=inside)


@triton.jit
def decay(later, earlier, causal, dtype: tl.constexpr):
    """Decays from after one step to after another, by their sums of logs; 0 against time."""
    return tl.exp2(tl.where(causal, (later - earlier).to(dtype), float("-inf")))
