"""Triton: chunks of 16 steps. What a chunk does is worked out for all chunks at once
(gpu_prepare.py); a short walk carries the state through them (gpu_walk.py); the gradients follow
for all chunks at once (gpu_gradients.py). A few steps without a gradient are taken one by one
(gpu_steps.py): decoding.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh
from marslab.kernels.wkv7 import gpu_gradients, gpu_prepare, gpu_steps, gpu_walk

CHUNK = 16  # steps
ENOUGH = 32  # keys; over fewer the rounding of operands does not average out
FEW = 8  # steps that are sooner taken one by one
ROWS = 64  # of the values, at the most: of a program of the walk, and at a time in gradients
CELLS = 1024  # numbers of a tile of the state that a warp holds
STAGES = 3  # chunks whose operands are under way in the walk
WARPS = {"prepare": 2, "gradients": 4}


class Math(NamedTuple):
    """How products are taken: of operands and states; where errors would add up or not cancel."""

    wide: str
    fine: str


MATH = {
    torch.bfloat16: Math("bf16", "tf32"),
    torch.float16: Math("tf32", "tf32"),  # decays would vanish in float16
    torch.float32: Math("ieee", "ieee"),
    torch.float64: Math("ieee", "ieee"),
}


def _math(v: Tensor, K: int) -> Math:
    """The interpreter does not round as the hardware does: there all is exact."""
    return MATH[torch.float32 if interpreted() or K < ENOUGH else v.dtype]


def _power(n: int) -> int:
    """The width of a tile for n numbers: a power of two that a matrix product takes."""
    return max(16, 1 << (n - 1).bit_length())


def _room(v: Tensor, s0: Tensor, *shape: int) -> Tensor:
    """Memory between two kernels for s0 [B, H, V, K]: bfloat16 beside it, or as the state."""
    rounded = v.dtype == torch.bfloat16 and s0.shape[3] >= ENOUGH
    return fresh(v if rounded else s0, *shape)


def _run(kernel: Any, programs: int, warps: int, *args: object, **constants: object) -> None:
    kernel[(programs,)](*args, **constants, num_warps=warps)


def _prepared(operands: list[Tensor], s0: Tensor, back: bool) -> list[Tensor]:
    """What the walk multiplies with: solved, first, second, read, mix, rb, rk and total."""
    r, w, k, v, a, b = operands
    (B, L, H, K), math = r.shape, _math(v, r.shape[3])
    chunks, unused = -(-L // CHUNK), s0.new_empty(0)
    of_keys = [_room(v, s0, B, H, chunks, CHUNK, K) for _ in range(3 if back else 4)]
    of_pairs = [s0.new_empty((B, H, chunks, CHUNK, CHUNK)) for _ in range(1 if back else 3)]
    if back:
        of_keys, of_pairs = [*of_keys, unused], [*of_pairs, unused, unused]
    outputs = [*of_keys, *of_pairs, s0.new_empty((B, H, chunks, K))]
    _run(
        gpu_prepare.prepare, B * H * chunks, WARPS["prepare"],
        r, w, k, a, b, *outputs, L, H, K, chunks,
        BACK=back, FINE=math.fine, T=CHUNK, KP=_power(K),
    )  # fmt: skip
    return outputs


def _walk(
    prepared: list[Tensor], v: Tensor, start: Tensor, out: list[Tensor], back: bool, keep: bool
) -> None:
    """Carry `start` [B, H, V, K] through all chunks; `out`: end, states, u, y."""
    (B, L, H, V), K, rows = v.shape, start.shape[3], min(ROWS, _power(v.shape[3]))
    math = _math(v, K)
    _run(
        gpu_walk.walk, B * H * -(-V // rows), max(1, rows * _power(K) // CELLS),
        *prepared, v, start, *out, L, H, K, V, -(-L // CHUNK),
        BACK=back, KEEP=keep, MATH=math.wide, FINE=math.fine, STAGES=STAGES,
        T=CHUNK, N=rows, KP=_power(K),
    )  # fmt: skip


def _kept(v: Tensor, s0: Tensor, keep: bool) -> list[Tensor]:
    """Memory for the state before each chunk [B, H, chunks, V, K], and u [B, H, chunks, T, V]."""
    B, L, H, V = v.shape
    chunks = -(-L // CHUNK) * keep
    return [_room(v, s0, B, H, chunks, *s0.shape[2:]), _room(v, s0, B, H, chunks, CHUNK, V)]


def _one_by_one(operands: list[Tensor], s0: Tensor, y: Tensor, state: Tensor) -> None:
    (B, L, H, V), K = y.shape, s0.shape[3]
    KP = 1 << (K - 1).bit_length()
    rows = max(1, min(16, 8 * CELLS // KP, 1 << (V - 1).bit_length()))
    programs, warps = B * H * -(-V // rows), max(1, rows * KP // CELLS)
    _run(gpu_steps.forward, programs, warps, *operands, s0, y, state, L, H, K, V, N=rows, KP=KP)


@torch.library.custom_op("marslab::wkv7_triton", mutates_args=())
def forward(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(r, w, k, v, a, b, s0, keep) -> (y, state, state before each chunk, every S a).

    The last two are for the backward alone; without `keep` they are empty.
    """
    states, u = _kept(v, s0, keep)
    if v.numel() == 0 or r.numel() == 0:
        return torch.zeros_like(v), s0.clone(), states, u
    operands, s0 = [x.contiguous() for x in (r, w, k, v, a, b)], s0.contiguous()
    y, state = fresh(v), torch.empty_like(s0)
    with torch.cuda.device_of(v):
        if v.shape[1] <= FEW and not keep:
            _one_by_one(operands, s0, y, state)
        else:
            prepared, out = _prepared(operands, s0, back=False), [state, states, u, y]
            _walk(prepared, operands[3], s0, out, back=False, keep=keep)
    return y.to(v.dtype), state, states, u


