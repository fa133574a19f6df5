"""numba: one task per few rows; each walks time, and its product with W fills the registers.

The bound is arithmetic: D^2 multiply-adds a step and row, and W has to come past at every step. So
a task takes up to four rows, and every number of W that it loads serves them all.
"""

import math

import numba
import numpy as np
import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.checks import state_dtype
from marslab.kernels.gated_recurrence import gradient
from marslab.kernels.launching import arrays, fresh
from marslab.kernels.threads import FASTMATH, entry

ROWS = 4  # of one task at the most: four sums and a column of W fit in registers


@numba.njit(cache=True, fastmath=FASTMATH)
def _four_rows(W, x, out):
    """out[i] = W x[i] for four rows: a number of W is loaded once for all."""
    x0, x1, x2, x3 = x[0], x[1], x[2], x[3]
    zero = x.dtype.type(0)
    for d in range(W.shape[0]):
        w = W[d]
        s0, s1, s2, s3 = zero, zero, zero, zero
        for e in range(w.size):
            s0 += w[e] * x0[e]
            s1 += w[e] * x1[e]
            s2 += w[e] * x2[e]
            s3 += w[e] * x3[e]
        out[0, d], out[1, d], out[2, d], out[3, d] = s0, s1, s2, s3


@numba.njit(cache=True, fastmath=FASTMATH)
def _one_row(W, x, out):
    """out = W x, four rows of W at a time: independent sums keep the pipeline full."""
    zero = x.dtype.type(0)
    whole = W.shape[0] // 4 * 4
    for d in range(0, whole, 4):
        w0, w1, w2, w3 = W[d], W[d + 1], W[d + 2], W[d + 3]
        s0, s1, s2, s3 = zero, zero, zero, zero
        for e in range(x.size):
            s0 += w0[e] * x[e]
            s1 += w1[e] * x[e]
            s2 += w2[e] * x[e]
            s3 += w3[e] * x[e]
        out[d], out[d + 1], out[d + 2], out[d + 3] = s0, s1, s2, s3
    for d in range(whole, W.shape[0]):
        w, s = W[d], zero
        for e in range(x.size):
            s += w[e] * x[e]
        out[d] = s


@numba.njit(cache=True, fastmath=FASTMATH)
def _products(W, x, out):
    """out[i] = W x[i] for the rows of a task."""
    if x.shape[0] == ROWS:
        _four_rows(W, x, out)
    else:
        for i in range(x.shape[0]):
            _one_row(W, x[i], out[i])


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _forward(z, W, gamma, h0, rows, out, state):  # [B, L, D], [D, D] and [B, D]
    for task in numba.prange((z.shape[0] + rows - 1) // rows):
        low, high = task * rows, min((task + 1) * rows, z.shape[0])
        one = z.dtype.type(1)
        h = state[low:high]
        h[:] = h0[low:high]
        p = np.empty_like(h)
        for t in range(z.shape[1]):
            _products(W, h, p)
            for i in range(high - low):
                z_t, keep, out_t = z[low + i, t], gamma[low + i, t], out[low + i, t]
                h_i, p_i = h[i], p[i]
                for d in range(h_i.size):
                    h_i[d] = z_t[d] / (one + np.exp(-p_i[d])) + keep[d] * h_i[d]
                    out_t[d] = h_i[d]


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _transposed(gamma, r, back, dh, dstate, rows, g, dh0):  # back is W.T
    for task in numba.prange((g.shape[0] + rows - 1) // rows):
        low, high = task * rows, min((task + 1) * rows, g.shape[0])
        flow = dh0[low:high]  # what the later steps send back
        flow[:] = dstate[low:high]
        u, p = np.empty_like(flow), np.empty_like(flow)
        for step in range(g.shape[1]):
            t = g.shape[1] - 1 - step
            for i in range(high - low):
                g_t, dh_t, r_t = g[low + i, t], dh[low + i, t], r[low + i, t]
                flow_i, u_i = flow[i], u[i]
                for d in range(flow_i.size):
                    g_t[d] = dh_t[d] + flow_i[d]
                    u_i[d] = r_t[d] * g_t[d]
            _products(back, u, p)
            for i in range(high - low):
                g_t, keep = g[low + i, t], gamma[low + i, t]
                flow_i, p_i = flow[i], p[i]
                for d in range(flow_i.size):
                    flow_i[d] = keep[d] * g_t[d] + p_i[d]


def _rows(batch: int) -> int:
    """Rows per task: as many as share W well with at least one task for each thread."""
    return min(ROWS, max(1, batch // numba.get_num_threads()))


def _cells(shape: torch.Size) -> int:
    return math.prod(shape) * shape[-1]


@torch.library.custom_op("marslab::gated_recurrence_numba", mutates_args=())
def forward(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """(z, W, gamma, h0) -> (h, state)."""
    dtype = state_dtype(z.dtype)
    out, state = fresh(h0, *z.shape), fresh(h0)
    drive, gate, keep, start = arrays(dtype, z, W, gamma, h0)
    with entry(_cells(z.shape)):
        _forward(drive, gate, keep, start, _rows(len(z)), out.numpy(), state.numpy())
    return out.to(z.dtype), state


@forward.register_fake
def _(z, W, gamma, h0):
    return z.new_empty(z.shape), h0.new_empty(h0.shape)


def _backwards(
    gamma: Tensor, r: Tensor, W: Tensor, dh: Tensor, dstate: Tensor
) -> tuple[Tensor, Tensor]:
    g, dh0 = fresh(dh), fresh(dstate)
    keep, slope, back, flow, last = arrays(dh.dtype, gamma, r, W.T, dh, dstate)
    with entry(_cells(g.shape)):
        _transposed(keep, slope, back, flow, last, _rows(len(g)), g.numpy(), dh0.numpy())
    return g, dh0


@torch.library.custom_op("marslab::gated_recurrence_gradient_numba", mutates_args=())
def backward(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, h: Tensor, state: Tensor,
    dh: Tensor, dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """-> (dz, dW, dgamma, dh0)."""
    return gradient.gradients(z, W, gamma, h0, h, dh, dstate, _backwards)


@backward.register_fake
def _(z, W, gamma, h0, h, state, dh, dstate):
    return tuple(x.new_empty(x.shape) for x in (z, W, gamma, h0))


KEY = "gated_recurrence numba"
joining.KERNELS[KEY] = joining.Kernels(forward, backward)


def gated_recurrence(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `z`, and the last state [B, D] in that of `h0`."""
    return joining.join(KEY, (z, W, gamma, h0))
