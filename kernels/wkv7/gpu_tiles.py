"""What the Triton kernels of wkv7 share: tiles of a chunk, and the matrix products on them."""

# pyright: reportGeneralTypeIssues=false
# (pyright takes a Triton function that returns several tensors for one that never returns)
import triton
import triton.language as tl

MILD = tl.constexpr(-20.0)  # a sum of w over a chunk above this: exp of minus it costs no digits


@triton.jit
def product(a, b, MATH: tl.constexpr):
    """a [M, N] times b [N, O]; MATH: "bf16" (operands rounded to it) or tl.dot's precision."""
    if MATH == "bf16":
        return tl.dot(a.to(tl.bfloat16), b.to(tl.bfloat16))
    else:
        return tl.dot(a, b.to(a.dtype), input_precision=MATH)


@triton.jit
def tile(ptr, row, column, count, width, stride, dtype: tl.constexpr):
    """Load [rows, columns] of a matrix with `count` rows that are `stride` apart; 0 outside."""
    inside = (row < count)[:, None] & (column < width)[None, :]
    return tl.load(ptr + row[:, None] * stride + column[None, :], mask=inside, other=0.0).to(dtype)


@triton.jit
def put(ptr, value, row, column, count, width, stride):
    """Store a tile that `tile` would load."""
    inside = (row < count)[:, None] & (column < width)[None, :]
    tl.store(ptr + row[:, None] * stride + column[None, :], value, mask=inside)


@triton.jit
def ages(w_ptr, t, n, count, K, stride, NARROW: tl.constexpr):
    """Sums of w from the chunk's start up to each step, with it and without it: [T, K] twice.

    No w counts for less than -800, whose exponential is 0 in any dtype: differences of sums stay
    numbers. In float64, unless the operands are NARROW: 16 bits have lost as much already.
    """
    dtype = tl.float32 if NARROW else tl.float64
    w = tile(w_ptr, t, n, count, K, stride, dtype)
    w = tl.where(w < -800.0, -800.0, w)
    sums = tl.cumsum(w, 0)
    return sums, sums - w


@triton.jit
def mild(sums, t, T: tl.constexpr):
    """Whether no key decays so much in the chunk that factors must be kept apart."""
    return tl.min(tl.min(tl.where(t[:, None] == T - 1, sums, 0.0), 1), 0) > MILD


@triton.jit
def row_of(x, i, t):
    """Row i of x [T, N] as [1, N]."""
    return tl.sum(tl.where(t[:, None] == i, x, 0.0), 0)[None, :]


@triton.jit
def column_of(x, i, t):
    """Column i of x [T, T] as [T, 1]."""
    return tl.sum(tl.where(t[None, :] == i, x, 0.0), 1)[:, None]


@triton.jit
def meetings(left, right, sums_left, sums, t, T: tl.constexpr):
    """[T, T]: how much left[t] meets of what right[i] wrote, for any decay; t >= i alone counts.

    One i at a time, every decay the exponential of a sum over exactly the steps between.
    """
    out = tl.zeros([T, T], left.dtype)
    for i in range(0, T):
        apart = sums_left - row_of(sums, i, t)
        age = tl.exp(tl.where(apart > 0.0, 0.0, apart).to(left.dtype))
        aged = row_of(right, i, t) * age
        out += tl.where(t[None, :] == i, tl.sum(left * aged, 1)[:, None], 0.0)
    return out
