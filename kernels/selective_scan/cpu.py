"""numba: one task per (row, block of channels); a chunk of time, then a channel, then its N states.

The states of a channel stay in the nearest cache while a chunk is walked. Forward keeps the state
before each chunk; backward walks the chunks from the last, works their states out again from
there, and never divides by a decay. What the channels of a block add to dB and dC stands in a
buffer of that block's own, so every sum has one order.
"""

import numba
import numpy as np
import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.launching import arrays, fresh
from marslab.kernels.selective_scan.cpu_exp import exponential, slope
from marslab.kernels.threads import FASTMATH, entry

CHUNK = 32  # steps
WIDEST = 64  # channels of one task at the most
LEAST = {torch.float32: -87.0, torch.float64: -708.0}  # below, exp is 0 or no normal number


@numba.njit(fastmath=FASTMATH, error_model="numpy")
def _walk(x, dt, A, B, C, D, zoh, least, y, h, kept):
    """A block of channels of one row: x, dt, y: [L, W]; h: [W, N]; kept: [chunks, W, N]."""
    for chunk in range(kept.shape[0]):
        kept[chunk] = h
        for d in range(x.shape[1]):
            h_d, rate = h[d], A[d]
            for t in range(chunk * CHUNK, min((chunk + 1) * CHUNK, x.shape[0])):
                x_t, dt_t, B_t, C_t = x[t, d], dt[t, d], B[t], C[t]
                total = D[d] * x_t
                for n in range(rate.size):
                    decay, mean = exponential(dt_t * rate[n], least)
                    hold = dt_t * mean if zoh else dt_t
                    h_d[n] = decay * h_d[n] + hold * B_t[n] * x_t
                    total += h_d[n] * C_t[n]
                y[t, d] = total


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH, error_model="numpy")
def _forward(x, dt, A, B, C, D, zoh, width, least, y, state, kept):
    """`state` enters as h0. The work stands in a function of its own: that compiles once."""
    blocks = (x.shape[2] + width - 1) // width
    for task in numba.prange(x.shape[0] * blocks):
        i, lo = task // blocks, task % blocks * width
        part = slice(lo, min(lo + width, x.shape[2]))
        _walk(
            x[i, :, part], dt[i, :, part], A[part], B[i], C[i], D[part], zoh, least,
            y[i, :, part], state[i, part], kept[i, :, part],
        )  # fmt: skip


# The rest works on one channel over one chunk: x, dt, dy are [T], the other arrays [T, N] but for
# rate, flow, to_rate [N]. Few arrays a loop: with more the compiler cannot tell that none overlaps
# and uses no vectors.


@numba.njit(fastmath=FASTMATH, error_model="numpy")
def _again(x, dt, rate, B, zoh, least, h, decay, mean):
    """The states h[1:], from h[0] on, and what made them."""
    for t in range(x.size):
        for n in range(rate.size):
            decay[t, n], held = exponential(dt[t] * rate[n], least)
            mean[t, n] = held if zoh else 1
        for n in range(rate.size):
            h[t + 1, n] = decay[t, n] * h[t, n] + dt[t] * mean[t, n] * B[t, n] * x[t]


@numba.njit(fastmath=FASTMATH, error_model="numpy")
def _reach(dy, C, decay, flow, g):
    """What reaches each state, the last step first; `flow` is what goes on to the step before."""
    for t in range(dy.size - 1, -1, -1):
        for n in range(flow.size):
            g[t, n] = flow[n] + dy[t] * C[t, n]
            flow[n] = g[t, n] * decay[t, n]


@numba.njit(fastmath=FASTMATH, error_model="numpy")
def _to_gates(g, h, x, dt, dy, mean, B, to_x, to_B, to_C):
    """Adds to dx, dB and dC."""
    for t in range(x.size):
        total = x[t] * 0
        for n in range(g.shape[1]):
            reached = g[t, n] * dt[t] * mean[t, n]
            to_B[t, n] += reached * x[t]
            total += reached * B[t, n]
        for n in range(g.shape[1]):
            to_C[t, n] += dy[t] * h[t + 1, n]
        to_x[t] += total


@numba.njit(fastmath=FASTMATH, error_model="numpy")
def _to_time(g, h, x, dt, rate, B, zoh, decay, mean, to_dt, to_rate):
    """Sets ddt and adds to dA. What a hold gains with dt is the decay at zoh, 1 at euler."""
    for t in range(x.size):
        total = x[t] * 0
        for n in range(rate.size):
            faded, inflow = g[t, n] * decay[t, n] * h[t, n], g[t, n] * B[t, n] * x[t]
            if zoh:
                bend = dt[t] * dt[t] * slope(dt[t] * rate[n], decay[t, n], mean[t, n])
                total += faded * rate[n] + decay[t, n] * inflow
                to_rate[n] += dt[t] * faded + bend * inflow
            else:
                total += faded * rate[n] + inflow
                to_rate[n] += dt[t] * faded
        to_dt[t] = total


