"""Triton, the schedule for few channels: time is cut into tiles that run side by side.

A tile holds W channels of Q segments of K steps, as a matrix [K, Q*W]: a thread owns whole columns,
so the scan down a column needs no other thread. Then, one level up each:

    column   (p, s): product of decays, state from a zero start
    tile     the Q columns of a channel composed; its (p, s) is published in `words`
    group    G tiles; the last tile of a group publishes the true state at its end

A tile reads the state at the end of the group before and the (p, s) of the tiles since, composes
them in a fixed order (two runs are bit-equal), and walks its columns again from the true state.
a and b are read from memory once: they wait in registers, 16-bit ones packed.

A tile waits only for programs with a lower number. The hardware starts programs in that order, so
those it waits for are running or done.

Source: Merrill & Garland 2016, "Single-pass parallel prefix scan with decoupled look-back".
"""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from marslab.kernels.linear_scan.gpu_tiles import compose, last_row, load_state, time_of


@triton.jit
def unset(words, count, EARLY: tl.constexpr, SIZE: tl.constexpr):
    """Set all bits of each word; with EARLY the kernel behind this one may begin at once."""
    if EARLY:
        gdc_launch_dependents()
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    tl.store(words + at, tl.full((SIZE,), -1, tl.int64), mask=at < count)


@triton.jit
def _multiply(p1, p2):
    return p1 * p2


@triton.jit
def _compose_both(p1, s1, bp1, bs1, p2, s2, bp2, bs2):
    """`compose` on (p, s), and on (bp, bs): all columns but the last."""
    return p1 * p2, p2 * s1 + s2, p1 * bp2, bp2 * s1 + bs2


@triton.jit
def _pack(p, s):
    """Two float32 in one word, written and read whole. All bits set means: not there yet."""
    s = tl.where(s != s, float("nan"), s)  # a NaN of the input may have all bits set
    high = p.to(tl.uint32, bitcast=True).to(tl.uint64) << 32
    return (high | s.to(tl.uint32, bitcast=True).to(tl.uint64)).to(tl.int64, bitcast=True)


