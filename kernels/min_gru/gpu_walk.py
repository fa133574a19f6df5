"""Triton, the simple schedule: a program owns W channels of a row and walks all of time.

As in linear_scan/gpu_walk.py, with decays and inflows made from the gates on the way. A cell that
is not there has a closed gate: it keeps the state.
"""

import triton
import triton.language as tl

from marslab.kernels.linear_scan.gpu_tiles import compose, last_row, load_state, time_of
from marslab.kernels.min_gru.gpu_gates import gates

CLOSED = tl.constexpr(float("-inf"))


@triton.jit
def forward(
    z_ptr, new_ptr, h0_ptr, h_ptr, state_ptr, L, D,
    WIDE: tl.constexpr, T: tl.constexpr, W: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """z, new, h: [B, L, D]; h0, state: [B, D]; h0 may be None."""
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    z_ptr += row * L * D
    new_ptr += row * L * D
    h_ptr += row * L * D
    h = load_state(h0_ptr, row * D + d, d < D, state_ptr.dtype.element_ty)
    step = tl.arange(0, T)[:, None]
    for start in tl.range(0, L, T, num_stages=STAGES):
        at = time_of(start + step, L, False, WIDE) * D + d[None, :]
        inside = (start + step < L) & (d < D)[None, :]
        take, keep = gates(tl.load(z_ptr + at, mask=inside, other=CLOSED).to(h.dtype))
        inflow = take * tl.load(new_ptr + at, mask=inside, other=0.0).to(h.dtype)
        inflow = tl.where(step == 0, keep * h[None, :] + inflow, inflow)
        _, out = tl.associative_scan((keep, inflow), 0, compose)
        tl.store(h_ptr + at, out, mask=inside)
        h = last_row(out, T)
    tl.store(state_ptr + row * D + d, h, mask=d < D)


@triton.jit
def backward(
    z_ptr, new_ptr, h_ptr, h0_ptr, dh_ptr, dstate_ptr, dz_ptr, dnew_ptr, dh0_ptr, L, D,
    WIDE: tl.constexpr, T: tl.constexpr, W: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Walks against time: flow[t] = dh[t] + (1 - g[t+1]) flow[t+1], step s at t = L - 1 - s."""
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    z_ptr += row * L * D
    new_ptr += row * L * D
    h_ptr += row * L * D
    dh_ptr += row * L * D
    dz_ptr += row * L * D
    dnew_ptr += row * L * D
    flow = tl.load(dstate_ptr + row * D + d, mask=d < D, other=0.0)
    h0 = load_state(h0_ptr, row * D + d, d < D, flow.dtype)[None, :]
    step = tl.arange(0, T)[:, None]
    for start in tl.range(0, L, T, num_stages=STAGES):
        s = start + step
        at = time_of(s, L, True, WIDE) * D + d[None, :]
        inside = (s < L) & (d < D)[None, :]
        later = tl.load(z_ptr + at + D, mask=inside & (s > 0), other=CLOSED).to(flow.dtype)
        dh = tl.load(dh_ptr + at, mask=inside, other=0.0).to(flow.dtype)
        z = tl.load(z_ptr + at, mask=inside, other=CLOSED).to(flow.dtype)
        new = tl.load(new_ptr + at, mask=inside, other=0.0).to(flow.dtype)
        before = tl.load(h_ptr + at - D, mask=inside & (s < L - 1), other=0.0).to(flow.dtype)
        before = tl.where(s == L - 1, h0, before)
        _, fade = gates(later)
        dh = tl.where(step == 0, fade * flow[None, :] + dh, dh)
        _, out = tl.associative_scan((fade, dh), 0, compose)
        take, keep = gates(z)
        tl.store(dnew_ptr + at, take * out, mask=inside)
        tl.store(dz_ptr + at, take * keep * (new - before) * out, mask=inside)
        flow = last_row(out, T)
    if dh0_ptr is not None:
        _, fade = gates(tl.load(z_ptr + d, mask=d < D, other=CLOSED).to(flow.dtype))
        tl.store(dh0_ptr + row * D + d, fade * flow, mask=d < D)
