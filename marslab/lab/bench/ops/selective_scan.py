"""`selective_scan`: Mamba's own kernel holds its input by Euler's rule, ours by either."""

from functools import partial

from torch import Tensor

from marslab.kernels.selective_scan import selective_scan, work
from marslab.lab.bench.cases import BOTH, FORWARD, Size, beside
from marslab.lab.bench.forms import Form, laid
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.ops.mamba import mamba
from marslab.lab.bench.variants import Function, ours, peer

OWN = ("BLD", "BLD", "DN", "BLN", "BLN")
exact = partial(selective_scan, backend="torch")
euler = partial(selective_scan, discretisation="euler", backend="torch")
EULER = Form(operands=OWN, result="BLD", truth=euler)
MAMBA = laid(OWN, ("BDL", "BDL", "DN", "BNL", "BNL"), "BDL", euler)
NAIVE_GOAL = {way: beside("naive", 20.0, of="numba") for way in (FORWARD, BOTH)}


def _mamba() -> Function:
    scan = mamba("ops.selective_scan_interface", "selective_scan_fn")

    def run(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        return scan(x, dt, A, B, C)

    return run


OP = Op(
    name="selective_scan",
    letters=work.LETTERS,
    operands=OWN,
    result="BLD",
    draw=drawn(work.draw, ("x", "dt", "A", "B", "C"), float32=("A",)),
    cost=work.cost,
    truth=exact,
    sizes={
        "cpu": (Size((1, 2048, 32, 16), goals=NAIVE_GOAL), Size((2, 2048, 256, 16))),
        "cuda": (Size((8, 4096, 2048, 16), "bfloat16"), Size((8, 4096, 2048, 16))),
        "quick": (Size((1, 256, 16, 8)), Size((1, 256, 16, 8), "bfloat16")),
    },
    few={"B": 1, "D": 32},
    variants=(
        *ours(selective_scan, "numba", "triton", "torch", "naive"),
        *ours(
            selective_scan,
            "numba",
            "triton",
            extra="euler",
            form=EULER,
            note="Euler's rule, as in Mamba",
            options={"discretisation": "euler"},
        ),
        peer(
            "mamba selective_scan_fn",
            "mamba-ssm",
            "cuda",
            _mamba,
            install="mamba-ssm==2.3.2.post1",
            form=MAMBA,
            note="Euler's rule; channels first [B, D, L]: the transposition is not timed",
        ),
    ),
    inputs="dt in (1e-3, 1e-1), A in (-16, -1e-4) and float32, the others normal; no D, no h0",
)
