"""Triton, a sweep in one pass, the simple schedule: a program walks all of time.

As in linear_scan/gpu_walk.py, with what is linear made from the product with W on the way, and the
new guess compared with the old one.
"""

import triton
import triton.language as tl

from marslab.kernels.gated_recurrence.gpu_sweep_steps import apart, linear, tell
from marslab.kernels.linear_scan.gpu_tiles import compose, last_row, time_of


@triton.jit
def sweep(
    p_ptr, first_ptr, z_ptr, gamma_ptr, start_ptr, r_ptr, old_ptr, x_ptr, operand_ptr,
    state_ptr, most_ptr, L, D, REVERSE: tl.constexpr, WIDE: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """p, z, gamma, r, old, x, operand: [B, L, D]; first, start, state: [B, D];
    most: [B, parts, 2]."""
    per_row = tl.cdiv(D, W)
    row = (tl.program_id(0) // per_row).to(tl.int64)
    d = tl.program_id(0) % per_row * W + tl.arange(0, W)
    base = row * L * D
    state = tl.load(start_ptr + row * D + d, mask=d < D, other=0.0)
    off = tl.zeros((1, W), state.dtype)
    size = off
    step = tl.arange(0, T)[:, None]
    for low in tl.range(0, L, T, num_stages=STAGES):
        s = low + step
        at = time_of(s, L, REVERSE, WIDE) * D + d[None, :]
        inside = (s < L) & (d < D)[None, :]
        a, b = linear(  # pyright: ignore[reportGeneralTypeIssues]
            p_ptr + base, first_ptr + row * D, z_ptr + base, gamma_ptr + base, at, s, d[None, :],
            inside, D, REVERSE,
        )  # fmt: skip
        old = tl.load(old_ptr + base + at, mask=inside, other=0.0)
        b = tl.where(step == 0, a * state[None, :] + b, b)
        _, x = tl.associative_scan((a, b), 0, compose)
        tl.store(x_ptr + base + at, x, mask=inside)
        if REVERSE:
            r = tl.load(r_ptr + base + at, mask=inside, other=0.0)
            tl.store(operand_ptr + base + at, r * x, mask=inside)
        elif operand_ptr.dtype.element_ty != a.dtype:
            tl.store(operand_ptr + base + at, x, mask=inside)
        state = last_row(x, T)
        off_x, size_x = apart(x, old, inside)  # pyright: ignore[reportGeneralTypeIssues]
        off = tl.maximum(off, tl.max(off_x, 0)[None, :])
        size = tl.maximum(size, tl.max(size_x, 0)[None, :])
    tl.store(state_ptr + row * D + d, state, mask=d < D)
    tell(most_ptr, row * per_row + tl.program_id(0) % per_row, off, size)
