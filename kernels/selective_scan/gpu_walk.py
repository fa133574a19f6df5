"""Triton: a program owns W channels of a row with all their states, and walks time T steps at once.

Within a tile [T, W, N] the steps are joined as a tree; the state goes from tile to tile in
registers. The forward keeps the state before each tile, and the backward works the states of a tile
out again from there. Programs never talk: what the channels of a program add to dB and dC is a part
of its own, summed afterwards. Steps beyond L have dt = 0, which keeps the state.
"""

import triton
import triton.language as tl

from marslab.kernels.linear_scan.gpu_tiles import compose

NEAR = tl.constexpr(0.5)  # nearer to 0 than this the quotients are series


@triton.jit
def _exponential(z, TERMS: tl.constexpr):
    """exp(z) and (exp(z) - 1) / z, to the last digits also where exp(z) is nearly 1."""
    near = tl.abs(z) < NEAR
    small = tl.where(near, z, 0.0)
    series = tl.full(z.shape, 1.0, z.dtype)
    for k in tl.static_range(TERMS, 1, -1):  # pyright: ignore[reportGeneralTypeIssues]
        series = 1.0 + small * series * (1.0 / k)
    decay = tl.exp(z)
    mean = tl.where(near, series, (decay - 1.0) / tl.where(near, -1.0, z))
    return tl.where(near, 1.0 + small * series, decay), mean


@triton.jit
def _slope(z, decay, mean, TERMS: tl.constexpr):
    """d/dz of (exp(z) - 1) / z, which is (exp(z) - mean) / z away from 0."""
    near = tl.abs(z) < NEAR
    small = tl.where(near, z, 0.0)
    series = tl.full(z.shape, 1.0, z.dtype)
    for k in tl.static_range(TERMS, 0, -1):  # pyright: ignore[reportGeneralTypeIssues]
        series = 1.0 + small * series * ((k + 1.0) / (k * (k + 2.0)))
    return tl.where(near, 0.5 * series, (decay - mean) / tl.where(near, -1.0, z))


@triton.jit
def _inflow(x, dt, rate, B, ZOH: tl.constexpr, TERMS: tl.constexpr):
    """z = dt A, the decay, its mean over a step (1 at euler), and what the step adds."""
    z = dt[:, :, None] * rate[None, :, :]
    decay, mean = _exponential(z, TERMS)  # pyright: ignore[reportGeneralTypeIssues]
    if not ZOH:
        mean = tl.full(z.shape, 1.0, z.dtype)
    return z, decay, mean, (dt * x)[:, :, None] * mean * B[:, None, :]


@triton.jit
def _rows(ptr, at, inside, like):
    return tl.load(ptr + at, mask=inside, other=0.0).to(like.dtype)


