"""numba: one task per (row, head), which walks over tiles of steps with its state in the cache.

Inside a tile the decay from every earlier step is a running product, so nothing is ever divided and
a reset is an exact 0. States, and products of decays, are carried in float64: where decays repeat,
their rounding in float32 is the same in every tile and adds up.

All in one file: numba's cache looks only at the file of the function that is called.
"""

import math

import numba
import numpy as np

from marslab.kernels.threads import FASTMATH


@numba.njit(cache=True, fastmath=FASTMATH)
def _dot(u, i, v, j):
    """u[i] . v[j]; whole matrices and two numbers, since a view costs more than a short row."""
    total = u.dtype.type(0)
    for k in range(u.shape[1]):
        total += u[i, k] * v[j, k]
    return total


@numba.njit(cache=True, fastmath=FASTMATH)
def _add(scale, u, i, out, j):
    """out[j] += scale * u[i]."""
    narrow = out.dtype.type(scale)
    for k in range(u.shape[1]):
        out[j, k] += narrow * u[i, k]


@numba.njit(cache=True, fastmath=FASTMATH)
def _decay(dt, A):
    return 1.0 if dt == 0 and A == -np.inf else math.exp(np.float64(dt) * np.float64(A))


@numba.njit(cache=True, fastmath=FASTMATH)
def _copy(u, out):
    for i in range(u.shape[0]):
        for k in range(u.shape[1]):
            out[i, k] = u[i, k]


@numba.njit(cache=True, fastmath=FASTMATH)
def _pairs(dt, A, count, pairs, keep):
    """Decays from after step j to after step i, and from before the tile to after step i."""
    row, kept = np.ones(count), 1.0
    for i in range(count):
        decay = _decay(dt[i], A)
        kept *= decay
        keep[i] = kept
        for j in range(i):
            row[j] *= decay
        for j in range(i + 1):
            pairs[i, j] = row[j]
    return kept


@numba.njit(cache=True, fastmath=FASTMATH)
def _outputs(x, dt, B, C, D, h, pairs, keep, count, y):
    """y of one tile from the state `h` that enters it, and from its own inputs."""
    weight = np.empty(count, x.dtype)
    for i in range(count):
        for p in range(x.shape[1]):
            y[i, p] = D * x[i, p] + keep[i] * _dot(h, p, C, i)
        for j in range(i + 1):
            weight[j] = pairs[i, j] * dt[j] * _dot(B, j, C, i)
        for j in range(i + 1):
            _add(weight[j], x, j, y, i)


@numba.njit(cache=True, fastmath=FASTMATH)
def _gather(left, right, scale, count, total, narrow, h):
    """h = total * h + sum over steps of scale * left right^T; `narrow` is h in its own dtype."""
    narrow[:] = 0
    for j in range(count):
        for p in range(h.shape[0]):
            _add(scale[j] * left[j, p], right, j, narrow, p)
    for p in range(h.shape[0]):
        for n in range(h.shape[1]):
            h[p, n] = total * h[p, n] + narrow[p, n]
            narrow[p, n] = h[p, n]


