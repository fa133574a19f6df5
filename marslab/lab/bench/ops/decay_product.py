"""`decay_product`: beside torch.cumprod, the same product."""

from functools import partial

import torch

from marslab.kernels import decay_product
from marslab.kernels.decay_product import work
from marslab.lab.bench.cases import Size
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import ours, peer

DECAYS = (0.999, 1.0)  # something is left after thousands of steps

OP = Op(
    name="decay_product",
    letters=work.LETTERS,
    operands=("BLD",),
    result="BLD",
    draw=drawn(work.draw, ("gamma",), decay=DECAYS),
    cost=work.cost,
    truth=partial(decay_product, backend="torch"),
    sizes={
        "cpu": (Size((4, 4096, 1024)),),
        "cuda": (Size((8, 4096, 2048)), Size((8, 4096, 2048), "bfloat16")),
        "quick": (Size((2, 256, 16)), Size((2, 256, 16), "bfloat16")),
    },
    few={"B": 1, "D": 16},
    variants=(
        *ours(decay_product, "torch", "naive"),
        peer("torch.cumprod", "torch", "cpu cuda", lambda: partial(torch.cumprod, dim=1)),
    ),
    inputs=f"gamma uniform in {DECAYS}",
)
