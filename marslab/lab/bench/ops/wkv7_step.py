"""`wkv7`, one step of decoding: the state comes in and goes out."""

from functools import partial

from torch import Tensor

from marslab.kernels.wkv7 import wkv7, work
from marslab.lab.bench.cases import FORWARD, Size
from marslab.lab.bench.forms import laid
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.ops.wkv7 import OWN, VALUES
from marslab.lab.bench.variants import Function, attribute, forward_only, ours, peer

STATES = "BHVK"


def step(*operands: Tensor, backend: str) -> Tensor:
    """y of the operands of wkv7, s0 the last; the state after it is computed and let go."""
    return wkv7(*operands, return_state=True, backend=backend)[0]


def _fla() -> Function:
    run = attribute("fla.ops.rwkv7", "fused_recurrent_rwkv7")
    return lambda *operands: run(
        *operands[:-1], scale=1.0, initial_state=operands[-1], output_final_state=True
    )[0]


OP = Op(
    name="wkv7_step",
    letters=work.LETTERS,
    operands=(*OWN, STATES),
    result=VALUES,
    draw=drawn(work.draw, ("r", "w", "k", "v", "a", "b", "s0"), edges=0.0),
    cost=work.cost,
    truth=partial(step, backend="torch"),
    sizes={
        "cpu": (Size((1, 1, 12, 64, 64), directions=(FORWARD,)),),
        "cuda": tuple(
            Size((B, 1, 32, 64, 64), "bfloat16", directions=(FORWARD,)) for B in (1, 8, 64)
        ),
        "quick": (Size((1, 1, 2, 8, 8), directions=(FORWARD,)),),
    },
    few={"B": 1},
    variants=(
        *ours(step, "numba", "triton", "torch", "naive"),
        peer(
            "fla fused_recurrent_rwkv7",
            "fla-core",
            "cuda",
            _fla,
            install="fla-core==0.6.0 einops",
            form=laid((*OWN, STATES), (*OWN, "BHKV"), VALUES),
            unfit=forward_only,
        ),
    ),
    inputs="as RWKV-7's: a = -kappa of norm 1, b = eta kappa, decays above 0.545, s0 normal",
)
