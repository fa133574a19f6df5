"""Triton, step by step with W at rest: programs share the columns of the state and trade results.

A program owns C columns of the state for R rows of the batch. Its slice of W, [C, D], stays on its
multiprocessor from the first step to the last; what travels is the state, through the second-level
cache. At each step a program stores its new columns, waits until those of the others are there,
and multiplies them all with its slice.

Nothing but the data says that the data is there. The memory that programs trade through has a
place for each step, and every bit of it is set before the launch: a NaN that no arithmetic here
makes. A program loads what it needs again and again until none of that is left: no counters and no
fences, one trip to the cache and back for a step.

All programs of a launch must run at once, so it is a cooperative one, of one program for each
multiprocessor at the most. Rows of the batch never mix: the programs of other rows go their own
pace. In the interpreter, where programs run one after another, one program owns all columns.

The product is split into S parts of K columns, one for each warp, summed at the end: one warp would
pass through D in sequence.
"""

import triton
import triton.language as tl


@triton.jit
def _slice(W_ptr, c, e, D):
    """The rows c of W, cut like e: [S, C, K]."""
    inside = (c < D)[None, :, None] & (e < D)[:, None, :]
    return tl.load(W_ptr + c[None, :, None] * D + e[:, None, :], mask=inside, other=0.0)


@triton.jit
def _product(w, x, PRECISION: tl.constexpr):
    """W x for w [S, C, K] and x [S, R, K]: [R, C]."""
    parts = tl.dot(w, tl.permute(x, (0, 2, 1)), input_precision=PRECISION)
    return tl.trans(tl.sum(parts, 0))


@triton.jit
def _give(at, x, own):
    """Store what others wait for. A NaN may have all bits set, which would mean: not there yet."""
    x = tl.where(x == x, x, float("nan"))
    tl.store(at, x.to(at.dtype.element_ty), mask=own, cache_modifier=".cg")


@triton.jit
def _missing(x):
    """Whether a cell has all bits set: nobody stored it yet."""
    if x.dtype.primitive_bitwidth == 32:
        return tl.max(x.to(tl.uint32, bitcast=True)) == 0xFFFFFFFF
    else:
        return tl.max(x.to(tl.uint16, bitcast=True)) == 0xFFFF


@triton.jit
def _take(at, inside):
    """Load until nothing is missing."""
    x = tl.load(at, mask=inside, other=0.0, volatile=True)
    while _missing(x):
        x = tl.load(at, mask=inside, other=0.0, volatile=True)
    return x


@triton.jit(do_not_specialize=["L"])  # as a constant, L = 1 fails to compile
def forward(
    z_ptr, W_ptr, gamma_ptr, h0_ptr, h_ptr, state_ptr, B, L, D, first, owners,
    C: tl.constexpr, R: tl.constexpr, S: tl.constexpr, K: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """z, gamma, h: [B, L, D]; W: [D, D] in the dtype of h; h0, state: [B, D]. h is traded."""
    program = tl.program_id(0)
    rows = ((first + program // owners) * R + tl.arange(0, R)).to(tl.int64)
    c = program % owners * C + tl.arange(0, C)
    e = tl.arange(0, S)[:, None] * K + tl.arange(0, K)[None, :]
    own = (rows < B)[:, None] & (c < D)[None, :]
    inside = (rows < B)[None, :, None] & (e < D)[:, None, :]
    w = _slice(W_ptr, c, e, D)
    x = tl.load(h0_ptr + rows[None, :, None] * D + e[:, None, :], mask=inside, other=0.0)
    p = _product(w, x.to(w.dtype), PRECISION)
    h = tl.load(h0_ptr + rows[:, None] * D + c[None, :], mask=own, other=0.0)
    at = rows[:, None] * L * D + c[None, :]
    all_at = h_ptr + rows[None, :, None] * L * D + e[:, None, :]
    z = tl.load(z_ptr + at, mask=own, other=0.0)
    gamma = tl.load(gamma_ptr + at, mask=own, other=0.0)
    next_z = tl.load(z_ptr + at + D, mask=own & (L > 1), other=0.0)
    next_gamma = tl.load(gamma_ptr + at + D, mask=own & (L > 1), other=0.0)
    for t in range(0, L):
        h = z.to(h.dtype) / (1.0 + tl.exp(-p)) + gamma.to(h.dtype) * h
        _give(h_ptr + at, h, own)
        z = next_z
        gamma = next_gamma
        p = _product(w, _take(all_at, inside), PRECISION)
        # Two steps ahead: under way for a whole step. Behind the product, because the compiler
        # then computes h in the layout of these loads, once, and not in that of the product, where
        # every warp would hold all of it.
        next_z = tl.load(z_ptr + at + 2 * D, mask=own & (t < L - 2), other=0.0)
        next_gamma = tl.load(gamma_ptr + at + 2 * D, mask=own & (t < L - 2), other=0.0)
        at += D
        all_at += D
    tl.store(state_ptr + rows[:, None] * D + c[None, :], h, mask=own)


@triton.jit(do_not_specialize=["L"])  # as a constant, L = 1 fails to compile
def transposed(
    gamma_ptr, r_ptr, back_ptr, dh_ptr, dstate_ptr, g_ptr, dh0_ptr, traded, B, L, D, first, owners,
    C: tl.constexpr, R: tl.constexpr, S: tl.constexpr, K: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """g[t] = dh[t] + flow; then flow = gamma[t] g[t] + W^T (r[t] g[t]), from the last step on.

    gamma, r, dh, g: [B, L, D]; back: W^T in the dtype of traded [B, L, D]; dstate, dh0: [B, D].
    """
    program = tl.program_id(0)
    rows = ((first + program // owners) * R + tl.arange(0, R)).to(tl.int64)
    c = program % owners * C + tl.arange(0, C)
    e = tl.arange(0, S)[:, None] * K + tl.arange(0, K)[None, :]
    own = (rows < B)[:, None] & (c < D)[None, :]
    inside = (rows < B)[None, :, None] & (e < D)[:, None, :]
    w = _slice(back_ptr, c, e, D)
    flow = tl.load(dstate_ptr + rows[:, None] * D + c[None, :], mask=own, other=0.0)
    at = (rows[:, None] * L + L - 1) * D + c[None, :]
    all_at = traded + (rows[None, :, None] * L + L - 1) * D + e[:, None, :]
    gamma = tl.load(gamma_ptr + at, mask=own, other=0.0)
    r = tl.load(r_ptr + at, mask=own, other=0.0)
    dh = tl.load(dh_ptr + at, mask=own, other=0.0)
    next_gamma = tl.load(gamma_ptr + at - D, mask=own & (L > 1), other=0.0)
    next_r = tl.load(r_ptr + at - D, mask=own & (L > 1), other=0.0)
    next_dh = tl.load(dh_ptr + at - D, mask=own & (L > 1), other=0.0)
    for t in range(0, L):
        g = dh + flow
        _give(traded + at, r * g, own)
        tl.store(g_ptr + at, g, mask=own)
        kept = gamma * g
        gamma = next_gamma
        r = next_r
        dh = next_dh
        flow = kept + _product(w, _take(all_at, inside), PRECISION)
        next_gamma = tl.load(gamma_ptr + at - 2 * D, mask=own & (t < L - 2), other=0.0)
        next_r = tl.load(r_ptr + at - 2 * D, mask=own & (t < L - 2), other=0.0)
        next_dh = tl.load(dh_ptr + at - 2 * D, mask=own & (t < L - 2), other=0.0)
        at -= D
        all_at -= D
    tl.store(dh0_ptr + rows[:, None] * D + c[None, :], flow, mask=own)
