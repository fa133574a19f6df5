"""Triton, backward: a program walks a segment of time from its end to its start.

A tile of T steps is worked out again from the state kept before it, then walked back. What reaches
the end of a segment comes from the segments after it, whose own flows from 0 `flows` has found.
Programs never talk: what the channels of a program add to dB and dC is a part of its own.
"""

import triton
import triton.language as tl

from marslab.kernels.selective_scan.gpu_steps import (
    LOG2E,
    ahead,
    bend,
    gate,
    gates,
    growth,
    joined,
    place,
    rates,
    reached,
    step,
    time,
    wide,
)


@triton.jit
def flows(
    dt_ptr, A_ptr, C_ptr, dy_ptr, flows_ptr, times_ptr, L, D, LONG,
    N: tl.constexpr, NEAR: tl.constexpr, TERMS: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """flows: [B, segments, D, N], what goes on to the step before a segment if nothing enters."""
    row, segment, segments, d, n, own = place(L, D, N, LONG, T, W, NP)  # pyright: ignore[reportGeneralTypeIssues]
    cell = d[:, None] * N + n[None, :]
    rate, _ = rates(A_ptr, cell, own)
    near = tl.minimum(d, D - 1)
    flow = tl.zeros_like(rate)
    total = tl.zeros((W,), rate.dtype)
    end = tl.minimum((segment + 1) * LONG, tl.cdiv(L, T))
    for i in range(segment * LONG, end):
        start = (segment * LONG + end - 1 - i) * T
        left, start = L - 1 - start, row * L + start
        for k in tl.static_range(T - 1, -1, -1):  # pyright: ignore[reportGeneralTypeIssues]
            dt = time(dt_ptr + start * D, near, D, k, left, rate)
            dy = reached(dy_ptr + start * D, d, D, k, left, rate)
            C = gate(C_ptr + start * N, n, N, k, left, rate)
            grown = growth((dt * LOG2E)[:, None] * rate, NEAR, TERMS)
            flow = (grown + 1.0) * (flow + dy[:, None] * C[None, :])
            total += dt
    at = row * segments + segment
    tl.store(flows_ptr + at * D * N + cell, flow, mask=own)
    tl.store(times_ptr + at * D + d, total, mask=d < D)


@triton.jit
def backward(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, kept_ptr, dy_ptr, dstate_ptr, flows_ptr, times_ptr,
    dx_ptr, ddt_ptr, dA_ptr, dD_ptr, parts_ptr, dh0_ptr, L, D, LONG,
    N: tl.constexpr, ZOH: tl.constexpr, NEAR: tl.constexpr, TERMS: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """dA: [B, segments, D, N]; dD: [B, segments, D]; parts: [B, programs of a row, L, N, 2].

    The last are what the channels of a program add to dB and dC.
    """
    row, segment, segments, d, n, own = place(L, D, N, LONG, T, W, NP)  # pyright: ignore[reportGeneralTypeIssues]
    cell = d[:, None] * N + n[None, :]
    rate, inverse = rates(A_ptr, cell, own)
    skip = tl.load(D_ptr + d, mask=d < D, other=0.0)
    size, near, blocks = D * N, tl.minimum(d, D - 1), tl.cdiv(D, W)
    flow = tl.load(dstate_ptr + row * size + cell, mask=own, other=0.0)
    flow = joined(
        flow, rate, flows_ptr, times_ptr, cell, d, own, (row + 1) * segments - 1,
        segments - 1 - segment, -1, D, size, NEAR, TERMS,
    )  # fmt: skip
    part = (row * blocks + tl.program_id(0) % blocks) * L
    to_rate, to_skip = tl.zeros_like(rate), tl.zeros_like(skip)
    tiles = tl.cdiv(L, T)
    end = tl.minimum((segment + 1) * LONG, tiles)
    for i in range(segment * LONG, end):
        tile = segment * LONG + end - 1 - i
        h = tl.load(kept_ptr + (row * tiles + tile) * size + cell, mask=own, other=0.0)
        start, left = row * L + tile * T, L - 1 - tile * T
        xs, dts = ahead(x_ptr, dt_ptr, near, D, start, left, rate, T)
        Bs = gates(B_ptr, n, N, start, left, rate, T)
        tl.debug_barrier()  # or the compiler would load each number just before its use
        states, growths = (h,), ()
        for k in tl.static_range(T):
            h, grown = step(h, xs[k], dts[k], Bs[k], rate, inverse, ZOH, NEAR, TERMS)
            states, growths = states + (h,), growths + (grown,)
        # Offsets from the last step on: those from the first would stay in registers until here.
        start, left = start + (T - 1), left - (T - 1)
        parts = (part + tile * T + (T - 1)) * N * 2
        dy_next = reached(dy_ptr + start * D, d, D, 0, left, rate)
        for k in tl.static_range(T - 1, -1, -1):  # pyright: ignore[reportGeneralTypeIssues]
            j = k - (T - 1)
            dy = dy_next
            if k > 0:  # it comes from far: it sets out a step early
                dy_next = reached(dy_ptr + start * D, d, D, j - 1, left, rate)
            x = wide(x_ptr + start * D, near, D, j, left, rate)
            dt = time(dt_ptr + start * D, near, D, j, left, rate)
            B = gate(B_ptr + start * N, n, N, j, left, rate)
            C = gate(C_ptr + start * N, n, N, j, left, rate)
            to_skip += dy * x
            to_x = skip * dy
            x, dt, dy = x[:, None], dt[:, None], dy[:, None]
            B, C, grown = B[None, :], C[None, :], growths[k]
            g = flow + dy * C
            hold = grown * inverse if ZOH else dt + tl.zeros_like(grown)
            pushed, inflow = g * hold, x * B
            flow = grown * g + g
            faded = flow * states[k]
            if ZOH:
                bent = bend(dt * LOG2E * rate, dt, grown, hold, inverse, NEAR, TERMS)
                to_rate += dt * faded
                to_rate += bent * (g * inflow)
                to_dt = tl.sum(flow * (rate * states[k] + inflow), 1)
            else:
                to_rate += dt * faded
                to_dt = tl.sum(faded * rate + g * inflow, 1)
            to_x += tl.sum(pushed * B, 1)
            to_B = tl.sum(pushed * x, 0)
            to_C = tl.sum(dy * states[k + 1], 0)
            both = (j * N + n)[:, None] * 2 + tl.arange(0, 2)[None, :]
            known = (n < N) & (j <= left)
            tl.store(parts_ptr + parts + both, tl.join(to_B, to_C), mask=known[:, None])
            inside = (d < D) & (j <= left)
            tl.store(dx_ptr + start * D + (j * D + d), to_x, mask=inside)
            tl.store(ddt_ptr + start * D + (j * D + d), to_dt, mask=inside)
    at = row * segments + segment
    tl.store(dA_ptr + at * size + cell, to_rate, mask=own)
    tl.store(dD_ptr + at * D + d, to_skip, mask=d < D)
    if segment == 0:
        tl.store(dh0_ptr + row * size + cell, flow, mask=own)
