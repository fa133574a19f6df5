"""Triton: custom ops around the kernels of gpu_walk.py and gpu_lookback.py, and which one runs.

The bound is memory: 3 passes forward (read a, b, write h), 5 backward (read a, h, dh, write da,
db). Plans were chosen by measurement on one H200 (see data/bench); any plan gives a right answer.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh, given
from marslab.kernels.linear_scan import autograd, gpu_lookback, gpu_walk
from marslab.kernels.linear_scan.gpu_launch import INT32_MAX, LookBack, look_back

MANY_CHANNELS = 8192  # B * D from which the channels alone fill a GPU


class Walk(NamedTuple):
    """Tile of gpu_walk: steps T, channels W, warps, tiles under way."""

    T: int
    W: int
    warps: int
    stages: int


FORWARD = {  # (16-bit, many channels) -> plan
    (False, True): Walk(32, 64, 1, 3),
    (False, False): LookBack(16, 16, 32, 4, 4),
    (True, True): LookBack(16, 16, 64, 4, 4, 128),
    (True, False): LookBack(16, 16, 64, 4, 4, 128),
}
BACKWARD = {
    (False, True): LookBack(8, 8, 64, 4, 8, 168),  # the 168 keeps 3 programs on a multiprocessor
    (False, False): LookBack(8, 16, 32, 4, 4, 168),
    (True, True): LookBack(16, 4, 64, 2, 8, 128),
    (True, False): LookBack(16, 8, 64, 2, 8, 128),
}
DOUBLE = Walk(16, 32, 1, 2)  # a word of gpu_lookback has no room for two float64
SMALL = LookBack(4, 2, 8, 1, 2)  # the interpreter pays by the element
STAY = "evict_last"  # of many channels what is written stays in the cache for whoever reads it next


def _plan(table: dict, x: Tensor) -> Walk | LookBack:
    if x.dtype == torch.float64:
        return DOUBLE
    if interpreted():
        return SMALL
    return table[x.element_size() == 2, x.shape[0] * x.shape[2] >= MANY_CHANNELS]


def _launch(module, name: str, plan: Walk | LookBack, tensors: list[Tensor], flip: bool) -> None:
    """Start one kernel over tensors whose first is [B, L, D]."""
    B, L, D = tensors[0].shape
    wide, stay = L * D > INT32_MAX, STAY if B * D >= MANY_CHANNELS else ""
    kernel, operands = getattr(module, name), [given(x) for x in tensors]
    if isinstance(plan, LookBack):
        look_back(kernel, plan, operands, tensors[0], flip, wide, stay, not interpreted())
        return
    programs, (T, W, warps, stages) = B * -(-D // plan.W), plan
    kernel[(programs,)](*operands, L, D, flip, wide, stay, T, W, stages, num_warps=warps)


def _run(name: str, table: dict, tensors: list[Tensor], flip: bool) -> None:
    plan = _plan(table, tensors[1])
    module = gpu_walk if isinstance(plan, Walk) else gpu_lookback
    with torch.cuda.device_of(tensors[1]):
        _launch(module, name, plan, tensors, flip)


@torch.library.custom_op("marslab::linear_scan_triton", mutates_args=())
def forward(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    """(a, b, h0, reverse) -> (h, state); h0 [B, 0] stands for zeros."""
    h, state = fresh(b), fresh(h0, b.shape[0], b.shape[2])
    if b.numel() == 0:
        return b.clone(), autograd.start_of(h, h0).clone()
    inputs = [x.contiguous() for x in (a, b, h0)]
    _run("forward", FORWARD, [*inputs, h, state], reverse)
    return h.to(b.dtype), state


@forward.register_fake
def _(a, b, h0, reverse):
    return b.new_empty(b.shape), h0.new_empty((b.shape[0], b.shape[2]))


@torch.library.custom_op("marslab::linear_scan_gradient_triton", mutates_args=())
def backward(
    a: Tensor, h: Tensor, h0: Tensor, dh: Tensor, dstate: Tensor, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(a, h, h0, dh, dstate, reverse) -> (da, db, dh0)."""
    da, db, dh0 = fresh(a), fresh(h), fresh(h0)
    if h.numel() == 0:
        return a.clone(), h.clone(), dstate[:, : h0.shape[1]].clone()
    inputs = [x.contiguous() for x in (a, h, h0, dh.to(h.dtype), dstate)]
    _run("backward", BACKWARD, [*inputs, da, db, dh0], not reverse)
    return da.to(a.dtype), db.to(h.dtype), dh0


@backward.register_fake
def _(a, h, h0, dh, dstate, reverse):
    return a.new_empty(a.shape), h.new_empty(h.shape), h0.new_empty(h0.shape)


autograd.KERNELS["triton"] = autograd.Kernels(forward, backward)


def linear_scan(a: Tensor, b: Tensor, h0: Tensor, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `b`, and the last state [B, D] in that of `h0`.

    An h0 [B, 0] stands for zeros.
    """
    return autograd.scan("triton", a, b, h0, reverse)
