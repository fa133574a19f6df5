"""numba, forward: a task is a head and a block of its value rows, walked through time.

Rows of S never mix, since each is multiplied from the right by the same matrices. A block lies
transposed, [K, rows], so that the innermost loop runs over rows: S a then needs no sum across a
vector register, and the block stays in the nearest cache.
"""

import numba
import numpy as np

from marslab.kernels.threads import FASTMATH

CHUNK = 32  # steps between two states that are kept for the backward


@numba.njit
def _copy(out, x):
    for n in range(out.size):
        out[n] = x[n]


@numba.njit(fastmath=FASTMATH)
def _ask(S, q, out):
    """out = q S for S [K, rows], four keys at a time: out is then seldom loaded and stored."""
    for n in range(out.size):
        out[n] = 0
    fours = q.size // 4 * 4
    for i in range(0, fours, 4):
        q0, q1, q2, q3 = q[i], q[i + 1], q[i + 2], q[i + 3]
        S0, S1, S2, S3 = S[i], S[i + 1], S[i + 2], S[i + 3]
        for n in range(out.size):
            out[n] += q0 * S0[n] + q1 * S1[n] + q2 * S2[n] + q3 * S3[n]
    for i in range(fours, q.size):
        q_i, S_i = q[i], S[i]
        for n in range(out.size):
            out[n] += q_i * S_i[n]


@numba.njit(fastmath=FASTMATH)
def _write(S, keep, k, b, u, v):
    """S = diag(keep) S + b u^T + k v^T."""
    for n in range(keep.size):
        S_n, keep_n, b_n, k_n = S[n], keep[n], b[n], k[n]
        for j in range(u.size):
            S_n[j] = S_n[j] * keep_n + u[j] * b_n + v[j] * k_n


@numba.njit(fastmath=FASTMATH)
def _rows(i, h, lo, hi, r, keep, k, v, a, b, s0, y, state, starts, probes):
    """The task: rows lo to hi of head h. Whole indices up to the last axis keep it contiguous."""
    S, u = np.empty((r.shape[3], hi - lo), s0.dtype), np.empty(hi - lo, s0.dtype)
    for n in range(r.shape[3]):
        for j in range(u.size):
            S[n, j] = s0[i, h, lo + j, n]
    for t in range(r.shape[1]):
        if starts.size and t % CHUNK == 0:
            for n in range(r.shape[3]):
                _copy(starts[i, h, t // CHUNK, n, lo:hi], S[n])
        _ask(S, a[i, t, h], u)
        _write(S, keep[i, t, h], k[i, t, h], b[i, t, h], u, v[i, t, h, lo:hi])
        _ask(S, r[i, t, h], y[i, t, h, lo:hi])
        if probes.size:
            _copy(probes[i, t, h, lo:hi], u)
    for n in range(r.shape[3]):
        for j in range(u.size):
            state[i, h, lo + j, n] = S[n, j]


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def forward(r, keep, k, v, a, b, s0, rows, y, state, starts, probes):
    """`keep` is exp(w). `starts` and `probes` are filled where they are not empty."""
    H, V = r.shape[2], v.shape[3]
    blocks = (V + rows - 1) // rows
    for task in numba.prange(r.shape[0] * H * blocks):
        i, h, lo = task // blocks // H, task // blocks % H, task % blocks * rows
        _rows(
            i, h, lo, min(lo + rows, V), r, keep, k, v, a, b, s0, y, state, starts, probes
        )  # fmt: skip
