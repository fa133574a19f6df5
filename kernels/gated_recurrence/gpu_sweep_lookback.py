"""Triton, a sweep in one pass: tiles of time side by side, joined by look-back.

The tile, its order in memory and how a tile finds the state before it are those of
linear_scan/gpu_lookback.py. What is linear is made in registers from the product with W, and the
new guess is compared with the old one before it leaves them.

D is known to the compiler, and each address is the top of a column and so many D: then a thread
keeps one address of an array and not one for each step, which would be half of its registers. The
old guess is read late for the same reason.
"""

import triton
import triton.language as tl

from marslab.kernels.gated_recurrence.gpu_sweep_steps import apart, linear, tell
from marslab.kernels.linear_scan.gpu_lookback import resolve
from marslab.kernels.linear_scan.gpu_tiles import compose, time_of


@triton.jit
def sweep(
    p_ptr, first_ptr, z_ptr, gamma_ptr, start_ptr, r_ptr, old_ptr, x_ptr, operand_ptr,
    state_ptr, most_ptr, words, L, D: tl.constexpr, blocks,
    REVERSE: tl.constexpr, WIDE: tl.constexpr, EXACT: tl.constexpr, EARLY: tl.constexpr,
    K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr, V: tl.constexpr,
    G: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """p, z, gamma, r, old, x, operand: [B, L, D]; first, start, state: [B, D];
    most: [B, parts, 2]."""
    tile = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    per_row = tl.cdiv(D, W)
    row = (block // per_row).to(tl.int64)
    low = block % per_row * W
    base = row * L * D
    column = tl.arange(0, Q * W)[None, :]
    k = tl.arange(0, K)[:, None]
    s = tile * (K * Q) + column // W * K
    d = low + column % W
    top = tl.max_contiguous(time_of(s, L, REVERSE, WIDE) * D + d, (1, V))
    at = k * (-D if REVERSE else D)
    s += k
    inside = (s < L) & (d < D)
    a, b = linear(  # pyright: ignore[reportGeneralTypeIssues]
        p_ptr + base + top, first_ptr + row * D, z_ptr + base + top, gamma_ptr + base + top,
        at, s, d, inside, D, REVERSE,
    )  # fmt: skip
    lane = low + tl.arange(0, W)
    start = tl.load(start_ptr + row * D + lane, mask=lane < D, other=0.0)
    tiles = tl.cdiv(L, K * Q)
    before, after = resolve(  # pyright: ignore[reportGeneralTypeIssues]
        a, b, start, words, tile, block, tiles, K, Q, W, G, R, EXACT, EARLY
    )
    b = tl.where(k == 0, a * before + b, b)
    _, x = tl.associative_scan((a, b), 0, compose)
    old = tl.load(old_ptr + base + top + at, mask=inside, other=0.0)
    tl.store(x_ptr + base + top + at, x, mask=inside)
    if REVERSE:
        r = tl.load(r_ptr + base + top + at, mask=inside, other=0.0)
        tl.store(operand_ptr + base + top + at, r * x, mask=inside)
    elif operand_ptr.dtype.element_ty != a.dtype:
        tl.store(operand_ptr + base + top + at, x, mask=inside)
    off, size = apart(x, old, inside)  # pyright: ignore[reportGeneralTypeIssues]
    tell(most_ptr, row * tiles * per_row + tile * per_row + block % per_row, off, size)
    if tile == tiles - 1:
        tl.store(state_ptr + row * D + lane, after, mask=lane < D)
