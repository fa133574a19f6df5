"""Triton, the schedule for few channels: tiles of time side by side, joined by look-back.

The tile, its order in memory and how a tile finds the state before it are those of
linear_scan/gpu_lookback.py. Decays and inflows are made from the gates in registers: each operand
is read once (z twice in the backward, the second time from the nearest cache).
"""

import triton
import triton.language as tl

from marslab.kernels.linear_scan.gpu_lookback import resolve
from marslab.kernels.linear_scan.gpu_tiles import compose, load_state, time_of
from marslab.kernels.min_gru.gpu_gates import gates

CLOSED = tl.constexpr(float("-inf"))  # the gate of a cell that is not there: it keeps the state


@triton.jit
def _place(L, D, blocks, K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr):
    """Row, tile, block, first channel; the step [K, Q * W] and the channel [1, Q * W]."""
    tile = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    per_row = tl.cdiv(D, W)
    row = (block // per_row).to(tl.int64)
    low = block % per_row * W
    column = tl.arange(0, Q * W)[None, :]
    s = tile * (K * Q) + column // W * K + tl.arange(0, K)[:, None]
    return row, tile, block, low, s, low + column % W


@triton.jit
def forward(
    z_ptr, new_ptr, h0_ptr, h_ptr, state_ptr, words, L, D, blocks,
    WIDE: tl.constexpr, EARLY: tl.constexpr, K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr,
    V: tl.constexpr, G: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """z, new, h: [B, L, D]; h0, state: [B, D]; h0 may be None; V: channels of a thread."""
    row, tile, block, low, s, d = _place(L, D, blocks, K, Q, W)  # pyright: ignore[reportGeneralTypeIssues]
    at = tl.max_contiguous(time_of(s, L, False, WIDE) * D + d, (1, V))
    inside = (s < L) & (d < D)
    z = tl.load(z_ptr + row * L * D + at, mask=inside, other=CLOSED)
    new = tl.load(new_ptr + row * L * D + at, mask=inside, other=0.0)
    lane = low + tl.arange(0, W)
    start = load_state(h0_ptr, row * D + lane, lane < D, state_ptr.dtype.element_ty)
    take, keep = gates(z.to(tl.float32))
    inflow = take * new.to(tl.float32)
    tiles = tl.cdiv(L, K * Q)
    before, after = resolve(
        keep, inflow, start, words, tile, block, tiles, K, Q, W, G, R,
        new.dtype.primitive_bitwidth > 16, EARLY,
    )  # fmt: skip
    inflow = tl.where(tl.arange(0, K)[:, None] == 0, keep * before + inflow, inflow)
    _, h = tl.associative_scan((keep, inflow), 0, compose)
    tl.store(h_ptr + row * L * D + at, h, mask=inside)
    if tile == tiles - 1:
        tl.store(state_ptr + row * D + lane, after, mask=lane < D)


@triton.jit
def backward(
    z_ptr, new_ptr, h_ptr, h0_ptr, dh_ptr, dstate_ptr, dz_ptr, dnew_ptr, dh0_ptr, words,
    L, D, blocks,
    WIDE: tl.constexpr, EARLY: tl.constexpr, K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr,
    V: tl.constexpr, G: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """Runs against time: flow[t] = dh[t] + (1 - g[t+1]) flow[t+1], step s at t = L - 1 - s."""
    row, tile, block, low, s, d = _place(L, D, blocks, K, Q, W)  # pyright: ignore[reportGeneralTypeIssues]
    z_ptr += row * L * D
    new_ptr += row * L * D
    h_ptr += row * L * D
    at = tl.max_contiguous(time_of(s, L, True, WIDE) * D + d, (1, V))
    inside = (s < L) & (d < D)
    later = tl.load(z_ptr + at + D, mask=inside & (s > 0), other=CLOSED)
    dh = tl.load(dh_ptr + row * L * D + at, mask=inside, other=0.0)
    z = tl.load(z_ptr + at, mask=inside, other=CLOSED)
    new = tl.load(new_ptr + at, mask=inside, other=0.0)
    h = tl.load(h_ptr + at - D, mask=inside & (s < L - 1), other=0.0)
    lane = low + tl.arange(0, W)
    start = tl.load(dstate_ptr + row * D + lane, mask=lane < D, other=0.0)
    _, fade = gates(later.to(tl.float32))
    flow = dh.to(tl.float32)
    tiles = tl.cdiv(L, K * Q)
    before, after = resolve(
        fade, flow, start, words, tile, block, tiles, K, Q, W, G, R,
        new.dtype.primitive_bitwidth > 16, EARLY,
    )  # fmt: skip
    flow = tl.where(tl.arange(0, K)[:, None] == 0, fade * before + flow, flow)
    _, flow = tl.associative_scan((fade, flow), 0, compose)
    take, keep = gates(z.to(tl.float32))
    tl.store(dnew_ptr + row * L * D + at, take * flow, mask=inside)
    dz = take * keep * (new.to(tl.float32) - h.to(tl.float32)) * flow
    tl.store(dz_ptr + row * L * D + at, dz, mask=inside & (s < L - 1))
    if tile == tiles - 1:  # its last step is t = 0, where the state before was h0
        z_end = tl.load(z_ptr + lane, mask=lane < D, other=CLOSED).to(tl.float32)
        new_end = tl.load(new_ptr + lane, mask=lane < D, other=0.0).to(tl.float32)
        h0 = load_state(h0_ptr, row * D + lane, lane < D, after.dtype)
        take_end, keep_end = gates(z_end)
        dz_end = take_end * keep_end * (new_end - h0) * after
        tl.store(dz_ptr + row * L * D + lane, dz_end, mask=lane < D)
        if dh0_ptr is not None:
            tl.store(dh0_ptr + row * D + lane, keep_end * after, mask=lane < D)