@triton.jit
def _carry(tiles, groups, tile, start, G: tl.constexpr, R: tl.constexpr, W: tl.constexpr):
    """Wait for the words [R, W] that this tile needs; return the state [W] before it."""
    r = tl.arange(0, R)[:, None]
    w = tl.arange(0, W)[None, :]
    first = tile // G * G
    wanted = tl.where(r == 0, first > 0, first + r - 1 < tile) & (w >= 0)
    at = tl.where(r == 0, groups + (first // G - 1) * W + w, tiles + (first + r - 1) * W + w)
    word = tl.load(at, mask=wanted, other=0, volatile=True)
    while tl.min(tl.min((word != -1).to(tl.int32), 1), 0) == 0:
        word = tl.load(at, mask=wanted, other=0, volatile=True)
    p = tl.where(wanted, (word >> 32).to(tl.int32).to(tl.float32, bitcast=True), 1.0)
    s = tl.where(wanted, word.to(tl.int32).to(tl.float32, bitcast=True), 0.0)
    s = tl.where((r == 0) & (first == 0), start[None, :], s)
    _, state = tl.associative_scan((p, s), 0, compose)
    return last_row(state, R)


@triton.jit
def resolve(
    a, b, start, words, tile, block, tiles,
    K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr, G: tl.constexpr, R: tl.constexpr,
    EXACT: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """Return the true state before each column [1, Q*W] and after the tile [W].

    EARLY says that the words may not be unset yet: then it waits for that.

    EXACT takes products in float64: where decays repeat, the rounding of a float32 product is the
    same in every tile and adds up (a = 0.9999, L = 32,768: an error of 3e-5 in place of 1e-6).
    What is stored in 16 bits has lost a hundred times as much, and does without.
    """
    wide: tl.constexpr = tl.float64 if EXACT else tl.float32
    p = tl.associative_scan(a.to(wide), 0, _multiply)
    _, s = tl.associative_scan((a, b), 0, compose)
    p = tl.reshape(last_row(p, K), (Q, W))
    s = tl.reshape(last_row(s, K), (Q, W)).to(wide)
    one = tl.full((Q, W), 1.0, wide)
    p, s, bp, bs = tl.associative_scan((p, s, one, one - 1.0), 0, _compose_both)
    p = last_row(p, Q).to(tl.float32)
    s = last_row(s, Q).to(tl.float32)
    w = tl.arange(0, W)
    tile_words = words + block.to(tl.int64) * (tiles + tl.cdiv(tiles, G)) * W
    group_words = tile_words + tiles * W
    if EARLY:
        gdc_wait()
    tl.store(tile_words + tile * W + w, _pack(p, s), cache_modifier=".cg")
    carry = _carry(tile_words, group_words, tile, start, G, R, W)
    after = p * carry + s
    if tile % G == G - 1:
        word = _pack(tl.zeros_like(after), after)
        tl.store(group_words + tile // G * W + w, word, cache_modifier=".cg")
    before = (bp * carry[None, :] + bs).to(tl.float32)
    return tl.reshape(before, (1, Q * W)), after


@triton.jit
def _unpacked(x, COMPILED: tl.constexpr):
    """x as float32, converted here and not before: until now it took half the registers."""
    if COMPILED and x.dtype.primitive_bitwidth == 16:
        x = tl.inline_asm_elementwise(
            "mov.b32 $0, $1;", "=r,r", [x], dtype=x.dtype, is_pure=False, pack=2
        )
    return x.to(tl.float32)


@triton.jit
def forward(
    a_ptr, b_ptr, h0_ptr, h_ptr, state_ptr, words, L, D, blocks,
    FLIP: tl.constexpr, WIDE: tl.constexpr, STAY: tl.constexpr, COMPILED: tl.constexpr,
    EARLY: tl.constexpr,
    K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr, V: tl.constexpr,
    G: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """a, b, h: [B, L, D]; h0, state: [B, D]; h0 may be None; V: channels of a thread.

    STAY: how long the cache keeps what is written, an `eviction_policy` of Triton.
    """
    tile = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    per_row = tl.cdiv(D, W)
    row = (block // per_row).to(tl.int64)
    low = block % per_row * W
    a_ptr += row * L * D
    b_ptr += row * L * D
    h_ptr += row * L * D
    column = tl.arange(0, Q * W)[None, :]
    k = tl.arange(0, K)[:, None]
    s = tile * (K * Q) + column // W * K + k
    d = low + column % W
    at = tl.max_contiguous(time_of(s, L, FLIP, WIDE) * D + d, (1, V))
    inside = (s < L) & (d < D)
    a = tl.load(a_ptr + at, mask=inside, other=1.0)
    b = tl.load(b_ptr + at, mask=inside, other=0.0)
    lane = low + tl.arange(0, W)
    start = load_state(h0_ptr, row * D + lane, lane < D, state_ptr.dtype.element_ty)
    tiles = tl.cdiv(L, K * Q)
    before, after = resolve(
        a.to(tl.float32), b.to(tl.float32), start, words, tile, block, tiles, K, Q, W, G, R,
        b.dtype.primitive_bitwidth > 16, EARLY,
    )  # fmt: skip
    a = _unpacked(a, COMPILED)
    b = _unpacked(b, COMPILED)
    b = tl.where(k == 0, a * before + b, b)
    _, h = tl.associative_scan((a, b), 0, compose)
    tl.store(h_ptr + at, h, mask=inside, eviction_policy=STAY)
    if tile == tiles - 1:
        tl.store(state_ptr + row * D + lane, after, mask=lane < D)


@triton.jit
def backward(
    a_ptr, h_ptr, h0_ptr, dh_ptr, dstate_ptr, da_ptr, db_ptr, dh0_ptr, words, L, D, blocks,
    FLIP: tl.constexpr, WIDE: tl.constexpr, STAY: tl.constexpr, COMPILED: tl.constexpr,
    EARLY: tl.constexpr,
    K: tl.constexpr, Q: tl.constexpr, W: tl.constexpr, V: tl.constexpr,
    G: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    """Runs against the forward pass: g[s] = dh[s] + a[s-1] g[s-1], da[s] = g[s] h[s+1]."""
    tile = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    per_row = tl.cdiv(D, W)
    row = (block // per_row).to(tl.int64)
    low = block % per_row * W
    a_ptr += row * L * D
    h_ptr += row * L * D
    dh_ptr += row * L * D
    da_ptr += row * L * D
    db_ptr += row * L * D
    column = tl.arange(0, Q * W)[None, :]
    k = tl.arange(0, K)[:, None]
    s = tile * (K * Q) + column // W * K + k
    d = low + column % W
    at = tl.max_contiguous(time_of(s, L, FLIP, WIDE) * D + d, (1, V))
    inside = (s < L) & (d < D)
    back = D if FLIP else -D  # from a step to the one that comes before it in this pass
    a = tl.load(a_ptr + at + back, mask=inside & (s > 0), other=1.0)
    g = tl.load(dh_ptr + at, mask=inside, other=0.0)
    h = tl.load(h_ptr + at - back, mask=inside & (s < L - 1), other=0.0)
    lane = low + tl.arange(0, W)
    start = tl.load(dstate_ptr + row * D + lane, mask=lane < D, other=0.0)
    tiles = tl.cdiv(L, K * Q)
    before, after = resolve(
        a.to(tl.float32), g.to(tl.float32), start, words, tile, block, tiles, K, Q, W, G, R,
        g.dtype.primitive_bitwidth > 16, EARLY,
    )  # fmt: skip
    a = _unpacked(a, COMPILED)
    g = _unpacked(g, COMPILED)
    g = tl.where(k == 0, a * before + g, g)
    _, g = tl.associative_scan((a, g), 0, compose)
    tl.store(db_ptr + at, g, mask=inside, eviction_policy=STAY)
    da = g * h.to(tl.float32)
    tl.store(da_ptr + at, da, mask=inside & (s < L - 1), eviction_policy=STAY)
    if tile == tiles - 1:
        end = (0 if FLIP else L - 1) * D + lane  # where the forward pass began, at h0
        a_end = tl.load(a_ptr + end, mask=lane < D, other=0.0).to(tl.float32)
        h0 = load_state(h0_ptr, row * D + lane, lane < D, after.dtype)
        tl.store(da_ptr + end, after * h0, mask=lane < D)
        if dh0_ptr is not None:
            tl.store(dh0_ptr + row * D + lane, after * a_end, mask=lane < D)
