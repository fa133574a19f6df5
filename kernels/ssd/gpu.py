"""Triton: custom ops around the kernels of gpu_forward.py and gpu_backward.py.

Tensor cores take bfloat16 operands as they are, float16 ones in TF32 (the decays would overflow or
vanish in float16), and float32 is multiplied in full. Sums are float32 at least; beside float32 the
state is carried in float64, since where decays repeat, their rounding repeats too and adds up.
A few steps without a gradient are taken one by one (gpu_steps.py): decoding.
"""

from functools import reduce
from typing import Any

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.launching import fresh, given
from marslab.kernels.ssd import gpu_backward, gpu_forward, gpu_steps
from marslab.kernels.ssd.gpu_plan import WIDEST, Work, plan

HEADS = 16  # whose decays are summed side by side
FEW = 8  # steps that are sooner taken one by one
CELLS = 1024  # of the state that a program has for them
CARRY = 256  # cells of the state that one program carries across the segments
WARPS = {
    **{"prepare": 4, "read": 4, "write": 4, "carry": 4, "of_heads": 4, "of_groups": 4},
    "one_by_one": 1,
}
STAGES = {"read": 2, "write": 3, "of_heads": 2, "of_groups": 4}  # rounds of a loop under way


def _lean(x: Tensor, h0: Tensor, *shape: int) -> Tensor:
    """Memory for what only products read: bfloat16 for bfloat16, else as the state."""
    return fresh(x if x.dtype == torch.bfloat16 else h0, *shape)


