"""Joins a forward and a backward kernel to autograd, torch.func, compile and export.

With g the gradient that reaches h, backwards in time (conjugates matter for complex inputs only):

    g[t] = dh[t] + conj(a[t+1]) g[t+1]      db = g,   da[t] = g[t] conj(h[t-1])

The gradient of that is a forward scan again, so derivatives of any order are available.
Source: Martin & Cundy 2018, "Parallelizing linear recurrent neural nets", 2.2.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Kernels(NamedTuple):
    """The two custom ops of a backend; `reverse` is an argument of both.

    forward: (a, b, h0, reverse) -> (h, state)
    backward: (a, h, h0, dh, dstate, reverse) -> (da, db, dh0)
    h0 is [B, D]; those of Triton also take [B, 0] for zeros, and give a dh0 [B, 0] then
    """

    forward: Callable
    backward: Callable


KERNELS: dict[str, Kernels] = {}  # filled by cpu.py and gpu.py


def scan(backend: str, a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    """Run the kernels of `backend`, differentiable."""
    b = b.view_as(b) if a is b else b  # torch.compile takes no tensor twice
    return Scan.apply(a, b, h0, reverse, backend)  # pyright: ignore[reportReturnType]


def start_of(h: Tensor, h0: Tensor) -> Tensor:
    """h0 [B, D] beside h [B, L, D]; zeros where it has no channels, which stands for them."""
    return h0 if h0.shape[1] else h0.new_zeros((h.shape[0], h.shape[2]))


def before(h: Tensor, h0: Tensor, reverse: bool) -> Tensor:
    """The state that each step started from: h shifted by one step, h0 at its start."""
    start = start_of(h, h0).to(h.dtype)[:, None]
    return torch.cat([h[:, 1:], start], 1) if reverse else torch.cat([start, h[:, :-1]], 1)


def _batched(info, in_dims, tensors):
    """Move the vmapped axis of each tensor to the front and fold it into the batch."""
    moved = [
        x.expand(info.batch_size, *x.shape) if d is None else x.movedim(d, 0)
        for x, d in zip(tensors, in_dims, strict=True)
    ]
    return [x.flatten(0, 1) for x in moved], moved[0].shape[:2]


class Scan(torch.autograd.Function):
    """(a, b, h0, reverse, backend) -> (h, state)."""

    @staticmethod
    def forward(a, b, h0, reverse, backend):
        return KERNELS[backend].forward(a, b, h0, reverse)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, _, h0, ctx.reverse, ctx.backend = inputs
        ctx.save_for_backward(a, h0, output[0])

    @staticmethod
    def backward(ctx, *grads):
        a, h0, h = ctx.saved_tensors
        da, db, dh0 = ScanGradient.apply(a, h, h0, *grads, ctx.reverse, ctx.backend)  # pyright: ignore[reportGeneralTypeIssues]
        return da, db, dh0, None, None

    @staticmethod
    def vmap(info, in_dims, *args):
        tensors, outer = _batched(info, in_dims[:3], args[:3])
        out = Scan.apply(*tensors, *args[3:])
        return tuple(x.unflatten(0, outer) for x in out), (0, 0)  # pyright: ignore[reportOptionalIterable]


class ScanGradient(torch.autograd.Function):
    """(a, h, h0, dh, dstate, reverse, backend) -> (da, db, dh0)."""

    @staticmethod
    def forward(a, h, h0, dh, dstate, reverse, backend):
        return KERNELS[backend].backward(a, h, h0, dh, dstate, reverse)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, h, h0, _, _, ctx.reverse, ctx.backend = inputs
        ctx.save_for_backward(a, h, h0, output[1])

    @staticmethod
    def backward(ctx, *grads):
        # v runs with time: v[t] = u[t] + a[t] v[t-1], u what reaches g[t], v[-1] what reaches dh0.
        a, h, h0, g = ctx.saved_tensors
        u_da, u_db, u_dh0 = grads
        h_before = before(h, h0, ctx.reverse)
        u = u_db + (u_da * h_before).to(u_db.dtype)
        v, v_state = Scan.apply(a, u, u_dh0, ctx.reverse, ctx.backend)  # pyright: ignore[reportGeneralTypeIssues]
        to_a = (g * before(v, u_dh0, ctx.reverse).conj()).to(a.dtype)
        to_before = g * u_da.conj()
        edge = -1 if ctx.reverse else 0
        to_h0 = torch.zeros_like(h0)
        if h.shape[1]:
            to_h0 = to_before[:, edge, : h0.shape[1]].to(h0.dtype)
        none = h0.new_empty((h0.shape[0], 0))
        to_h = before(to_before, none, not ctx.reverse).to(h.dtype)
        return to_a, to_h, to_h0, v, v_state, None, None

    @staticmethod
    def vmap(info, in_dims, *args):
        tensors, outer = _batched(info, in_dims[:5], args[:5])
        out = ScanGradient.apply(*tensors, *args[5:])
        return tuple(x.unflatten(0, outer) for x in out), (0, 0, 0)  # pyright: ignore[reportOptionalIterable]
