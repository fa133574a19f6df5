"""Triton: a sweep of the iterated solve in one kernel; between two of them a product with W.

The bound is memory. A sweep reads p, z, gamma and the old guess and writes the new one, beside it
the operand of the next product. Any plan gives a right answer.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import interpreted
from marslab.kernels.gated_recurrence import gpu_sweep_lookback, gpu_sweep_steps, gpu_sweep_walk
from marslab.kernels.gated_recurrence.product import operand_dtype, product
from marslab.kernels.gated_recurrence.torch_sweep import Moved, Parts
from marslab.kernels.linear_scan.gpu import DOUBLE, SMALL, Walk
from marslab.kernels.linear_scan.gpu_launch import INT32_MAX, LookBack, look_back

PLANS = {  # whether products of decays are exact -> plan; fewer registers would spill
    False: LookBack(8, 8, 64, 2, 8, 80),
    True: LookBack(8, 8, 32, 2, 8, 96),
}
TILE = (16, 64)  # steps and channels of a program of the residual


class Inflow(NamedTuple):
    """What a sweep adds at each step, not yet put together: see gpu_sweep_steps.py.

    p, z: [B, L, D]; first: [B, D], before p, or None in reverse
    r: None, or in reverse what x is multiplied by for the next product
    operand: where a sweep leaves what the next product takes; None where that is x
    """

    p: Tensor
    z: Tensor
    first: Tensor | None
    r: Tensor | None
    operand: Tensor | None


def states(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor):
    """(drive, a, start) of h[t] = gamma[t] h[t-1] + z[t] sigmoid(W h[t-1])."""
    dtype = operand_dtype(z, h0.dtype)
    to_gate, z = W.to(dtype).T, z.contiguous()
    first = product(h0.to(dtype), to_gate)
    operand = None if dtype == h0.dtype else torch.zeros_like(z, dtype=dtype)

    def of_states(h: Tensor) -> Inflow:
        p = product(h if operand is None else operand, to_gate)
        return Inflow(p, z, first, None, operand)

    return of_states, gamma.contiguous(), h0.contiguous()


def flows(gamma: Tensor, r: Tensor, W: Tensor, dh: Tensor, dstate: Tensor, z: Tensor):
    """(drive, a, start) of g[t] = gamma[t+1] g[t+1] + dh[t] + W^T (r[t+1] g[t+1]), in reverse."""
    back = W.to(operand_dtype(z, dh.dtype))
    operand = torch.zeros_like(dh, dtype=back.dtype)

    def of_flows(g: Tensor) -> Inflow:
        return Inflow(product(operand, back), dh, None, r, operand)

    return of_flows, gamma, dstate


def _launch(kernel, programs: int, p: Tensor, *rest, **options: int) -> None:
    with torch.cuda.device_of(p):
        kernel[(programs,)](p, *rest, **options)


def _plan(dtype: torch.dtype, exact: bool) -> Walk | LookBack:
    if dtype == torch.float64:
        return DOUBLE
    return SMALL if interpreted() else PLANS[exact]


def advance(
    a: Tensor, b: Inflow, start: Tensor, reverse: bool, x: Tensor
) -> tuple[Tensor, Tensor, Moved]:
    """One sweep: the new x, its last state, and what waits for the gap between it and the old x."""
    B, L, D = x.shape
    new, state = torch.empty_like(x), torch.empty_like(start)
    operand = new if b.operand is None else b.operand
    exact = min(b.z.element_size(), operand.element_size()) > 2
    plan = _plan(x.dtype, exact)
    per_row, wide = -(-D // plan.W), L * D > INT32_MAX
    tiles = 1 if isinstance(plan, Walk) else plan.tiles(L)
    most = x.new_empty((B, tiles * per_row, 2))
    first, r = (start if v is None else v for v in (b.first, b.r))  # not looked at
    tensors = [b.p, first, b.z, a, start, r, x, new, operand, state, most]
    if isinstance(plan, Walk):
        about = [L, D, reverse, wide, plan.T, plan.W, plan.stages]
        _launch(gpu_sweep_walk.sweep, B * per_row, *tensors, *about, num_warps=plan.warps)
        return new, state, _largest(most)
    with torch.cuda.device_of(x):
        look_back(gpu_sweep_lookback.sweep, plan, tensors, x, reverse, wide, exact)
    return new, state, _largest(most)


def residual(
    a: Tensor, b: Inflow, start: Tensor, reverse: bool, x: Tensor
) -> tuple[Tensor, Tensor]:
    """The gap between x and the recurrence put to it: [B] twice."""
    B, L, D = x.shape
    T, W = TILE
    tiles = -(-L // T) * -(-D // W)
    most = x.new_empty((B, tiles, 2))
    first = start if b.first is None else b.first
    tensors, wide = [b.p, first, b.z, a, start, x, most], L * D > INT32_MAX
    _launch(gpu_sweep_steps.residual, B * tiles, *tensors, L, D, reverse, wide, T, W)
    return _largest(most)()


def _largest(most: Tensor) -> Moved:
    """Over the parts of each row, on the CPU; the copy is queued, and waited for when asked."""
    told, copied = most.amax(1).to("cpu", non_blocking=True), None
    if most.is_cuda:
        copied = torch.cuda.Event()
        copied.record(torch.cuda.current_stream(most.device))

    def moved() -> tuple[Tensor, Tensor]:
        if copied is not None:
            copied.synchronize()
        off, size = told.unbind(1)
        return off, size

    return moved


PARTS = Parts(states, flows, advance, residual)
