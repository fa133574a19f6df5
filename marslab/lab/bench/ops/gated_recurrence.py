"""`gated_recurrence`: step by step and by sweeps, beside a GRU, which no scan computes either."""

from functools import partial

import torch
from torch import Tensor

from marslab.kernels import gated_recurrence
from marslab.kernels.gated_recurrence import work
from marslab.lab.bench.cases import FORWARD, Size, on_h200
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import Function, ours, yardstick

OWN = ("BLD", "DD", "BLD")


def _gru() -> Function:
    made: dict[tuple, torch.nn.GRU] = {}

    def run(z: Tensor, W: Tensor, gamma: Tensor) -> Tensor:
        about = (z.shape[2], z.dtype, z.device)
        if about not in made:
            with torch.random.fork_rng([z.device] if z.is_cuda else []):
                gru = torch.nn.GRU(z.shape[2], z.shape[2], batch_first=True)
            made[about] = gru.to(z.device, z.dtype)
        with torch.no_grad():
            return made[about](z)[0]

    return run


OP = Op(
    name="gated_recurrence",
    letters=work.LETTERS,
    operands=OWN,
    result="BLD",
    draw=drawn(work.draw, ("z", "W", "gamma"), norm=1.0, decay=(0.9, 0.99)),
    cost=work.cost,
    truth=partial(gated_recurrence, backend="torch"),
    sizes={
        "cpu": (Size((4, 512, 64)), Size((4, 512, 256))),
        "cuda": (
            Size(
                (32, 1024, 768),
                "bfloat16",
                {FORWARD: on_h200(("triton", 9.0), ("triton newton", 6.0))},
            ),
            Size((8, 4096, 1024), "bfloat16", {FORWARD: on_h200(("triton newton", 15.0))}),
        ),
        "quick": (Size((2, 64, 16)), Size((2, 64, 16), "bfloat16")),
    },
    few={"B": 1},
    variants=(
        *ours(gated_recurrence, "numba", "triton", "torch", "naive"),
        *ours(gated_recurrence, "triton", "torch", extra="newton", options={"method": "newton"}),
        yardstick("torch GRU", _gru(), note="another recurrence of that width; on CUDA by cuDNN"),
    ),
    inputs="z normal, W of spectral norm 1, gamma uniform in (0.9, 0.99); no h0",
)
