"""Triton: a program owns N value rows of a head, [N, K] in registers, and walks all of time.

The forward keeps the state before every C steps. The backward works the states of such a stretch
out again, into memory of its own program, and walks back over them: no division by a decay.
Programs never talk; where a head has several, each writes its own part of the sums over rows.
"""

import triton
import triton.language as tl


@triton.jit
def _get(ptr, at, inside, like):
    return tl.load(ptr + at, mask=inside, other=0.0).to(like.dtype)


@triton.jit
def _next(S, u, keep, k, v, b):
    return S * keep[None, :] + u[:, None] * b[None, :] + v[:, None] * k[None, :]


@triton.jit
def forward(
    r_ptr, w_ptr, k_ptr, v_ptr, a_ptr, b_ptr, s0_ptr, y_ptr, state_ptr, starts_ptr, probes_ptr,
    L, H, K, V, KEEP: tl.constexpr, C: tl.constexpr, N: tl.constexpr, KP: tl.constexpr,
    STAGES: tl.constexpr,
):  # fmt: skip
    """r ... b: [B, L, H, K or V]; s0, state: [B, H, V, K]; starts: [B, H, chunks, V, K]."""
    head = (tl.program_id(0) // tl.cdiv(V, N)).to(tl.int64)
    row = tl.program_id(0) % tl.cdiv(V, N) * N + tl.arange(0, N)
    n = tl.arange(0, KP)
    own, cell = (row < V)[:, None] & (n < K)[None, :], row[:, None] * K + n[None, :]
    S = tl.load(s0_ptr + head * V * K + cell, mask=own, other=0.0)
    chunk = head * tl.cdiv(L, C)  # its first
    first = head // H * L * H + head % H  # of the [K] or [V] of step 0
    for t in tl.range(0, L, num_stages=STAGES):
        at, along = (first + t * H) * K + n, (first + t * H) * V + row
        a = _get(a_ptr, at, n < K, S)
        keep = tl.exp(_get(w_ptr, at, n < K, S))
        k = _get(k_ptr, at, n < K, S)
        b = _get(b_ptr, at, n < K, S)
        v = _get(v_ptr, along, row < V, S)
        r = _get(r_ptr, at, n < K, S)
        u = tl.sum(S * a[None, :], 1)
        if KEEP:
            here = (chunk + t // C) * V * K + cell
            tl.store(starts_ptr + here, S, mask=own & (t % C == 0))
            tl.store(probes_ptr + along, u, mask=row < V)
        S = _next(S, u, keep, k, v, b)
        tl.store(y_ptr + along, tl.sum(S * r[None, :], 1), mask=row < V)
    tl.store(state_ptr + head * V * K + cell, S, mask=own)


@triton.jit
def backward(
    r_ptr, w_ptr, k_ptr, v_ptr, a_ptr, b_ptr, starts_ptr, probes_ptr, dy_ptr, dstate_ptr,
    dr_ptr, dw_ptr, dk_ptr, dv_ptr, da_ptr, db_ptr, ds0_ptr, room_ptr, size, L, H, K, V,
    C: tl.constexpr, N: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    """dr, dw, dk, da, db: [blocks, B, L, H, K], a block being `size` numbers.

    room: [programs, C, N, KP]; the others as in the forward.
    """
    head = (tl.program_id(0) // tl.cdiv(V, N)).to(tl.int64)
    block = tl.program_id(0) % tl.cdiv(V, N)
    row, n = block * N + tl.arange(0, N), tl.arange(0, KP)
    own, cell = (row < V)[:, None] & (n < K)[None, :], row[:, None] * K + n[None, :]
    G = tl.load(dstate_ptr + head * V * K + cell, mask=own, other=0.0)
    room_ptr += tl.program_id(0).to(tl.int64) * C * N * KP
    room = tl.arange(0, N)[:, None] * KP + n[None, :]
    first = head // H * L * H + head % H
    part = block * size  # where this block's sums begin
    chunks = tl.cdiv(L, C)
    for back in range(0, chunks):
        start = (chunks - 1 - back) * C
        here = (head * chunks + start // C) * V * K + cell
        now = tl.load(starts_ptr + here, mask=own, other=0.0)
        tl.debug_barrier()  # the room has been read by all threads, and may be filled again
        for s in range(0, tl.minimum(C, L - start)):
            at, along = (first + (start + s) * H) * K + n, (first + (start + s) * H) * V + row
            tl.store(room_ptr + s * N * KP + room, now)
            keep = tl.exp(_get(w_ptr, at, n < K, G))
            k = _get(k_ptr, at, n < K, G)
            b = _get(b_ptr, at, n < K, G)
            v = _get(v_ptr, along, row < V, G)
            now = _next(now, _get(probes_ptr, along, row < V, G), keep, k, v, b)
        tl.debug_barrier()  # the room is filled
        for s in range(0, tl.minimum(C, L - start)):
            t = tl.minimum(start + C, L) - 1 - s
            at, along = (first + t * H) * K + n, (first + t * H) * V + row
            was = tl.load(room_ptr + (t - start) * N * KP + room)
            r, a = _get(r_ptr, at, n < K, G), _get(a_ptr, at, n < K, G)
            k, b = _get(k_ptr, at, n < K, G), _get(b_ptr, at, n < K, G)
            keep = tl.exp(_get(w_ptr, at, n < K, G))
            v, u = _get(v_ptr, along, row < V, G), _get(probes_ptr, along, row < V, G)
            dy = _get(dy_ptr, along, row < V, G)
            G += dy[:, None] * r[None, :]
            du = tl.sum(G * b[None, :], 1)
            tl.store(dv_ptr + along, tl.sum(G * k[None, :], 1), mask=row < V)
            tl.store(dr_ptr + part + at, tl.sum(dy[:, None] * now, 0), mask=n < K)
            tl.store(dw_ptr + part + at, tl.sum(G * was, 0) * keep, mask=n < K)
            tl.store(dk_ptr + part + at, tl.sum(v[:, None] * G, 0), mask=n < K)
            tl.store(da_ptr + part + at, tl.sum(du[:, None] * was, 0), mask=n < K)
            tl.store(db_ptr + part + at, tl.sum(u[:, None] * G, 0), mask=n < K)
            G = G * keep[None, :] + du[:, None] * a[None, :]
            now = was
    tl.store(ds0_ptr + head * V * K + cell, G, mask=own)
