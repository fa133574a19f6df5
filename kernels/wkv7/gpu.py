"""Triton: custom ops around the kernels of gpu_steps.py.

A step waits for the one before it, so the time is that of L steps; heads and rows run side by side.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.launching import fresh
from marslab.kernels.wkv7 import gpu_steps

CHUNK = 16  # steps between two states that are kept for the backward
STAGES = 4  # steps whose operands are under way
ROWS = {"forward": 16, "backward": 64}  # value rows of a program; a head with one adds no parts
WARP = 4096  # bytes of the state that a warp holds: 32 registers a thread for each copy of it
MOST = 8 * WARP  # for a program


class Plan(NamedTuple):
    """N value rows, KP keys (K rounded up to a power of two) and the warps of a program."""

    N: int
    KP: int
    warps: int


def plan(name: str, s0: Tensor) -> Plan:
    """The tile of a kernel for states [B, H, V, K]."""
    V, KP = (1 << (n - 1).bit_length() for n in s0.shape[2:])  # powers of two
    size = s0.element_size()
    N = min(ROWS[name], max(1, MOST // size // KP), V)
    return Plan(N, KP, max(1, N * KP * size // WARP))


def _launch(name: str, tensors: list[Tensor], s0: Tensor, numbers: tuple, options: dict) -> None:
    B, H, V, K = s0.shape
    tile = plan(name, s0)
    kernel = getattr(gpu_steps, name)[(B * H * -(-V // tile.N),)]
    sizes = (*numbers, tensors[0].shape[1], H, K, V)
    options |= {"C": CHUNK, "N": tile.N, "KP": tile.KP}
    kernel(*tensors, *sizes, **options, num_warps=tile.warps)


def _run(name: str, tensors: list[Tensor], s0: Tensor, numbers: tuple = (), **options) -> None:
    """Start a kernel over tensors that begin with r [B, L, H, K]."""
    with torch.cuda.device_of(s0):
        _launch(name, tensors, s0, numbers, options)


def _kept(v: Tensor, s0: Tensor, keep: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of what the backward needs: states [B, H, chunks, V, K] and S a [B, L, H, V]."""
    B, L, H, V = v.shape
    return (B, H, -(-L // CHUNK) * keep, *s0.shape[2:]), (B, L * keep, H, V)


@torch.library.custom_op("marslab::wkv7_triton", mutates_args=())
def forward(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(r, w, k, v, a, b, s0, keep) -> (y, state, state before each chunk, every S a).

    The last two are for the backward alone; without `keep` they are empty.
    """
    starts, probes = (s0.new_empty(shape) for shape in _kept(v, s0, keep))
    if v.numel() == 0 or r.numel() == 0:
        return torch.zeros_like(v), s0.clone(), starts, probes
    y, state = fresh(v), fresh(s0)
    tensors = [x.contiguous() for x in (r, w, k, v, a, b, s0)]
    _run("forward", [*tensors, y, state, starts, probes], s0, KEEP=keep, STAGES=STAGES)
    return y.to(v.dtype), state, starts, probes


@forward.register_fake
def _(r, w, k, v, a, b, s0, keep):
    starts, probes = (s0.new_empty(shape) for shape in _kept(v, s0, keep))
    return v.new_empty(v.shape), s0.new_empty(s0.shape), starts, probes


@torch.library.custom_op("marslab::wkv7_gradient_triton", mutates_args=())
def backward(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor,
    y: Tensor, state: Tensor, starts: Tensor, probes: Tensor, dy: Tensor, dstate: Tensor,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """(operands, results and what was kept, dy, dstate, keep) -> a gradient for each operand."""
    operands = (r, w, k, v, a, b, s0)
    if v.numel() == 0 or r.numel() == 0:
        return (*(torch.zeros_like(x) for x in operands[:-1]), dstate.clone())  # pyright: ignore[reportReturnType]
    tile = plan("backward", s0)
    blocks = -(-v.shape[3] // tile.N)
    of_rows = s0 if blocks > 1 else r  # parts of a sum are added before they are rounded
    dr, dk, da, db = (fresh(of_rows, blocks, *r.shape) for _ in range(4))
    dw = fresh(s0 if blocks > 1 else w, blocks, *r.shape)
    dv, ds0 = fresh(v), fresh(s0)
    room = s0.new_empty((*s0.shape[:2], blocks, CHUNK, tile.N, tile.KP))
    inputs = [x.contiguous() for x in (*operands[:-1], starts, probes, dy, dstate)]
    outputs = [dr, dw, dk, dv, da, db, ds0, room]
    _run("backward", [*inputs, *outputs], s0, (r.numel(),))
    dr, dw, dk, da, db = (x.sum(0) if blocks > 1 else x[0] for x in (dr, dw, dk, da, db))
    gradients = (dr, dw, dk, dv, da, db, ds0)
    return tuple(g.to(x.dtype) for g, x in zip(gradients, operands, strict=True))  # pyright: ignore[reportReturnType]


@backward.register_fake
def _(r, w, k, v, a, b, s0, y, state, starts, probes, dy, dstate, keep):
    return tuple(x.new_empty(x.shape) for x in (r, w, k, v, a, b, s0))


joining.KERNELS["wkv7 triton"] = joining.Kernels(forward, backward)


def wkv7(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, H, V] in the dtype of `v`, and the last state [B, H, V, K]."""
    return joining.join("wkv7 triton", (r, w, k, v, a, b, s0), torch.is_grad_enabled())
