"""What a sweep of the iterated solve is made of, in torch around the `linear_scan` of a backend.

gpu_sweep.py has the same in one Triton kernel.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.kernels.gated_recurrence.product import operand_dtype, product
from marslab.kernels.gated_recurrence.torch_ops import drive, gap
from marslab.kernels.linear_scan import Scan, implementation

Moved = Callable[[], tuple[Tensor, Tensor]]


class Parts(NamedTuple):
    """A backend's share of newton.sweep. What `drive` returns, only its own `advance` looks at.

    states: (z, W, gamma, h0) -> (drive, a, start), which the states are swept with
    flows: (gamma, r, W, dh, dstate, z) -> (drive, a, start), which their gradient is swept with
    advance: (a, b, start, reverse, x) -> (x, state, moved): one sweep; `moved` waits for it and
        gives off and size, what torch_ops.gap says of the new x and the old
    residual: (a, b, start, reverse, x) -> (off, size) of x and what the recurrence makes of it
    """

    states: Callable[..., tuple[Callable[[Tensor], Any], Tensor, Tensor]]
    flows: Callable[..., tuple[Callable[[Tensor], Any], Tensor, Tensor]]
    advance: Callable[..., tuple[Tensor, Tensor, Moved]]
    residual: Callable[..., tuple[Tensor, Tensor]]


def parts(backend: str) -> Parts:
    """The parts that sweep with the `linear_scan` of a backend."""
    return Parts(states, flows, partial(_advance, implementation(backend)), residual)


def states(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor):
    """(drive, a, start) of h[t] = gamma[t] h[t-1] + z[t] sigmoid(W h[t-1])."""
    dtype = operand_dtype(z, h0.dtype)
    to_gate, wide = W.to(dtype).T, z.to(h0.dtype).contiguous()
    first = product(h0.to(dtype), to_gate)

    def of_states(h: Tensor) -> Tensor:
        return drive(product(h.to(dtype), to_gate), first, wide)

    return of_states, gamma.to(h0.dtype).contiguous(), h0.contiguous()


def flows(gamma: Tensor, r: Tensor, W: Tensor, dh: Tensor, dstate: Tensor, z: Tensor):
    """(drive, a, start) of g[t] = gamma[t+1] g[t+1] + dh[t] + W^T (r[t+1] g[t+1]), in reverse."""
    back = W.to(operand_dtype(z, dh.dtype))
    # The gradient of the last state enters after the last step, kept in full.
    a = torch.cat([gamma[:, 1:], torch.ones_like(gamma[:, :1])], 1)

    def of_flows(g: Tensor) -> Tensor:
        b = dh.clone()
        b[:, :-1] += product((r * g).to(back.dtype), back)[:, 1:]
        return b

    return of_flows, a, dstate


def _advance(scan: Scan, a: Tensor, b: Tensor, start: Tensor, reverse: bool, x: Tensor):
    new, state = scan(a, b, start, reverse)
    return new, state, partial(gap, new, x)


def residual(
    a: Tensor, b: Tensor, start: Tensor, reverse: bool, x: Tensor
) -> tuple[Tensor, Tensor]:
    """The gap between x and the recurrence put to it: [B] twice."""
    edge = start[:, None]
    before = torch.cat([x[:, 1:], edge] if reverse else [edge, x[:, :-1]], 1)
    return gap(x, torch.addcmul(b, a, before))
