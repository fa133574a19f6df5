"""Triton, the simple schedule: a program owns W channels of a row and walks all of time.

It takes T steps at once, so that the loads of the next tiles are under way (STAGES of them) while
this tile is scanned. The state goes from tile to tile in registers; programs never talk. This needs
many channels: with few, most of the GPU has nothing to do (see gpu_lookback.py).
"""

import triton
import triton.language as tl

from marslab.kernels.linear_scan.gpu_tiles import compose, last_row, load_state, time_of


@triton.jit
def forward(
    a_ptr, b_ptr, h0_ptr, h_ptr, state_ptr, L, D,
    FLIP: tl.constexpr, WIDE: tl.constexpr, STAY: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """a, b, h: [B, L, D]; h0, state: [B, D]; h0 may be None. FLIP walks time backwards.

    STAY: how long the cache keeps what is written, an `eviction_policy` of Triton.
    """
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    a_ptr += row * L * D
    b_ptr += row * L * D
    h_ptr += row * L * D
    h = load_state(h0_ptr, row * D + d, d < D, state_ptr.dtype.element_ty)
    step = tl.arange(0, T)[:, None]
    for start in tl.range(0, L, T, num_stages=STAGES):
        at = time_of(start + step, L, FLIP, WIDE) * D + d[None, :]
        inside = (start + step < L) & (d < D)[None, :]
        a = tl.load(a_ptr + at, mask=inside, other=1.0).to(h.dtype)
        b = tl.load(b_ptr + at, mask=inside, other=0.0).to(h.dtype)
        b = tl.where(step == 0, a * h[None, :] + b, b)  # the state enters with the first step
        _, out = tl.associative_scan((a, b), 0, compose)
        tl.store(h_ptr + at, out, mask=inside, eviction_policy=STAY)
        h = last_row(out, T)
    tl.store(state_ptr + row * D + d, h, mask=d < D)


@triton.jit
def backward(
    a_ptr, h_ptr, h0_ptr, dh_ptr, dstate_ptr, da_ptr, db_ptr, dh0_ptr, L, D,
    FLIP: tl.constexpr, WIDE: tl.constexpr, STAY: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Walks against the forward pass: g[s] = dh[s] + a[s-1] g[s-1], da[s] = g[s] h[s+1]."""
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    a_ptr += row * L * D
    h_ptr += row * L * D
    dh_ptr += row * L * D
    da_ptr += row * L * D
    db_ptr += row * L * D
    g = tl.load(dstate_ptr + row * D + d, mask=d < D, other=0.0)
    step = tl.arange(0, T)[:, None]
    back = D if FLIP else -D  # from a step to the one that this walk did before it
    for start in tl.range(0, L, T, num_stages=STAGES):
        s = start + step
        at = time_of(s, L, FLIP, WIDE) * D + d[None, :]
        inside = (s < L) & (d < D)[None, :]
        a = tl.load(a_ptr + at + back, mask=inside & (s > 0), other=1.0).to(g.dtype)
        dh = tl.load(dh_ptr + at, mask=inside, other=0.0).to(g.dtype)
        h = tl.load(h_ptr + at - back, mask=inside & (s < L - 1), other=0.0).to(g.dtype)
        dh = tl.where(step == 0, a * g[None, :] + dh, dh)
        _, out = tl.associative_scan((a, dh), 0, compose)
        tl.store(db_ptr + at, out, mask=inside, eviction_policy=STAY)
        tl.store(da_ptr + at, out * h, mask=inside & (s < L - 1), eviction_policy=STAY)
        g = last_row(out, T)
    end = (0 if FLIP else L - 1) * D + d  # where the forward pass began, at h0
    a = tl.load(a_ptr + end, mask=d < D, other=0.0).to(g.dtype)
    h0 = load_state(h0_ptr, row * D + d, d < D, g.dtype)
    tl.store(da_ptr + end, g * h0, mask=d < D)
    if dh0_ptr is not None:
        tl.store(dh0_ptr + row * D + d, g * a, mask=d < D)
