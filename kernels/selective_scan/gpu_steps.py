"""What the Triton kernels of this op share: where a program stands, one step, how cuts are joined.

A program is one warp and its tile [W, N]: W neighbouring channels with all their states, kept in
registers while time goes by. Triton lays the tile out as [D, N] lies in memory: four neighbouring
states to a thread, then lanes along N, lanes along W and at last registers again. So a sum over
states or channels is partly one within a thread.
"""

import math

import triton
import triton.language as tl

LOG2E = tl.constexpr(math.log2(math.e))
# In powers of u = z log2 e: (exp(z) - 1) / u, and the slope of (exp(z) - 1) / z, 1/2 at 0.
GROWTH = tl.constexpr(tuple(math.log(2) ** k / math.factorial(k) for k in range(1, 16)))
SLOPE = tl.constexpr(tuple(math.log(2) ** k / math.factorial(k) / (k + 2) for k in range(15)))


@triton.jit
def place(L, D, N, LONG, T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr):
    """Row, segment (LONG tiles of T steps), segments; channels [W], states [N], who is there."""
    blocks = tl.cdiv(D, W)
    segments = tl.cdiv(tl.cdiv(L, T), LONG)
    row = (tl.program_id(0) // (blocks * segments)).to(tl.int64)
    segment = tl.program_id(0) // blocks % segments
    d = tl.program_id(0) % blocks * W + tl.arange(0, W)
    n = tl.arange(0, NP)
    return row, segment, segments, d, n, (d < D)[:, None] & (n < N)[None, :]


@triton.jit
def rates(A_ptr, cell, own):
    """A and 1 / A. A rate of 0 is taken for one whose decays are 1 all the same."""
    rate = tl.load(A_ptr + cell, mask=own, other=0.0)
    least = 1e-18 if rate.dtype == tl.float32 else 1e-100
    rate = tl.where(tl.abs(rate) < least, -least, rate)
    return rate, 1.0 / rate


@triton.jit
def wide(ptr, at, hop, k, left, like):
    """[L, D] k steps on, though at most `left` steps on."""
    return tl.load(ptr + (tl.minimum(k, left) * hop + at)).to(like.dtype)


@triton.jit
def time(ptr, at, hop, k, left, like):
    """The same of dt, and 0 from there on: a step of no time holds the state."""
    return tl.where(k <= left, wide(ptr, at, hop, k, left, like), 0.0)


@triton.jit
def gate(ptr, n, N: tl.constexpr, k, left, like):
    """The same of [L, N], with 0 for states beyond N."""
    return tl.load(ptr + (tl.minimum(k, left) * N + n), mask=n < N, other=0.0).to(like.dtype)


@triton.jit
def reached(ptr, d, D, k, left, like):
    """The same of dy, with 0 beyond L and D: nothing comes from there."""
    return tl.load(ptr + (k * D + d), mask=(d < D) & (k <= left), other=0.0).to(like.dtype)


@triton.jit
def ahead(x_ptr, dt_ptr, d, D, start, left, like, T: tl.constexpr):
    """x and dt of the T steps from `start` on, `left` more steps behind the first."""
    xs, dts = (), ()
    start += tl.minimum(left, 0)
    left = tl.maximum(left, 0)
    for k in tl.static_range(T):  # pyright: ignore[reportGeneralTypeIssues]
        xs = xs + (wide(x_ptr + start * D, d, D, k, left, like),)
        dts = dts + (time(dt_ptr + start * D, d, D, k, left, like),)
    return xs, dts


@triton.jit
def gates(ptr, n, N: tl.constexpr, start, left, like, T: tl.constexpr):
    """B or C of the T steps from `start` on."""
    steps = ()
    for k in tl.static_range(T):  # pyright: ignore[reportGeneralTypeIssues]
        steps = steps + (gate(ptr + start * N, n, N, k, left, like),)
    return steps


@triton.jit
def _polynomial(u, COEFFICIENTS: tl.constexpr, TERMS: tl.constexpr):
    total = tl.full(u.shape, COEFFICIENTS[TERMS - 1], u.dtype)
    for k in tl.static_range(TERMS - 2, -1, -1):  # pyright: ignore[reportGeneralTypeIssues]
        total = total * u + COEFFICIENTS[k]
    return total


@triton.jit
def growth(u, NEAR: tl.constexpr, TERMS: tl.constexpr):
    """2^u - 1, with its digits also where 2^u is nearly 1."""
    near = tl.abs(u) < NEAR
    small = tl.where(near, u, 0.0)
    return tl.where(near, small * _polynomial(small, GROWTH, TERMS), tl.exp2(u) - 1.0)


@triton.jit
def bend(u, dt, grown, hold, inverse, NEAR: tl.constexpr, TERMS: tl.constexpr):
    """d/dA of (exp(dt A) - 1) / A, which is (dt exp(dt A) - hold) / A away from 0."""
    near = tl.abs(u) < NEAR
    series = dt * dt * _polynomial(tl.where(near, u, 0.0), SLOPE, TERMS)
    return tl.where(near, series, (dt * grown + dt - hold) * inverse)


@triton.jit
def step(h, x, dt, B, rate, inverse, ZOH: tl.constexpr, NEAR: tl.constexpr, TERMS: tl.constexpr):
    """The next state [W, N], and exp(dt A) - 1; x, dt: [W]; B: [N]."""
    grown = growth((dt * LOG2E)[:, None] * rate, NEAR, TERMS)
    inflow = x[:, None] * B[None, :]
    push = grown * (inverse * inflow) if ZOH else dt[:, None] * inflow
    return (grown + 1.0) * h + push, grown


@triton.jit
def joined(
    h, rate, ends, times, cell, d, own, first, count, hop, D, size,
    NEAR: tl.constexpr, TERMS: tl.constexpr,
):  # fmt: skip
    """h led through `count` segments from `first` on: each fades it and adds its own end.

    ends: [B segments, D, N], what each reaches from 0; times: [B segments, D], its sum of dt
    """
    for i in range(count):
        at = first + i * hop
        end = tl.load(ends + at * size + cell, mask=own, other=0.0)
        total = tl.load(times + at * D + d, mask=d < D, other=0.0)
        h = h + (growth((total * LOG2E)[:, None] * rate, NEAR, TERMS) * h + end)
    return h
