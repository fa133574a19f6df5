"""numba, backward: a task is a head and some of its value rows, four rows at a time.

From the state kept before a chunk the states of its steps are worked out again: no division by a
decay. Here keys lie innermost, because most gradients are sums over rows. Loops are short and
many, so that each has few enough arrays for the compiler to prove that they do not overlap.
"""

import numba
import numpy as np

from marslab.kernels.threads import FASTMATH
from marslab.kernels.wkv7.cpu_forward import CHUNK

QUAD = 4  # rows worked on at once


@numba.njit(fastmath=FASTMATH)
def _add(out, c, X):
    """out += c X, for four numbers c and four rows X."""
    c0, c1, c2, c3 = c[0], c[1], c[2], c[3]
    X0, X1, X2, X3 = X[0], X[1], X[2], X[3]
    for n in range(out.size):
        out[n] += c0 * X0[n] + c1 * X1[n] + c2 * X2[n] + c3 * X3[n]


@numba.njit(fastmath=FASTMATH)
def _step(now, keep, k, b, u, v, out):
    """Take four rows of the state one step on, and keep a copy in `out`."""
    for j in range(QUAD):
        now_j, out_j, u_j, v_j = now[j], out[j], u[j], v[j]
        for n in range(out_j.size):
            now_j[n] = now_j[n] * keep[n] + u_j * b[n] + v_j * k[n]
            out_j[n] = now_j[n]


@numba.njit(fastmath=FASTMATH)
def _reach(G, dy, r, k, b, du, dv):
    """G += dy r^T; then du = G b and dv = G k."""
    for j in range(QUAD):
        G_j, dy_j = G[j], dy[j]
        to_u, to_v = G_j.dtype.type(0), G_j.dtype.type(0)
        for n in range(G_j.size):
            g = G_j[n] + dy_j * r[n]
            G_j[n] = g
            to_u += g * b[n]
            to_v += g * k[n]
        du[j], dv[j] = to_u, to_v


@numba.njit(fastmath=FASTMATH)
def _leave(G, keep, a, du):
    """What goes on to the step before: G = G diag(keep) + du a^T."""
    for j in range(QUAD):
        G_j, du_j = G[j], du[j]
        for n in range(G_j.size):
            G_j[n] = G_j[n] * keep[n] + du_j * a[n]


@numba.njit(fastmath=FASTMATH)
def _overlap(out, G, S):
    """out += the sum over the four rows of G * S."""
    G0, G1, G2, G3 = G[0], G[1], G[2], G[3]
    S0, S1, S2, S3 = S[0], S[1], S[2], S[3]
    for n in range(out.size):
        out[n] += G0[n] * S0[n] + G1[n] * S1[n] + G2[n] * S2[n] + G3[n] * S3[n]


@numba.njit(fastmath=FASTMATH)
def _gather(out, x, i, first, h, lo, hi):
    """out [steps, 4] = x[i, first:, h, lo:hi]; rows beyond hi count as 0."""
    for s in range(out.shape[0]):
        for j in range(QUAD):
            out[s, j] = x[i, first + s, h, lo + j] if lo + j < hi else 0


@numba.njit(fastmath=FASTMATH)
def _chunk(at, r, keep, k, a, b, u, v, dy, S, now, G, sums, dv):
    """Four rows of a chunk, back from its last step: G stands after it, then before it.

    `now` is the state before the chunk, S [steps + 1, 4, K] room for all. What the rows add goes
    to the five sums [blocks, B, L, H, K], dv [steps, 4] is written.
    """
    block, i, first, h = at
    for j in range(QUAD):
        for n in range(r.shape[3]):
            S[0, j, n] = now[j, n]
    for s in range(u.shape[0]):
        t = first + s
        _step(now, keep[i, t, h], k[i, t, h], b[i, t, h], u[s], v[s], S[s + 1])
    du = np.empty(QUAD, G.dtype)
    for s in range(u.shape[0] - 1, -1, -1):
        t = first + s
        _add(sums[0][block, i, t, h], dy[s], S[s + 1])
        _reach(G, dy[s], r[i, t, h], k[i, t, h], b[i, t, h], du, dv[s])
        _overlap(sums[1][block, i, t, h], G, S[s])
        _add(sums[2][block, i, t, h], v[s], G)
        _add(sums[3][block, i, t, h], du, S[s])
        _add(sums[4][block, i, t, h], u[s], G)
        _leave(G, keep[i, t, h], a[i, t, h], du)


@numba.njit(fastmath=FASTMATH)
def _gather_state(now, starts, i, h, chunk, lo, hi):
    """now [4, K] = starts[i, h, chunk, :, lo:hi], transposed; rows beyond hi count as 0."""
    for j in range(QUAD):
        for n in range(now.shape[1]):
            now[j, n] = starts[i, h, chunk, n, lo + j] if lo + j < hi else 0


@numba.njit(fastmath=FASTMATH)
def _rows(block, i, h, top, bottom, r, keep, k, v, a, b, starts, probes, dy, G, sums, dv):
    """The task: rows `top` to `bottom` of head h, with G [quads, 4, K] all that reaches them."""
    L, K = r.shape[1], r.shape[3]
    S, now = np.empty((CHUNK + 1, QUAD, K), G.dtype), np.empty((QUAD, K), G.dtype)
    u, v_, dy_, dv_ = np.empty((4, CHUNK, QUAD), G.dtype)
    for first in range((L - 1) // CHUNK * CHUNK, -1, -CHUNK):
        n = min(CHUNK, L - first)
        for lo in range(top, bottom, QUAD):
            hi = min(lo + QUAD, bottom)
            _gather_state(now, starts, i, h, first // CHUNK, lo, hi)
            _gather(u[:n], probes, i, first, h, lo, hi)
            _gather(v_[:n], v, i, first, h, lo, hi)
            _gather(dy_[:n], dy, i, first, h, lo, hi)
            at, quad = (block, i, first, h), G[(lo - top) // QUAD]
            _chunk(at, r, keep, k, a, b, u[:n], v_[:n], dy_[:n], S, now, quad, sums, dv_)
            for s in range(n):
                for j in range(hi - lo):
                    dv[i, first + s, h, lo + j] = dv_[s, j]


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def backward(r, keep, k, v, a, b, starts, probes, dy, dstate, rows, sums, dv, ds0):
    """`sums`, zeros: dr, dkeep, dk, da, db, each [blocks, B, L, H, K] with blocks of `rows`."""
    H, blocks = r.shape[2], sums[0].shape[0]
    for task in numba.prange(r.shape[0] * H * blocks):
        i, h, block = task // blocks // H, task // blocks % H, task % blocks
        top, bottom = block * rows, min(block * rows + rows, v.shape[3])
        G = np.zeros(((bottom - top + QUAD - 1) // QUAD, QUAD, r.shape[3]), r.dtype)
        for row in range(top, bottom):
            for n in range(r.shape[3]):
                G[(row - top) // QUAD, (row - top) % QUAD, n] = dstate[i, h, row, n]
        _rows(block, i, h, top, bottom, r, keep, k, v, a, b, starts, probes, dy, G, sums, dv)
        for row in range(top, bottom):
            for n in range(r.shape[3]):
                ds0[i, h, row, n] = G[(row - top) // QUAD, (row - top) % QUAD, n]
