"""Triton, step by step: a program owns a row of the batch, walks time and streams W at each step.

For float64, and where W is too wide for gpu_resident.py. The product needs every number of the
state in every thread, so the state lies in memory, two copies in turn: a step reads one and writes
the other, with one barrier between steps. W stays in the second-level cache. The time of a step is
that of bringing W past one multiprocessor: for long sequences the iterated solve is the faster one.
"""

import triton
import triton.language as tl


@triton.jit
def _product(W_ptr, x_ptr, d, D, BD: tl.constexpr, BE: tl.constexpr):
    """(W x)[d] for a block of d."""
    kind = x_ptr.dtype.element_ty
    total = tl.zeros((BD,), kind)
    for low in range(0, D, BE):
        e = low + tl.arange(0, BE)
        w = tl.load(
            W_ptr + d[:, None] * D + e[None, :], mask=(d < D)[:, None] & (e < D)[None, :], other=0.0
        )
        x = tl.load(x_ptr + e, mask=e < D, other=0.0)
        total += tl.sum(w.to(kind) * x[None, :], 1)
    return total


@triton.jit
def forward(
    z_ptr, W_ptr, gamma_ptr, h_ptr, states, L, D,
    BD: tl.constexpr, BE: tl.constexpr,
):  # fmt: skip
    """z, gamma, h: [B, L, D]; W: [D, D]; states: [B, 2, D], the first of each pair is h0."""
    row = tl.program_id(0).to(tl.int64)
    z_ptr += row * L * D
    gamma_ptr += row * L * D
    h_ptr += row * L * D
    states += row * 2 * D
    kind = states.dtype.element_ty
    for t in range(0, L):
        old = states + t % 2 * D
        new = states + (t + 1) % 2 * D
        for low in range(0, D, BD):
            d = low + tl.arange(0, BD)
            p = _product(W_ptr, old, d, D, BD, BE)
            h = tl.load(old + d, mask=d < D, other=0.0)
            z = tl.load(z_ptr + d, mask=d < D, other=0.0).to(kind)
            gamma = tl.load(gamma_ptr + d, mask=d < D, other=0.0).to(kind)
            h = z / (1.0 + tl.exp(-p)) + gamma * h
            tl.store(new + d, h, mask=d < D)
            tl.store(h_ptr + d, h, mask=d < D)
        tl.debug_barrier()
        z_ptr += D
        gamma_ptr += D
        h_ptr += D


@triton.jit
def transposed(
    gamma_ptr, r_ptr, back_ptr, dh_ptr, g_ptr, flows, scratch, L, D,
    BD: tl.constexpr, BE: tl.constexpr,
):  # fmt: skip
    """g[t] = dh[t] + flow; then flow = gamma[t] g[t] + W^T (r[t] g[t]).

    gamma, r, dh, g: [B, L, D]; back: W^T; flows: [B, D], the gradient of the last state on entry,
    of h0 at the end; scratch: [B, D].
    """
    row = tl.program_id(0).to(tl.int64)
    last = (row * L + L - 1) * D
    gamma_ptr += last
    r_ptr += last
    dh_ptr += last
    g_ptr += last
    flows += row * D
    scratch += row * D
    for _ in range(0, L):
        for low in range(0, D, BD):
            d = low + tl.arange(0, BD)
            dh = tl.load(dh_ptr + d, mask=d < D, other=0.0)
            g = dh + tl.load(flows + d, mask=d < D, other=0.0)
            tl.store(g_ptr + d, g, mask=d < D)
            r = tl.load(r_ptr + d, mask=d < D, other=0.0)
            tl.store(scratch + d, r * g, mask=d < D)
        tl.debug_barrier()
        for low in range(0, D, BD):
            d = low + tl.arange(0, BD)
            p = _product(back_ptr, scratch, d, D, BD, BE)
            g = tl.load(g_ptr + d, mask=d < D, other=0.0)
            gamma = tl.load(gamma_ptr + d, mask=d < D, other=0.0)
            tl.store(flows + d, gamma * g + p, mask=d < D)
        tl.debug_barrier()
        gamma_ptr -= D
        r_ptr -= D
        dh_ptr -= D
        g_ptr -= D
