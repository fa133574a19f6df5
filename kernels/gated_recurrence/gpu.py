"""Triton: custom ops around the step by step kernels of gpu_sequential.py.

The iterated solve is in newton.py; its kernels are in gpu_sweep.py.
"""

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.gated_recurrence import gpu_sequential, gradient
from marslab.kernels.launching import fresh

WIDEST = 1024  # numbers of a row of W that a program multiplies at once, at the most
EACH = 128  # bytes of W that a thread holds, as wide as the state


def _plan(D: int, itemsize: int) -> tuple[int, int, int]:
    """Rows and columns of the tile of W, and warps: a step is one latency for each tile."""
    side = 1 << (D - 1).bit_length()
    columns, warps = min(side, WIDEST), 16 if D > 128 else 4
    return max(1, min(side, 32 * warps * EACH // itemsize // columns)), columns, warps


def _launch(kernel, batch: int, tensors: list[Tensor]) -> None:
    _, L, D = tensors[0].shape
    with torch.cuda.device_of(tensors[0]):
        rows, columns, warps = _plan(D, tensors[-1].element_size())
        kernel[(batch,)](*tensors, L, D, rows, columns, num_warps=warps)


@torch.library.custom_op("marslab::gated_recurrence_triton", mutates_args=())
def forward(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """(z, W, gamma, h0) -> (h, state)."""
    if z.numel() == 0:
        return z.clone(), h0.clone()
    B, L, D = z.shape
    h, states = fresh(z), h0.new_empty((B, 2, D))
    states[:, 0] = h0
    inputs = [x.contiguous() for x in (z, W, gamma)]
    _launch(gpu_sequential.forward, B, [*inputs, h, states])
    return h.to(z.dtype), states[:, L % 2].clone()


@forward.register_fake
def _(z, W, gamma, h0):
    return z.new_empty(z.shape), h0.new_empty(h0.shape)


def _backwards(
    gamma: Tensor, r: Tensor, W: Tensor, dh: Tensor, dstate: Tensor
) -> tuple[Tensor, Tensor]:
    g, dh0, scratch = torch.empty_like(dh), dstate.clone(), torch.empty_like(dstate)
    _launch(gpu_sequential.transposed, len(g), [gamma, r, W.T.contiguous(), dh, g, dh0, scratch])
    return g, dh0


@torch.library.custom_op("marslab::gated_recurrence_gradient_triton", mutates_args=())
def backward(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, h: Tensor, state: Tensor,
    dh: Tensor, dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """-> (dz, dW, dgamma, dh0)."""
    return gradient.gradients(z, W, gamma, h0, h, dh, dstate, _backwards)


@backward.register_fake
def _(z, W, gamma, h0, h, state, dh, dstate):
    return tuple(x.new_empty(x.shape) for x in (z, W, gamma, h0))


KEY = "gated_recurrence triton"
joining.KERNELS[KEY] = joining.Kernels(forward, backward)


def gated_recurrence(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """Return every h [B, L, D] in the dtype of `z`, and the last state [B, D] in that of `h0`."""
    return joining.join(KEY, (z, W, gamma, h0))
