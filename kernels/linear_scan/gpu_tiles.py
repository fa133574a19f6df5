"""What the Triton kernels of this op share: the operator, the order of steps, the last row."""

import triton
import triton.language as tl


@triton.jit
def compose(a1, b1, a2, b2):
    """First h -> a1 h + b1, then h -> a2 h + b2."""
    return a1 * a2, a2 * b1 + b2


@triton.jit
def time_of(s, L, FLIP: tl.constexpr, WIDE: tl.constexpr):
    """The time of the s-th step that a program walks; int64 where an offset outgrows int32."""
    t = L - 1 - s if FLIP else s
    return t.to(tl.int64) if WIDE else t


@triton.jit
def load_state(ptr, at, inside, dtype: tl.constexpr):
    """The state [W] that an end of the sequence starts from; zeros if nobody gave one."""
    if ptr is None:
        return tl.zeros(at.shape, dtype)
    else:
        return tl.load(ptr + at, mask=inside, other=0.0)


@triton.jit
def last_row(x, ROWS: tl.constexpr):
    """The last row of x [ROWS, columns]. Every other row adds an exact zero."""
    return tl.sum(tl.where(tl.arange(0, ROWS)[:, None] == ROWS - 1, x, 0.0), 0)