@triton.jit
def forward(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, h0_ptr, y_ptr, state_ptr, kept_ptr, L, D, N,
    ZOH: tl.constexpr, TERMS: tl.constexpr, T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """x, dt, y: [B, L, D]; A: [D, N]; B, C: [B, L, N]; state: [B, D, N]; kept: [B, tiles, D, N]."""
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    n, step = tl.arange(0, NP), tl.arange(0, T)
    size = D * N  # of a row, which is 64 bits wide; D itself may be a constant of Triton
    own, cell = (d < D)[:, None] & (n < N)[None, :], d.to(tl.int64)[:, None] * N + n[None, :]
    rate = tl.load(A_ptr + cell, mask=own, other=0.0)
    skip = tl.load(D_ptr + d, mask=d < D, other=0.0)
    h = tl.load(h0_ptr + row * size + cell, mask=own, other=0.0)
    kept_ptr += row * tl.cdiv(L, T) * size
    for start in range(0, L, T):
        tl.store(kept_ptr + cell, h, mask=own)
        kept_ptr += size
        wide, narrow = (row * L + start) * D, (row * L + start) * N
        at, inside = step[:, None] * D + d[None, :], (start + step < L)[:, None] & (d < D)[None, :]
        gate, known = step[:, None] * N + n[None, :], (start + step < L)[:, None] & (n < N)[None, :]
        x = _rows(x_ptr + wide, at, inside, rate)
        dt = _rows(dt_ptr + wide, at, inside, rate)
        B = _rows(B_ptr + narrow, gate, known, rate)
        C = _rows(C_ptr + narrow, gate, known, rate)
        _, decay, _, push = _inflow(x, dt, rate, B, ZOH, TERMS)
        first = (step == 0)[:, None, None]
        push = tl.where(first, decay * h[None, :, :] + push, push)  # the state enters here
        _, states = tl.associative_scan((decay, push), 0, compose)
        y = tl.sum(states * C[:, None, :], 2) + skip[None, :] * x
        tl.store(y_ptr + wide + at, y, mask=inside)
        h = tl.sum(tl.where((step == T - 1)[:, None, None], states, 0.0), 0)
    tl.store(state_ptr + row * size + cell, h, mask=own)


@triton.jit
def backward(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, kept_ptr, dy_ptr, dstate_ptr,
    dx_ptr, ddt_ptr, dA_ptr, dB_ptr, dC_ptr, dD_ptr, dh0_ptr, L, D, N,
    ZOH: tl.constexpr, TERMS: tl.constexpr, T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """dA: [B, D, N] and dD: [B, D], a part of each row; dB, dC: [B, programs of a row, L, N]."""
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    n, step = tl.arange(0, NP), tl.arange(0, T)
    size = D * N  # of a row, which is 64 bits wide; D itself may be a constant of Triton
    own, cell = (d < D)[:, None] & (n < N)[None, :], d.to(tl.int64)[:, None] * N + n[None, :]
    rate = tl.load(A_ptr + cell, mask=own, other=0.0)
    skip = tl.load(D_ptr + d, mask=d < D, other=0.0)
    flow = tl.load(dstate_ptr + row * size + cell, mask=own, other=0.0)
    to_rate, to_skip = tl.zeros_like(rate), tl.zeros_like(skip)
    first, last = (step == 0)[:, None, None], (step == T - 1)[:, None, None]
    at, gate = step[:, None] * D + d[None, :], step[:, None] * N + n[None, :]
    tiles = tl.cdiv(L, T)
    for i in range(0, tiles):
        start = (tiles - 1 - i) * T
        wide, narrow = (row * L + start) * D, (row * L + start) * N
        inside = (start + step < L)[:, None] & (d < D)[None, :]
        known = (start + step < L)[:, None] & (n < N)[None, :]
        x = _rows(x_ptr + wide, at, inside, rate)
        dt = _rows(dt_ptr + wide, at, inside, rate)
        dy = _rows(dy_ptr + wide, at, inside, rate)
        B = _rows(B_ptr + narrow, gate, known, rate)
        C = _rows(C_ptr + narrow, gate, known, rate)
        # The state before each step: the same scan, each row made of the step before.
        earlier = (step > 0)[:, None]
        x_was = _rows(x_ptr + wide, at - D, inside & earlier, rate)
        dt_was = _rows(dt_ptr + wide, at - D, inside & earlier, rate)
        B_was = _rows(B_ptr + narrow, gate - N, known & earlier, rate)
        _, decay_was, _, push_was = _inflow(x_was, dt_was, rate, B_was, ZOH, TERMS)
        h = tl.load(kept_ptr + (row * tiles + tiles - 1 - i) * size + cell, mask=own, other=0.0)
        push_was = tl.where(first, h[None, :, :], push_was)
        _, before = tl.associative_scan((decay_was, push_was), 0, compose)
        # What reaches each state: a scan against time, each row led on by the step after.
        later = (start + step + 1 < L)[:, None] & (d < D)[None, :]
        dt_next = _rows(dt_ptr + wide, at + D, later, rate)
        decay_next, _ = _exponential(dt_next[:, :, None] * rate[None, :, :], TERMS)
        reach = dy[:, :, None] * C[:, None, :]
        reach = tl.where(last, flow[None, :, :] + reach, reach)
        _, g = tl.associative_scan((decay_next, reach), 0, compose, reverse=True)
        z, decay, mean, push = _inflow(x, dt, rate, B, ZOH, TERMS)
        parts = (row * per_row + tl.program_id(0) % per_row) * L * N + start.to(tl.int64) * N + gate
        to_C = tl.sum(dy[:, :, None] * (decay * before + push), 1)
        tl.store(dC_ptr + parts, to_C, mask=known)
        held = g * mean * dt[:, :, None]
        tl.store(dB_ptr + parts, tl.sum(held * x[:, :, None], 1), mask=known)
        to_x = tl.sum(held * B[:, None, :], 2) + skip[None, :] * dy
        tl.store(dx_ptr + wide + at, to_x, mask=inside)
        g_decay = g * decay
        faded, inflow = g_decay * before, g * B[:, None, :] * x[:, :, None]
        if ZOH:
            bend = dt[:, :, None] * _slope(z, decay, mean, TERMS)
            to_rate += tl.sum(dt[:, :, None] * (faded + bend * inflow), 0)
            to_dt = tl.sum(faded * rate[None, :, :] + decay * inflow, 2)
        else:
            to_rate += tl.sum(dt[:, :, None] * faded, 0)
            to_dt = tl.sum(faded * rate[None, :, :] + inflow, 2)
        tl.store(ddt_ptr + wide + at, to_dt, mask=inside)
        to_skip += tl.sum(dy * x, 0)
        flow = tl.sum(tl.where(first, g_decay, 0.0), 0)
    tl.store(dA_ptr + row * size + cell, to_rate, mask=own)
    tl.store(dD_ptr + row * D + d, to_skip, mask=d < D)
    tl.store(dh0_ptr + row * size + cell, flow, mask=own)
