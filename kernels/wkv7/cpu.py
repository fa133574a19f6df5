"""numba: custom ops around the kernels of cpu_forward.py and cpu_backward.py."""

import numba
import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.launching import arrays, fresh
from marslab.kernels.threads import entry
from marslab.kernels.wkv7 import cpu_backward, cpu_forward
from marslab.kernels.wkv7.cpu_forward import CHUNK

WIDEST = 64  # value rows of one task at the most
NARROWEST = 16  # below this the loop over rows no longer fills the vector registers


def _shares(v: Tensor) -> int:
    """Into how many blocks of rows a head is cut so that every thread has a task."""
    return -(-numba.get_num_threads() // max(v.shape[0] * v.shape[2], 1))


def _decay(w: Tensor, s0: Tensor) -> Tensor:
    """exp(w), what a step leaves of the state, in the dtype of s0."""
    return torch.exp(w.detach().to(s0.dtype), out=fresh(s0, *w.shape))


def kept_shapes(r: Tensor, v: Tensor, keep: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of what the backward needs: states [B, H, chunks, K, V] and S a [B, L, H, V]."""
    B, L, H, V = v.shape
    return (B, H, -(-L // CHUNK) * keep, r.shape[3], V), (B, L * keep, H, V)


@torch.library.custom_op("marslab::wkv7_numba", mutates_args=())
def forward(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(r, w, k, v, a, b, s0, keep) -> (y, state, state before each chunk, every S a).

    The last two are for the backward alone; without `keep` they are empty.
    """
    V = v.shape[3]
    shapes = v.shape, s0.shape, *kept_shapes(r, v, keep)
    y, state, starts, probes = (fresh(s0, *shape) for shape in shapes)
    inputs = arrays(s0.dtype, r, _decay(w, s0), k, v, a, b, s0)
    rows = min(WIDEST, max(NARROWEST, -(-V // _shares(v))))
    with entry(r.numel() * V):
        arguments = [*inputs, rows, *(x.numpy() for x in (y, state, starts, probes))]
        cpu_forward.forward(*arguments)
    return y.to(v.dtype), state, starts, probes


@forward.register_fake
def _(r, w, k, v, a, b, s0, keep):
    starts, probes = (s0.new_empty(shape) for shape in kept_shapes(r, v, keep))
    return v.new_empty(v.shape), s0.new_empty(s0.shape), starts, probes


@torch.library.custom_op("marslab::wkv7_gradient_numba", mutates_args=())
def backward(
    r: Tensor,
    w: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor,
    b: Tensor,
    s0: Tensor,
    y: Tensor,
    state: Tensor,
    starts: Tensor,
    probes: Tensor,
    dy: Tensor,
    dstate: Tensor,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """(operands, results and what was kept, dy, dstate, keep) -> a gradient for each operand."""
    V, decay = v.shape[3], _decay(w, s0)
    inputs = arrays(s0.dtype, r, decay, k, v, a, b, starts, probes, dy, dstate)
    quads = -(-V // cpu_backward.QUAD)
    rows = max(-(-quads // _shares(v)), 1) * cpu_backward.QUAD
    blocks = -(-V // rows)
    sums = [fresh(s0, blocks, *r.shape).zero_() for _ in range(5)]
    dv, ds0 = fresh(s0, *v.shape), fresh(s0)
    with entry(r.numel() * V):
        to_sums = tuple(x.numpy() for x in sums)
        arguments = [*inputs, rows, to_sums, dv.numpy(), ds0.numpy()]
        cpu_backward.backward(*arguments)
    dr, ddecay, dk, da, db = (x.sum(0) if blocks > 1 else x[0] for x in sums)
    gradients = (dr, ddecay.mul_(decay), dk, dv, da, db, ds0)
    operands = (r, w, k, v, a, b, s0)
    return tuple(g.to(x.dtype) for g, x in zip(gradients, operands, strict=True))  # pyright: ignore[reportReturnType]


@backward.register_fake
def _(r, w, k, v, a, b, s0, *rest):
    return tuple(x.new_empty(x.shape) for x in (r, w, k, v, a, b, s0))


joining.KERNELS["wkv7 numba"] = joining.Kernels(forward, backward)


def wkv7(
    r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, s0: Tensor
) -> tuple[Tensor, Tensor]:
    """Return every y [B, L, H, V] in the dtype of `v`, and the last state [B, H, V, K]."""
    operands = (r, w, k, v, a, b, s0)
    return joining.join("wkv7 numba", operands, joining.wanted(*operands))
