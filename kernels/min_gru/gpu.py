"""Triton: custom ops around the kernels of gpu_walk.py and gpu_lookback.py, and which one runs.

The bound is memory: 3 passes forward (read z, h_tilde, write h), 6 backward (read z, h_tilde, h,
dh, write dz, dh_tilde). Any plan gives a right answer.
"""

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.launching import fresh
from marslab.kernels.linear_scan.gpu import DOUBLE, INT32_MAX, MANY_CHANNELS, SMALL, LookBack, Walk
from marslab.kernels.min_gru import gpu_lookback, gpu_walk

FORWARD = {  # (16-bit, many channels) -> plan
    (False, True): LookBack(16, 8, 32, 4, 8),
    (False, False): LookBack(16, 8, 32, 4, 8),
    (True, True): LookBack(16, 16, 64, 2, 4, 128),
    (True, False): LookBack(16, 16, 64, 2, 4, 128),
}
BACKWARD = {
    (False, True): LookBack(8, 8, 64, 2, 8, 168),
    (False, False): LookBack(8, 8, 64, 2, 8, 168),
    (True, True): LookBack(8, 8, 64, 2, 8, 128),
    (True, False): LookBack(8, 8, 64, 2, 8, 128),
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
    wide, blocks = L * D > INT32_MAX, B * -(-D // plan.W)
    if isinstance(plan, Walk):
        kernel = getattr(gpu_walk, name)
        kernel[(blocks,)](*tensors, L, D, wide, plan.T, plan.W, plan.stages, num_warps=plan.warps)
        return
    tiles = -(-L // (plan.K * plan.Q))
    count = blocks * (tiles + -(-tiles // plan.G)) * plan.W
    words = torch.full((count,), -1, dtype=torch.int64, device=tensors[1].device)
    K, Q, W, V, G, registers = plan
    limit = {} if registers is None or interpreted() else {"maxnreg": registers}
    getattr(gpu_lookback, name)[(blocks * tiles,)](
        *tensors, words, L, D, blocks, wide, K, Q, W, V, G, plan.rows, num_warps=plan.warps, **limit
    )


def _run(name: str, table: dict, tensors: list[Tensor]) -> None:
    with torch.cuda.device_of(tensors[1]):
        _launch(name, _plan(table, tensors[1]), tensors)


@torch.library.custom_op("marslab::min_gru_triton", mutates_args=())
def forward(z_logit: Tensor, h_tilde: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """(z_logit, h_tilde, h0) -> (h, state)."""
    if h_tilde.numel() == 0:
        return h_tilde.clone(), h0.clone()
    h, state = fresh(h_tilde), fresh(h0)
    operands = [x.contiguous() for x in (z_logit, h_tilde, h0)]
    _run("forward", FORWARD, [*operands, h, state])
    return h.to(h_tilde.dtype), state


@forward.register_fake
def _(z_logit, h_tilde, h0):
    return h_tilde.new_empty(h_tilde.shape), h0.new_empty(h0.shape)


@torch.library.custom_op("marslab::min_gru_gradient_triton", mutates_args=())
def backward(
    z_logit: Tensor, h_tilde: Tensor, h0: Tensor, h: Tensor, state: Tensor, dh: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Operands, (h, state) and their gradients -> a gradient per operand."""
    if h_tilde.numel() == 0:
        return z_logit.clone(), h_tilde.clone(), dstate.clone()
    dz, dnew, dh0 = fresh(z_logit), fresh(h_tilde), fresh(h0)
    operands = [x.contiguous() for x in (z_logit, h_tilde, h, h0, dh.to(h.dtype), dstate)]
    _run("backward", BACKWARD, [*operands, dz, dnew, dh0])
    return dz.to(z_logit.dtype), dnew.to(h_tilde.dtype), dh0


@backward.register_fake
def _(z_logit, h_tilde, h0, h, state, dh, dstate):
    return tuple(x.new_empty(x.shape) for x in (z_logit, h_tilde, h0))


joining.KERNELS["min_gru triton"] = joining.Kernels(forward, backward)


def min_gru(z_logit: Tensor, h_tilde: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `h_tilde`, and the last state in that of `h0`."""
    return joining.join("min_gru triton", (z_logit, h_tilde, h0))