@numba.njit(fastmath=FASTMATH, error_model="numpy")
def _walk_back(x, dt, A, B, C, D, kept, dy, zoh, least, dx, ddt, dA, dB, dC, dD, flow):
    """A block of channels of one row, as in `_walk`; dB, dC: [L, N], of this block alone."""
    N = A.shape[1]
    h, g = np.empty((CHUNK + 1, N), A.dtype), np.empty((CHUNK, N), A.dtype)
    decay, mean = np.empty((CHUNK, N), A.dtype), np.empty((CHUNK, N), A.dtype)
    for chunk in range(kept.shape[0] - 1, -1, -1):
        part = slice(chunk * CHUNK, min((chunk + 1) * CHUNK, x.shape[0]))
        B_c, C_c, to_B, to_C = B[part], C[part], dB[part], dC[part]
        for d in range(x.shape[1]):
            x_d, dt_d, dy_d, to_x = x[part, d], dt[part, d], dy[part, d], dx[part, d]
            h[0] = kept[chunk, d]
            _again(x_d, dt_d, A[d], B_c, zoh, least, h, decay, mean)
            _reach(dy_d, C_c, decay, flow[d], g)
            for t in range(x_d.size):
                to_x[t] = D[d] * dy_d[t]
                dD[d] += dy_d[t] * x_d[t]
            _to_gates(g, h, x_d, dt_d, dy_d, mean, B_c, to_x, to_B, to_C)
            _to_time(g, h, x_d, dt_d, A[d], B_c, zoh, decay, mean, ddt[part, d], dA[d])


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH, error_model="numpy")
def _backward(x, dt, A, B, C, D, kept, dy, zoh, width, least, dx, ddt, dA, dB, dC, dD, flow):
    """dA, dD, flow: a part for each row; dB, dC: [B, blocks, L, N]; flow enters as dstate."""
    blocks = (x.shape[2] + width - 1) // width
    for task in numba.prange(x.shape[0] * blocks):
        i, block = task // blocks, task % blocks
        part = slice(block * width, min(block * width + width, x.shape[2]))
        _walk_back(
            x[i, :, part], dt[i, :, part], A[part], B[i], C[i], D[part], kept[i, :, part],
            dy[i, :, part], zoh, least, dx[i, :, part], ddt[i, :, part], dA[i, part],
            dB[i, block], dC[i, block], dD[i, part], flow[i, part],
        )  # fmt: skip


def _width(shape: torch.Size) -> int:
    """Channels per task: as many as possible with at least one task for each thread."""
    per_row = -(-numba.get_num_threads() // max(shape[0], 1))
    return max(1, min(WIDEST, -(-shape[2] // per_row)))


@torch.library.custom_op("marslab::selective_scan_numba", mutates_args=())
def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(x, dt, A, B, C, D, h0, zoh) -> (y, state, the state before each chunk)."""
    dtype = h0.dtype
    y = fresh(h0, *x.shape)
    state = h0.clone(memory_format=torch.contiguous_format)
    kept = fresh(h0, *_kept(x, h0))
    operands = arrays(dtype, x, dt, A, B, C, D)
    results = (v.numpy() for v in (y, state, kept))
    with entry(x.numel() * A.shape[1]):
        _forward(*operands, zoh, _width(x.shape), operands[2].dtype.type(LEAST[dtype]), *results)  # pyright: ignore[reportCallIssue]
    return y.to(x.dtype), state, kept


def _kept(x: Tensor, h0: Tensor) -> tuple[int, ...]:
    return (x.shape[0], -(-x.shape[1] // CHUNK), *h0.shape[1:])


@forward.register_fake
def _(x, dt, A, B, C, D, h0, zoh):
    return x.new_empty(x.shape), h0.new_empty(h0.shape), h0.new_empty(_kept(x, h0))


@torch.library.custom_op("marslab::selective_scan_gradient_numba", mutates_args=())
def backward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    y: Tensor, state: Tensor, kept: Tensor, dy: Tensor, dstate: Tensor, zoh: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Operands, (y, state, kept) and the gradients of y and state -> a gradient per operand."""
    rows, length, dtype = x.shape[0], x.shape[1], h0.dtype
    width = _width(x.shape)
    parts = (rows, -(-x.shape[2] // width), length, A.shape[1])
    dx, ddt = fresh(h0, *x.shape), fresh(h0, *x.shape)
    dA, dD = (torch.zeros((rows, *v.shape), dtype=dtype) for v in (A, D))
    dB, dC = (torch.zeros(parts, dtype=dtype) for _ in range(2))
    flow = dstate.to(dtype).clone(memory_format=torch.contiguous_format)
    operands = arrays(dtype, x, dt, A, B, C, D, kept, dy)
    results = (v.numpy() for v in (dx, ddt, dA, dB, dC, dD, flow))
    with entry(x.numel() * A.shape[1]):
        _backward(*operands, zoh, width, operands[2].dtype.type(LEAST[dtype]), *results)  # pyright: ignore[reportCallIssue]
    whole = (dx, ddt, dA.sum(0), dB.sum(1), dC.sum(1), dD.sum(0), flow)
    return tuple(v.to(like.dtype) for v, like in zip(whole, (x, dt, A, B, C, D, h0), strict=True))  # pyright: ignore[reportReturnType]


@backward.register_fake
def _(x, dt, A, B, C, D, h0, y, state, kept, dy, dstate, zoh):
    return tuple(v.new_empty(v.shape) for v in (x, dt, A, B, C, D, h0))


joining.KERNELS["selective_scan numba"] = joining.Kernels(forward, backward)


def selective_scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, zoh: bool
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, D] in the dtype of `x`, the last state [B, D, N] in that of `h0`."""
    return joining.join("selective_scan numba", (x, dt, A, B, C, D, h0), zoh)
