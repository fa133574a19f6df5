"""`wkv7`: beside the kernels that flash-linear-attention has for the same recurrence."""

from functools import partial

from marslab.kernels.wkv7 import wkv7, work
from marslab.lab.bench.cases import BOTH, FORWARD, Case, Size, beside, on_h200
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import Function, attribute, forward_only, ours, peer

KEYS, VALUES = "BLHK", "BLHV"
OWN = (KEYS, KEYS, KEYS, VALUES, KEYS, KEYS)
NAIVE_GOAL = {way: beside("naive", 20.0, of="numba") for way in (FORWARD, BOTH)}
MOST_STATES = 2**28  # numbers that the plain loop may keep for its gradient


def _fla(name: str) -> Function:
    run = attribute("fla.ops.rwkv7", name)
    return lambda r, w, k, v, a, b: run(r, w, k, v, a, b, scale=1.0)[0]


def _keeps_too_much(case: Case) -> str:
    B, L, H, K, V = case.sizes.values()
    fits = case.direction == FORWARD or B * L * H * K * V <= MOST_STATES
    return "" if fits else "its gradient keeps the states of all steps: too many at this size"


_FLA = {"install": "fla-core==0.6.0 einops"}

OP = Op(
    name="wkv7",
    letters=work.LETTERS,
    operands=OWN,
    result=VALUES,
    draw=drawn(work.draw, ("r", "w", "k", "v", "a", "b"), edges=0.0),
    cost=work.cost,
    truth=partial(wkv7, backend="torch"),
    sizes={
        "cpu": (
            Size((1, 2048, 2, 16, 16), goals=NAIVE_GOAL),
            Size((4, 2048, 12, 64, 64), goals={FORWARD: beside("naive", 5.0, of="numba")}),
        ),
        "cuda": (
            Size((8, 4096, 32, 64, 64), "bfloat16", {FORWARD: on_h200(2.0), BOTH: on_h200(6.5)}),
            Size((1, 32768, 32, 64, 64), "bfloat16", {FORWARD: on_h200(4.0), BOTH: on_h200(12.0)}),
        ),
        "quick": (Size((1, 128, 2, 8, 8)), Size((1, 128, 2, 8, 8), "bfloat16")),
    },
    few={"B": 1},
    variants=(
        *ours(wkv7, "numba", "triton", "torch"),
        *ours(wkv7, "naive", unfit=_keeps_too_much),
        peer("fla chunk_rwkv7", "fla-core", "cuda", lambda: _fla("chunk_rwkv7"), **_FLA),
        peer(
            "fla fused_recurrent_rwkv7",
            "fla-core",
            "cuda",
            lambda: _fla("fused_recurrent_rwkv7"),
            unfit=forward_only,
            **_FLA,
        ),
    ),
    inputs="as RWKV-7 makes them: a = -kappa of norm 1, b = eta kappa, decays above 0.545; no s0",
)
