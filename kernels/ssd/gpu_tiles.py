"""What the Triton kernels of ssd share: where a tile lies, its decays, its matrix products."""

# pyright: reportGeneralTypeIssues=false
# (pyright takes a Triton function that returns several tensors for one that never returns)
import triton
import triton.language as tl

RESET = tl.constexpr(-800.0)  # exp of less is 0, in float64 too


@triton.jit
def whose(inner, chunks):
    """Of [B, chunks, inner] programs, this one's place: (inner, chunk, row)."""
    return (
        tl.program_id(0) % inner,
        tl.program_id(0) // inner % chunks,
        tl.program_id(0) // inner // chunks,
    )


@triton.jit
def product(a, b, MATH: tl.constexpr):
    """a [M, K] times b [K, N], summed in the state's dtype.

    MATH: "sums" (float64), "bf16" (operands rounded to it), or tl.dot's input precision.
    """
    if MATH == "sums":
        return tl.sum(a[:, :, None] * b[None, :, :], axis=1)
    elif MATH == "bf16":
        return tl.dot(a.to(tl.bfloat16), b.to(tl.bfloat16))
    else:
        return tl.dot(a, b, input_precision=MATH)


@triton.jit
def tile(ptr, rows, columns, count, width, stride, dtype: tl.constexpr):
    """Load [rows, columns] of a matrix with `count` rows that are `stride` apart; 0 outside."""
    inside = (rows < count)[:, None] & (columns < width)[None, :]
    at = rows[:, None] * stride + columns[None, :]
    return tl.load(ptr + at, mask=inside, other=0.0).to(dtype)


@triton.jit
def put(ptr, value, rows, columns, count, width, stride):
    """Store a tile that `tile` would load."""
    inside = (rows < count)[:, None] & (columns < width)[None, :]
    tl.store(ptr + rows[:, None] * stride + columns[None, :], value, mask=inside)


@triton.jit
def logs(dt, A):
    """Sums of dt A up to each step, in float64, and how many resets there were by then.

    A reset is a step whose decay is 0. Its log may be -inf, and -inf minus -inf is no number, so
    resets are counted apart: decays are differences of sums, and 0 where a reset lies between.
    """
    dt, A = dt.to(tl.float64), A.to(tl.float64)
    forgets = A == float("-inf")  # then the log is -inf, but 0 where no time passes
    log = dt * tl.where(forgets, 0.0, A)
    log += tl.where(dt > 0, tl.where(forgets, float("-inf"), 0.0), 0.0)
    reset = log < RESET
    return tl.cumsum(tl.where(reset, 0.0, log), 0), tl.cumsum(reset.to(tl.int32), 0)


@triton.jit
def last(sums, resets, T: tl.constexpr):
    """The two sums at the end of the tile."""
    at_end = tl.arange(0, T) == T - 1
    return tl.sum(tl.where(at_end, sums, 0.0), 0), tl.sum(tl.where(at_end, resets, 0), 0)


@triton.jit
def between(sums, resets, T: tl.constexpr, dtype: tl.constexpr):
    """Decays [T, T] from after step j (column) to after step i (row); 0 for j > i."""
    step = tl.arange(0, T)
    joined = (step[:, None] >= step[None, :]) & (resets[:, None] == resets[None, :])
    apart = (sums[:, None] - sums[None, :]).to(dtype)
    return tl.where(joined, tl.exp(tl.where(joined, apart, 0.0)), 0.0)


@triton.jit
def since(sums, resets, dtype: tl.constexpr):
    """Decays from before the tile to after each step."""
    return tl.where(resets == 0, tl.exp(sums.to(dtype)), 0.0)


@triton.jit
def until(sums, resets, T: tl.constexpr, dtype: tl.constexpr):
    """Decays from after each step to the end of the tile."""
    end, count = last(sums, resets, T)
    return tl.where(resets == count, tl.exp((end - sums).to(dtype)), 0.0)
