"""Triton: custom ops around the kernels of gpu_walk.py and gpu_lookback.py, and which one runs.

The bound is memory: 3 passes forward (read z, h_tilde, write h), 6 backward (read z, h_tilde, h,
dh, write dz, dh_tilde). Any plan gives a right answer.
"""

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh, given
from marslab.kernels.linear_scan.autograd import start_of
from marslab.kernels.linear_scan.gpu import DOUBLE, SMALL, Walk
from marslab.kernels.linear_scan.gpu_launch import INT32_MAX, LookBack, look_back
from marslab.kernels.min_gru import gpu_lookback, gpu_walk

MANY_CHANNELS = 16384  # B * D from which the walk is faster; at half of it the look-back is
FORWARD = {  # (16-bit, many channels) -> plan
    (False, True): Walk(64, 32, 1, 3),
    (False, False): LookBack(16, 4, 32, 2, 8, 128),
    (True, True): LookBack(8, 8, 64, 4, 8, 96),
    (True, False): LookBack(8, 8, 64, 4, 8, 96),
}
BACKWARD = {
    (False, True): Walk(16, 32, 4, 3),
    (False, False): LookBack(8, 4, 32, 2, 8, 128),
    (True, True): LookBack(8, 4, 32, 2, 8, 128),
    (True, False): LookBack(8, 8, 32, 2, 8, 112),
}


def _plan(table: dict, x: Tensor) -> Walk | LookBack:
    if x.dtype == torch.float64:
        return DOUBLE
    if interpreted():
        return SMALL
    return table[x.element_size() == 2, x.shape[0] * x.shape[2] >= MANY_CHANNELS]


def _launch(name: str, plan: Walk | LookBack, tensors: list[Tensor]) -> None:
    """Start one kernel over tensors whose second is h_tilde [B, L, D]."""
    B, L, D = tensors[1].shape
    wide, operands = L * D > INT32_MAX, [given(x) for x in tensors]
    if isinstance(plan, LookBack):
        look_back(getattr(gpu_lookback, name), plan, operands, tensors[1], wide)
        return
    kernel, programs = getattr(gpu_walk, name), B * -(-D // plan.W)
    kernel[(programs,)](*operands, L, D, wide, plan.T, plan.W, plan.stages, num_warps=plan.warps)


def _run(name: str, table: dict, tensors: list[Tensor]) -> None:
    with torch.cuda.device_of(tensors[1]):
        _launch(name, _plan(table, tensors[1]), tensors)


@torch.library.custom_op("marslab::min_gru_triton", mutates_args=())
def forward(z_logit: Tensor, h_tilde: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """(z_logit, h_tilde, h0) -> (h, state); h0 [B, 0] stands for zeros."""
    if h_tilde.numel() == 0:
        return h_tilde.clone(), start_of(h_tilde, h0).clone()
    h, state = fresh(h_tilde), fresh(h0, h_tilde.shape[0], h_tilde.shape[2])
    operands = [x.contiguous() for x in (z_logit, h_tilde, h0)]
    _run("forward", FORWARD, [*operands, h, state])
    return h.to(h_tilde.dtype), state


@forward.register_fake
def _(z_logit, h_tilde, h0):
    state = h0.new_empty((h_tilde.shape[0], h_tilde.shape[2]))
    return h_tilde.new_empty(h_tilde.shape), state


@torch.library.custom_op("marslab::min_gru_gradient_triton", mutates_args=())
def backward(
    z_logit: Tensor, h_tilde: Tensor, h0: Tensor, h: Tensor, state: Tensor, dh: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Operands, (h, state) and their gradients -> a gradient per operand."""
    if h_tilde.numel() == 0:
        return z_logit.clone(), h_tilde.clone(), dstate[:, : h0.shape[1]].clone()
    dz, dnew, dh0 = fresh(z_logit), fresh(h_tilde), fresh(h0)
    operands = [x.contiguous() for x in (z_logit, h_tilde, h, h0, dh.to(h.dtype), dstate)]
    _run("backward", BACKWARD, [*operands, dz, dnew, dh0])
    return dz.to(z_logit.dtype), dnew.to(h_tilde.dtype), dh0


@backward.register_fake
def _(z_logit, h_tilde, h0, h, state, dh, dstate):
    return tuple(x.new_empty(x.shape) for x in (z_logit, h_tilde, h0))


joining.KERNELS["min_gru triton"] = joining.Kernels(forward, backward)


def min_gru(z_logit: Tensor, h_tilde: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `h_tilde`, and the last state in that of `h0`.

    An h0 [B, 0] stands for zeros.
    """
    return joining.join("min_gru triton", (z_logit, h_tilde, h0))
