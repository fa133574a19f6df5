"""Triton: what a chunk knows without the state, and the walk through time that holds the state.

The walk serves the backward too: what is written then is dy, under the key C, against time.
"""

import triton
import triton.language as tl

from marslab.kernels.ssd.gpu_tiles import decay, product, put, tile

LOG2E = tl.constexpr(1.4426950408889634)  # logs are kept in base 2: the hardware has exp2


@triton.jit
def prepare(
    dt_ptr, A_ptr, B_ptr, C_ptr, scores_ptr, planes_ptr, L, H, G, chunks,
    N: tl.constexpr, NP: tl.constexpr, T: tl.constexpr, W: tl.constexpr, MATH: tl.constexpr,
):  # fmt: skip
    """scores [B, chunks, G, T, T] = C B^T of each chunk, and the decays of its steps.

    planes [B, H, chunks, 5, T]: 0, the sum of the logs of the decays up to a step of its chunk; 1,
    dt; 2, the decay since the chunk began; 3, the decay until it ends; 4, dt times that. Summed in
    float64. Past L no time passes.

    A log below FLOOR is taken for FLOOR, whose decay is exactly 0 too. So a reset needs no care
    later on: the sums stay finite, and all that spans a reset is 0.
    """
    out = planes_ptr.dtype.element_ty
    FLOOR = -800.0 if out == tl.float64 else -110.0
    group, c = tl.program_id(0) % G, tl.program_id(0) // G % chunks
    row = (tl.program_id(0) // G // chunks).to(tl.int64)
    first, count, step, n = row * L + c * T, L - c * T, tl.arange(0, T), tl.arange(0, NP)
    B = tile(B_ptr + (first * G + group) * N, step, n, count, N, G * N)
    C = tile(C_ptr + (first * G + group) * N, step, n, count, N, G * N)
    scores = product(C, tl.trans(B), scores_ptr.dtype.element_ty, MATH)
    put(scores_ptr + tl.program_id(0).to(tl.int64) * T * T, scores, step, step, T, T, T)
    heads, last = H // G, (step == T - 1)[:, None]
    for start in range(0, heads, W):
        w = start + tl.arange(0, W)
        head = group * heads + w
        dt = tile(dt_ptr + first * H + group * heads, step, w, count, heads, H).to(tl.float64)
        A = tl.load(A_ptr + head, mask=w < heads, other=0.0).to(tl.float64)[None, :]
        forgets = A == float("-inf")  # then the log is -inf, but 0 where no time passes
        log = tl.where(forgets & (dt > 0), FLOOR, dt * tl.where(forgets, 0.0, A))
        sums = tl.cumsum(tl.where(log < FLOOR, FLOOR, log) * LOG2E, 0)
        rest = tl.exp2(tl.sum(tl.where(last, sums, 0.0), 0)[None, :] - sums)
        at = planes_ptr + ((row * H + head[None, :]) * chunks + c) * 5 * T + step[:, None]
        inside = (w < heads)[None, :] & (step < T)[:, None]
        tl.store(at, sums.to(out), mask=inside)
        tl.store(at + T, dt.to(out), mask=inside)
        tl.store(at + 2 * T, tl.exp2(sums).to(out), mask=inside)
        tl.store(at + 3 * T, rest.to(out), mask=inside)
        tl.store(at + 4 * T, (dt * rest).to(out), mask=inside)


@triton.jit
def walk(
    x_ptr, B_ptr, C_ptr, D_ptr, scores_ptr, planes_ptr, start_ptr, y_ptr, end_ptr, kept_ptr,
    share_ptr, L, chunks, segment, H: tl.constexpr, G: tl.constexpr,
    P: tl.constexpr, N: tl.constexpr, BACK: tl.constexpr, PROBE: tl.constexpr,
    READ: tl.constexpr, KEEP: tl.constexpr, T: tl.constexpr, WP: tl.constexpr, NP: tl.constexpr,
    MATH: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """h = total h + B^T (x * weight), a chunk at a time; h is [N, P], WP columns a program.

    Programs: [B, H, segments] on axis 0, blocks of columns on axis 1; a segment is `segment`
    chunks. The weight of a step is dt times the decay until the chunk ends. READ: also
    y = (scores * decays * dt) x + since * C h + D x, unless D is None. KEEP: also kept [B, H,
    chunks, N, P], h before each chunk. BACK: against time, x is dy, B is C, the weight is the decay
    since the chunk began.

    PROBE: from 0, and end [B, H, segments, P, N] and share [B, H, segments], what a segment
    writes and keeps, for `carry`. Else from start, of the same shape, and end is [B, H, P, N].
    """
    wide = planes_ptr.dtype.element_ty
    dtype = start_ptr.dtype.element_ty
    segments = tl.cdiv(chunks, segment)
    part, head = tl.program_id(0) % segments, tl.program_id(0) // segments % H
    place = tl.program_id(0).to(tl.int64)
    of_head, row = place // segments, place // segments // H
    group, step, n = head // (H // G), tl.arange(0, T), tl.arange(0, NP)
    p = tl.program_id(1) * WP + tl.arange(0, WP)
    first, count = part * segment, tl.minimum(segment, chunks - part * segment)
    own, cell = (n < N)[:, None] & (p < P)[None, :], n[:, None] + p[None, :] * N
    h = tl.zeros([NP, WP], wide)
    if not PROBE:
        h += tl.load(start_ptr + place * P * N + cell, mask=own, other=0.0)
    D = None if D_ptr is None else tl.load(D_ptr + head).to(dtype)
    share = tl.full([], 1.0, wide)
    for i in tl.range(0, count, num_stages=STAGES):
        c = first + (count - 1 - i if BACK else i)
        at, left = row * L + c * T, L - c * T
        of_chunk = of_head * chunks + c
        marks = planes_ptr + of_chunk * 5 * T + step
        if KEEP:
            put(kept_ptr + of_chunk * N * P, h, n, p, N, P, P)
        if READ:  # each thing is loaded just before its use: it fills registers from then on
            of_pairs = scores_ptr + ((row * chunks + c) * G + group) * T * T
            scores = tile(of_pairs, step, step, T, T, T).to(dtype)
            sums, dt = tl.load(marks), tl.load(marks + T)
            causal = step[:, None] >= step[None, :]
            scores *= decay(sums[:, None], sums[None, :], causal, dtype) * dt.to(dtype)[None, :]
            weights = scores.to(scores_ptr.dtype.element_ty)
            C = tile(C_ptr + (at * G + group) * N, step, n, left, N, G * N)
            y = product(C, h, dtype, MATH) * tl.load(marks + 2 * T).to(dtype)[:, None]
        x = tile(x_ptr + (at * H + head) * P, step, p, left, P, H * P)
        if READ:
            y += product(weights, x, dtype, MATH)
            if D is not None:
                y += D * x.to(dtype)
            put(y_ptr + (at * H + head) * P, y, step, p, left, P, H * P)
        B = tile(B_ptr + (at * G + group) * N, step, n, left, N, G * N)
        total = tl.load(planes_ptr + of_chunk * 5 * T + 3 * T - 1)
        weight = tl.load(marks + (2 if BACK else 4) * T)
        weighed = x.to(dtype) * weight.to(dtype)[:, None]
        h = total * h + product(tl.trans(B), weighed, dtype, MATH)
        share *= total
    if PROBE:
        tl.store(share_ptr + place, share)  # every block of columns writes the same
        tl.store(end_ptr + place * P * N + cell, h.to(dtype), mask=own)
    elif part == (0 if BACK else segments - 1):
        tl.store(end_ptr + of_head * P * N + cell, h.to(dtype), mask=own)


@triton.jit
def carry(
    state_ptr, share_ptr, start_ptr, segments, cells, BACK: tl.constexpr, W: tl.constexpr
):  # fmt: skip
    """Replace what each segment writes, [B, H, segments, cells], by the state that enters it.

    In float64. BACK walks against time, as in `walk`.
    """
    cell = tl.program_id(1).to(tl.int64) * W + tl.arange(0, W)
    inside = cell < cells
    of_head = tl.program_id(0).to(tl.int64)
    h = tl.load(start_ptr + of_head * cells + cell, mask=inside, other=0.0).to(tl.float64)
    for i in range(segments):
        place = of_head * segments + (segments - 1 - i if BACK else i)
        here = state_ptr + place * cells + cell
        gained = tl.load(here, mask=inside, other=0.0)
        tl.store(here, h.to(gained.dtype), mask=inside)
        h = tl.load(share_ptr + place).to(tl.float64) * h + gained