@forward.register_fake
def _(r, w, k, v, a, b, s0, keep):
    return v.new_empty(v.shape), s0.new_empty(s0.shape), *_kept(v, s0, keep)


@torch.library.custom_op("marslab::wkv7_gradient_triton", mutates_args=())
def backward(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor,
    y: Tensor, state: Tensor, states: Tensor, u: Tensor, dy: Tensor, dstate: Tensor,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """(operands, results and what was kept, dy, dstate, keep) -> a gradient for each operand."""
    operands = (r, w, k, v, a, b, s0)
    if v.numel() == 0 or r.numel() == 0:
        return (*(torch.zeros_like(x) for x in operands[:-1]), dstate.clone())  # pyright: ignore[reportReturnType]
    (B, L, H, K), V = r.shape, v.shape[3]
    r, w, k, v, a, b, dy, dstate = (x.contiguous() for x in (*operands[:-1], dy, dstate))
    flows, du = _kept(v, s0, True)
    dr, dw, dk, dv, da, db = (fresh(x) for x in (r, w, k, v, a, b))
    ds0, math, chunks = torch.empty_like(dstate), _math(v, K), states.shape[2]
    with torch.cuda.device_of(v):
        prepared = _prepared([r, w, k, v, a, b], s0, back=True)
        _walk(prepared, dy, dstate, [ds0, flows, du, dy], back=True, keep=True)
        _run(
            gpu_gradients.gradients, B * H * chunks, WARPS["gradients"],
            r, w, k, v, a, b, dy, states, flows, u, du, dr, dw, dk, dv, da, db, prepared[-1],
            L, H, K, V, chunks,
            MATH=math.wide, FINE=math.fine, T=CHUNK, N=min(ROWS, _power(V)), KP=_power(K),
        )  # fmt: skip
    gradients = (dr, dw, dk, dv, da, db, ds0)
    return tuple(g.to(x.dtype) for g, x in zip(gradients, operands, strict=True))  # pyright: ignore[reportReturnType]


@backward.register_fake
def _(r, w, k, v, a, b, s0, y, state, states, u, dy, dstate, keep):
    return tuple(x.new_empty(x.shape) for x in (r, w, k, v, a, b, s0))


joining.KERNELS["wkv7 triton"] = joining.Kernels(forward, backward)


def wkv7(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, H, V] in the dtype of `v`, and the last state [B, H, V, K]."""
    operands = (r, w, k, v, a, b, s0)
    return joining.join("wkv7 triton", operands, joining.wanted(*operands))
