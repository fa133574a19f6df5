"""`ssd`, one step of decoding: the state comes in and goes out."""

from functools import partial

import torch
from torch import Tensor

from marslab.kernels.ssd import ssd, work
from marslab.lab.bench.cases import FORWARD, Size
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.ops.mamba import mamba
from marslab.lab.bench.ops.ssd import OWN
from marslab.lab.bench.variants import Function, forward_only, ours, peer


def step(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, h0: Tensor, *, backend: str
) -> Tensor:
    """y; the state after it is computed and let go."""
    return ssd(x, dt, A, B, C, h0=h0, return_state=True, backend=backend)[0]


def _mamba() -> Function:
    """It writes the state in place: on a copy, which is made when a row begins.

    It wants a bias of dt and a D: here they are zeros.
    """
    update = mamba("ops.triton.selective_state_update", "selective_state_update")
    held: dict[str, Tensor] = {}

    def run(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, h0: Tensor) -> Tensor:
        H, P, N = h0.shape[1:]
        if held.get("of") is not h0:
            held.update(of=h0, state=h0.clone(), none=torch.zeros_like(A)[:, None].expand(H, P))
        each = dt[:, 0, :, None].expand(-1, -1, P)
        A = A[:, None, None].expand(-1, P, N)
        none = held["none"]
        y = update(held["state"], x[:, 0], each, A, B[:, 0], C[:, 0], D=none, dt_bias=none)
        return y[:, None]

    return run


OP = Op(
    name="ssd_step",
    letters=work.LETTERS,
    operands=(*OWN, "BHPN"),
    result="BLHP",
    draw=drawn(work.draw, ("x", "dt", "A", "B", "C", "h0"), float32=("A",)),
    cost=work.cost,
    truth=partial(step, backend="torch"),
    sizes={
        "cpu": (Size((1, 1, 8, 64, 1, 64), directions=(FORWARD,)),),
        "cuda": tuple(
            Size((B, 1, 32, 64, 1, 128), "bfloat16", directions=(FORWARD,)) for B in (1, 8, 64)
        ),
        "quick": (Size((1, 1, 2, 16, 1, 8), directions=(FORWARD,)),),
    },
    few={"B": 1},
    variants=(
        *ours(step, "numba", "triton", "torch", "naive"),
        peer(
            "mamba selective_state_update",
            "mamba-ssm",
            "cuda",
            _mamba,
            install="mamba-ssm==2.3.2.post1",
            unfit=forward_only,
            note="Triton; the state is written in place",
        ),
    ),
    inputs="dt in (1e-3, 1e-1), A in (-16, -1e-4) and float32, the others normal; no D",
)