def _kept(x: Tensor, h0: Tensor, chunk_size: int, keep: bool) -> tuple[Tensor, Tensor]:
    """Memory for the state before each chunk, none if not `keep`, and for the decays."""
    (rows, L, H, P), T = x.shape, plan(x.dtype, chunk_size, 1, 1).T
    chunks = -(-L // T)
    wide = torch.float32 if x.element_size() == 2 else torch.float64
    planes = x.new_empty((rows, H, chunks, 5, T), dtype=wide)
    return _lean(x, h0, rows, H, chunks * keep, h0.shape[3], P), planes


def _run(name: str, kernel: Any, grid: tuple[int, ...], *args: object) -> None:
    stages = {"STAGES": STAGES[name]} if name in STAGES else {}
    kernel[grid](*args, **stages, num_warps=WARPS[name])


def _walk(work: Work, tensors: tuple, start: Tensor, y: Tensor, kept: Tensor, back: bool) -> Tensor:
    """Walk from `start`, fill y and `kept`, return the last state; tensors: x ... planes."""
    count, cells = work.B * work.H, work.P * work.N
    segments, segment = work.segments()
    end, share = torch.empty_like(start), tensors[-1].new_empty((count, segments))
    grid = (count * segments, -(-work.P // work.plan.WP))
    sizes = (work.L, work.chunks, segment, work.H, work.G, work.P, work.N, back)
    if segments > 1:
        ends = start.new_empty((count, segments, cells))
        _run(
            "write", gpu_forward.walk, grid, *tensors, start, y, ends, kept, share, *sizes,
            True, False, False, *work.plan,
        )  # fmt: skip
        _run(
            "carry", gpu_forward.carry, (count, -(-cells // CARRY)),
            ends, share, start, segments, cells, back, CARRY,
        )  # fmt: skip
        start = ends
    _run(
        "write" if back else "read", gpu_forward.walk, grid,
        *tensors, start, y, end, kept, share, *sizes,
        False, not back, kept.numel() > 0, *work.plan,
    )  # fmt: skip
    return end


def _one_by_one(work: Work, operands: tuple, y: Tensor, out: torch.dtype) -> tuple[Tensor, Tensor]:
    """(y, state), y in the dtype `out`."""
    state, NP = torch.empty_like(operands[-1]), 1 << (work.N - 1).bit_length()
    rows = max(1, min(1 << (work.P - 1).bit_length(), CELLS // NP))
    grid = (work.B * work.H * -(-work.P // rows),)
    with torch.cuda.device_of(y):
        _run(
            "one_by_one", gpu_steps.forward, grid,
            *operands, y, state, work.L, work.H, work.G, work.P, work.N, rows, NP,
        )  # fmt: skip
    return y.to(out), state


@torch.library.custom_op("marslab::ssd_triton", mutates_args=())
def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    chunk_size: int, keep: bool, out: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """(x, dt, A, B, C, D, h0, chunk_size, keep, out) -> (y, state, kept, decays).

    D [0] stands for zeros. y has the dtype `out`. kept, the state before each chunk, and the decays
    are for the backward; without `keep` nothing is kept.
    """
    x, dt, A, B, C, D, h0 = (v.contiguous() for v in (x, dt, A, B, C, D, h0))
    work = Work.of(x, B, chunk_size)
    (kept, planes), y = _kept(x, h0, chunk_size, keep), fresh(x.to(out))
    if x.numel() == 0:
        return y.to(out), h0.clone(), kept, planes
    if work.L <= FEW and not keep:
        return *_one_by_one(work, (x, dt, A, B, C, given(D), h0), y, out), kept, planes
    T, _, NP, MATH = work.plan
    scores = _lean(x, h0, work.B, work.chunks, work.G, T, T)
    side_by_side = min(HEADS, 1 << (work.H // work.G - 1).bit_length())
    with torch.cuda.device_of(x):
        _run(
            "prepare", gpu_forward.prepare, (work.B * work.chunks * work.G,),
            dt, A, B, C, scores, planes, work.L, work.H, work.G, work.chunks, work.N, NP, T,
            side_by_side, MATH,
        )  # fmt: skip
        state = _walk(work, (x, B, C, given(D), scores, planes), h0, y, kept, False)
    return y.to(out), state, kept, planes


@forward.register_fake
def _(x, dt, A, B, C, D, h0, chunk_size, keep, out):
    return x.new_empty(x.shape, dtype=out), h0.new_empty(h0.shape), *_kept(x, h0, chunk_size, keep)


@torch.library.custom_op("marslab::ssd_gradient_triton", mutates_args=())
def backward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor,
    y: Tensor, state: Tensor, kept: Tensor, planes: Tensor, dy: Tensor, dstate: Tensor,
    chunk_size: int, keep: bool, out: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """(operands, what the forward gave, dy, dstate, chunk_size, keep, out) -> a gradient each."""
    x, dt, A, B, C, D, dy, dstate = (v.contiguous() for v in (x, dt, A, B, C, D, dy, dstate))
    if x.numel() == 0:
        x, dt, A, B, C, D = (torch.zeros_like(v) for v in (x, dt, A, B, C, D))
        return x, dt, A, B, C, D, dstate.clone()
    work, flow = Work.of(x, B, chunk_size), torch.empty_like(kept)
    with torch.cuda.device_of(x):
        dh0 = _walk(work, (dy, C, B, None, kept, planes), dstate, dy, flow, True)
        gradients = _gradients(work, (x, dt, A, B, C, D), dy, planes, (kept, flow))
    return *gradients, dh0  # pyright: ignore[reportReturnType]


def _gradients(
    work: Work, operands: tuple[Tensor, ...], dy: Tensor, planes: Tensor, states: tuple
) -> tuple[Tensor, ...]:
    """Gradients of the operands; states: those before, and those that reach back to, a chunk."""
    (x, dt, A, B, C, D), (kept, flow) = operands, states
    parts, dtype = work.parts(), torch.promote_types(x.dtype, torch.float32)
    programs = (work.B * work.chunks * work.G * parts,)
    dx, ddt, pairs = fresh(x), fresh(dt), x.new_empty((*programs, work.plan.T**2), dtype=dtype)
    dA, dD = (x.new_empty((work.B, work.chunks, len(v)), dtype=dtype) for v in (A, D))
    sizes = (work.L, work.chunks, work.H, work.G, parts, work.P, work.N)
    _run(
        "of_heads", gpu_backward.of_heads, programs, x, A, B, C, given(D), planes, kept, flow, dy,
        dx, ddt, pairs, dA, dD, *sizes, *work.plan,
    )  # fmt: skip
    shape = (work.B, work.L, work.G, parts, work.N)
    dB, dC = (fresh(B, *shape) if parts == 1 else pairs.new_empty(shape) for _ in "BC")
    for written, across, reached, out in ((x, C, flow, dB), (dy, B, kept, dC)):
        _run(
            "of_groups", gpu_backward.of_groups, programs,
            written, across, reached, planes, pairs, out, *sizes, out is dC, *work.plan,
        )  # fmt: skip
    dA, dD = (v.sum((0, 1), dtype=torch.float64) for v in (dA, dD))
    dB, dC = (v.sum(3) if parts > 1 else v[:, :, :, 0] for v in (dB, dC))
    gradients = (dx, ddt, dA, dB, dC, dD)
    return tuple(g.to(v.dtype) for g, v in zip(gradients, operands, strict=True))


@backward.register_fake
def _(x, dt, A, B, C, D, h0, y, state, kept, planes, dy, dstate, chunk_size, keep, out):
    return tuple(v.new_empty(v.shape) for v in (x, dt, A, B, C, D, h0))


joining.KERNELS["ssd triton"] = joining.Kernels(forward, backward)


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h0: Tensor, chunk_size: int
) -> tuple[Tensor, Tensor]:
    """Return y [B, L, H, P] in the dtype of `x`, the last state [B, H, P, N] in that of `h0`.

    D [0] stands for zeros. The columns of a state do not act on each other: with many, y is a sum
    over blocks of them.
    """
    options = chunk_size, joining.wanted(x, dt, A, B, C, D, h0)
    if B.shape[3] <= WIDEST:
        return joining.join("ssd triton", (x, dt, A, B, C, D, h0), *options, x.dtype)
    parts, none = [], D.new_empty(0)
    for *keys, h in zip(*(v.split(WIDEST, 3) for v in (B, C, h0)), strict=True):
        operands = (x, dt, A, *keys, none, h)
        parts.append(joining.join("ssd triton", operands, *options, h0.dtype))
    results, states = zip(*parts, strict=True)
    y = reduce(torch.add, results)
    if D.numel():
        y = y + D.to(h0.dtype)[:, None] * x
    return y.to(x.dtype), torch.cat(states, 3)
