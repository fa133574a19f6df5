"""Triton: custom ops around the step by step kernels.

gpu_resident.py where W fits on the multiprocessors, else, and in float64, gpu_sequential.py. The
iterated solve is in newton.py; its kernels are in gpu_sweep.py.
"""

from functools import partial

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.gated_recurrence import gpu_plan, gpu_resident, gpu_sequential, gradient
from marslab.kernels.launching import fresh


@torch.library.custom_op("marslab::gated_recurrence_triton", mutates_args=())
def forward(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """(z, W, gamma, h0) -> (h, state)."""
    if z.numel() == 0:
        return z.clone(), h0.clone()
    B, L, D = z.shape
    plan = gpu_plan.resident(B, D, z.dtype, z.device)
    if plan is not None:
        h, state = gpu_plan.unwritten(z, plan.operand.dtype), h0.new_empty(h0.shape)
        inputs = [x.contiguous() for x in (z, W.to(h.dtype), gamma, h0)]
        gpu_plan.launch_resident(gpu_resident.forward, plan, [*inputs, h, state])
        return h.to(z.dtype), state
    h, states = fresh(z), h0.new_empty((B, 2, D))
    states[:, 0] = h0
    inputs = [x.contiguous() for x in (z, W, gamma)]
    gpu_plan.launch_streaming(gpu_sequential.forward, [*inputs, h, states])
    return h.to(z.dtype), states[:, L % 2].clone()


@forward.register_fake
def _(z, W, gamma, h0):
    return z.new_empty(z.shape), h0.new_empty(h0.shape)


def _backwards(
    dtype: torch.dtype, gamma: Tensor, r: Tensor, W: Tensor, dh: Tensor, dstate: Tensor
) -> tuple[Tensor, Tensor]:
    """Return (g, dh0) for inputs that were given in `dtype`."""
    B, _, D = dh.shape
    g, dh0 = torch.empty_like(dh), dstate.clone()
    plan = gpu_plan.resident(B, D, dtype, dh.device)
    if plan is not None:
        traded = gpu_plan.unwritten(dh, plan.operand.dtype)
        tensors = [gamma, r, W.T.to(traded.dtype).contiguous(), dh, dstate, g, dh0, traded]
        gpu_plan.launch_resident(gpu_resident.transposed, plan, tensors)
        return g, dh0
    tensors = [gamma, r, W.T.contiguous(), dh, g, dh0, torch.empty_like(dstate)]
    gpu_plan.launch_streaming(gpu_sequential.transposed, tensors)
    return g, dh0


@torch.library.custom_op("marslab::gated_recurrence_gradient_triton", mutates_args=())
def backward(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, h: Tensor, state: Tensor,
    dh: Tensor, dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """-> (dz, dW, dgamma, dh0)."""
    return gradient.gradients(z, W, gamma, h0, h, dh, dstate, partial(_backwards, z.dtype))


@backward.register_fake
def _(z, W, gamma, h0, h, state, dh, dstate):
    return tuple(x.new_empty(x.shape) for x in (z, W, gamma, h0))


KEY = "gated_recurrence triton"
joining.KERNELS[KEY] = joining.Kernels(forward, backward)


def gated_recurrence(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `z`, and the last state [B, D] in that of `h0`."""
    return joining.join(KEY, (z, W, gamma, h0))
