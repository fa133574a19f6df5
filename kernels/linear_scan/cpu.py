"""numba: one task per (row, block of channels), channels innermost in memory order.

The bound is memory: forward reads a and b and writes h once; backward reads a, h, dh and writes
da, db once. The running state of a block stays in the first-level cache.
"""

import numba
import numpy as np
import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.launching import arrays, fresh
from marslab.kernels.linear_scan import autograd
from marslab.kernels.threads import FASTMATH, entry

WIDEST = 1024  # channels of one task at the most
NARROWEST = 64  # below this the loop over channels no longer fills the vector registers


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _forward(a, b, h0, reverse, width, out, state):  # [B, L, D] and [B, D]
    length = b.shape[1]
    blocks = (b.shape[2] + width - 1) // width
    for task in numba.prange(b.shape[0] * blocks):
        i, lo = task // blocks, task % blocks * width
        hi = min(lo + width, b.shape[2])
        h = state[i, lo:hi]
        h[:] = h0[i, lo:hi]
        for step in range(length):
            t = length - 1 - step if reverse else step
            a_t, b_t, out_t = a[i, t, lo:hi], b[i, t, lo:hi], out[i, t, lo:hi]
            for d in range(h.size):  # indexing from 0 into slices is what lets this vectorise
                h[d] = a_t[d] * h[d] + b_t[d]
                out_t[d] = h[d]


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _backward(a, h, h0, dh, dstate, reverse, width, da, db, dh0):
    length = h.shape[1]
    blocks = (h.shape[2] + width - 1) // width
    for task in numba.prange(h.shape[0] * blocks):
        i, lo = task // blocks, task % blocks * width
        hi = min(lo + width, h.shape[2])
        flow = dh0[i, lo:hi]  # conj(a[t+1]) g[t+1], what the later steps send back
        flow[:] = dstate[i, lo:hi]
        for step in range(length):
            t = step if reverse else length - 1 - step
            was = t + 1 if reverse else t - 1
            last = step == length - 1
            before = h0[i, lo:hi] if last else h[i, was, lo:hi]
            a_t, dh_t = a[i, t, lo:hi], dh[i, t, lo:hi]
            da_t, db_t = da[i, t, lo:hi], db[i, t, lo:hi]
            for d in range(flow.size):
                g = dh_t[d] + flow[d]
                db_t[d] = g
                da_t[d] = g * np.conj(before[d])
                flow[d] = np.conj(a_t[d]) * g


def _width(shape: torch.Size) -> int:
    """Channels per task: as many as possible with at least one task for each thread."""
    per_row = -(-numba.get_num_threads() // max(shape[0], 1))
    return min(WIDEST, max(NARROWEST, -(-shape[2] // per_row)))


@torch.library.custom_op("marslab::linear_scan_numba", mutates_args=())
def forward(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    """(a, b, h0, reverse) -> (h, state)."""
    dtype = state_dtype(b.dtype)
    out, state = fresh(h0, *b.shape), fresh(h0)
    decay, step, start = arrays(dtype, a, b, h0)
    with entry(b.numel()):
        _forward(decay, step, start, reverse, _width(b.shape), out.numpy(), state.numpy())
    return out.to(b.dtype), state


@forward.register_fake
def _(a, b, h0, reverse):
    return b.new_empty(b.shape), h0.new_empty(h0.shape)


@torch.library.custom_op("marslab::linear_scan_gradient_numba", mutates_args=())
def backward(
    a: Tensor, h: Tensor, h0: Tensor, dh: Tensor, dstate: Tensor, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(a, h, h0, dh, dstate, reverse) -> (da, db, dh0)."""
    dtype = state_dtype(h.dtype)
    da, db, dh0 = fresh(h0, *h.shape), fresh(h0, *h.shape), fresh(h0)
    decay, states, start, flow, last = arrays(dtype, a, h, h0, dh, dstate)
    to_a, to_b, to_h0 = (x.numpy() for x in (da, db, dh0))
    with entry(h.numel()):
        width = _width(h.shape)
        _backward(decay, states, start, flow, last, reverse, width, to_a, to_b, to_h0)
    return da.to(a.dtype), db.to(h.dtype), dh0


@backward.register_fake
def _(a, h, h0, dh, dstate, reverse):
    return a.new_empty(a.shape), h.new_empty(h.shape), h0.new_empty(h0.shape)


autograd.KERNELS["numba"] = autograd.Kernels(forward, backward)


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `b`, and the last state [B, D] in that of `h0`."""
    return autograd.scan("numba", a, b, h0, reverse)