@numba.njit(cache=True, fastmath=FASTMATH)
def _forth(x, dt, A, B, C, D, h0, tile, y, state, entering):
    """Walk one head of one row over time."""
    pairs, keep, scale = np.empty((tile, tile), x.dtype), np.empty(tile), np.empty(tile)
    h = h0.astype(np.float64)
    _copy(h0, state)
    for first in range(0, x.shape[0], tile):
        count = min(tile, x.shape[0] - first)
        xs, ys, steps = (
            x[first : first + count],
            y[first : first + count],
            dt[first : first + count],
        )
        Bs, Cs = B[first : first + count], C[first : first + count]
        _copy(state, entering[first // tile])
        total = _pairs(steps, A, count, pairs, keep)
        _outputs(xs, steps, Bs, Cs, D, state, pairs, keep, count, ys)
        for j in range(count):
            scale[j] = pairs[count - 1, j] * steps[j]
        _gather(xs, Bs, scale, count, total, state, h)


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def forward(x, dt, A, B, C, D, h0, tile, y, state, entering):  # first axis: rows x heads (groups)
    per_group = x.shape[0] // max(B.shape[0], 1)
    for k in numba.prange(x.shape[0]):
        g = k // per_group
        _forth(x[k], dt[k], A[k], B[g], C[g], D[k], h0[k], tile, y[k], state[k], entering[k])


@numba.njit(cache=True, fastmath=FASTMATH)
def _from_states(x, dt, B, C, dy, G, h, pairs, keep, count, dx, dB, dC, written, read):
    """What G, the gradient of the state after the tile, and h, the state before it, contribute."""
    for j in range(count):
        rest = pairs[count - 1, j]
        for p in range(x.shape[1]):
            flow = _dot(G, p, B, j)
            dx[j, p] += rest * dt[j] * flow
            written[j] += rest * x[j, p] * flow
            _add(rest * dt[j] * x[j, p], G, p, dB, j)
            _add(keep[j] * dy[j, p], h, p, dC, j)
        read[j] = _dot(C, j, dC, j)


@numba.njit(cache=True, fastmath=FASTMATH)
def _from_pairs(x, dt, B, C, dy, pairs, count, dx, dB, dC, both):
    """What step j <= i, seen from step i, contributes."""
    for i in range(count):
        for j in range(i + 1):
            score, value = pairs[i, j] * _dot(C, i, B, j), _dot(dy, i, x, j)
            both[i, j] = score * value
            _add(dt[j] * score, dy, i, dx, j)
            scale = dt[j] * pairs[i, j] * value
            _add(scale, B, j, dC, i)
            _add(scale, C, i, dB, j)


@numba.njit(cache=True, fastmath=FASTMATH)
def _of_decays(dt, A, both, written, read, across, count, ddt):
    """Fill ddt, return dA. A log decay at step k acts on all that passes over k: on the pairs
    j < k <= i, on old state that is read from k on, on what is written before k and survives the
    tile, and on the old state that survives it. Only sums, so a reset gets an exact 0."""
    column, dA, rate = np.zeros(count), 0.0, 0.0 if A == -np.inf else np.float64(A)
    for k in range(count - 1, -1, -1):
        across += read[k]
        dlog = across
        for j in range(k):
            column[j] += both[k, j]
            dlog += dt[j] * (column[j] + written[j])
        ddt[k] = column[k] + both[k, k] + written[k] + rate * dlog
        dA += dt[k] * dlog
    return dA


@numba.njit(cache=True, fastmath=FASTMATH)
def _back(x, dt, A, B, C, D, entering, dy, dstate, tile, dx, ddt, dB, dC, dh0):
    """Walk one head of one row against time; G is the gradient of the state after each tile.

    Fill the gradients of steps, which hold zeros, and that of h0; return those of A and D.
    """
    pairs, both = np.empty((tile, tile), x.dtype), np.empty((tile, tile), x.dtype)
    keep, read, written = np.empty(tile), np.empty(tile), np.empty(tile)
    G, dA, dD = dstate.astype(np.float64), 0.0, 0.0
    _copy(dstate, dh0)
    for k in range(entering.shape[0] - 1, -1, -1):
        now, h = slice(k * tile, min(k * tile + tile, x.shape[0])), entering[k]
        xs, steps, Bs, Cs, dys = x[now], dt[now], B[now], C[now], dy[now]
        dxs, dsteps, dBs, dCs, count = dx[now], ddt[now], dB[now], dC[now], steps.size
        total, across = _pairs(steps, A, count, pairs, keep), 0.0
        for j in range(count):
            written[j] = 0
            _add(D, dys, j, dxs, j)
            dD += _dot(xs, j, dys, j)
        for p in range(h.shape[0]):
            across += total * _dot(dh0, p, h, p)
        _from_states(
            xs, steps, Bs, Cs, dys, dh0, h, pairs, keep, count, dxs, dBs, dCs, written, read
        )
        _from_pairs(xs, steps, Bs, Cs, dys, pairs, count, dxs, dBs, dCs, both)
        dA += _of_decays(steps, A, both, written, read, across, count, dsteps)
        _gather(dys, Cs, keep, count, total, dh0, G)
    return dA, dD


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def backward(x, dt, A, B, C, D, entering, dy, dstate, tile, dx, ddt, dA, dB, dC, dD, dh0):
    per_group = x.shape[0] // max(B.shape[0], 1)
    for k in numba.prange(x.shape[0]):
        g = k // per_group
        dA[k], dD[k] = _back(
            x[k], dt[k], A[k], B[g], C[g], D[k], entering[k], dy[k], dstate[k], tile,
            dx[k], ddt[k], dB[k], dC[k], dh0[k],
        )  # fmt: skip
