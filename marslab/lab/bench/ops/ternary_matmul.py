"""`ternary_matmul`: beside the product with the weights as floats, which moves them all."""

from functools import partial

import torch
from torch import Tensor

from marslab.kernels.ternary_matmul import pack_ternary, ternary_matmul, unpack_ternary, work
from marslab.lab.bench.cases import BOTH, FORWARD, Case, Goal, Size, beside
from marslab.lab.bench.forms import Form, Tensors
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import ours, yardstick

FLOAT, HALF = "float32 product", "bfloat16 product"
GOALS: dict[str, tuple[Goal, ...]] = {FORWARD: (*beside(FLOAT, 3.0), *beside(HALF, 1.0))}
OWN = ("MK", "NJ", "N")
MOST = 2**22  # weights that the plain loop is given


def _repacked(x: Tensor, packed: Tensor, scale: Tensor) -> Tensors:
    weights = unpack_ternary(packed, x.shape[1])
    return x, pack_ternary(weights, "5trit"), scale


def _packed_again(x: Tensor, packed: Tensor, scale: Tensor) -> Tensors:
    weights = unpack_ternary(packed, x.shape[1], "5trit")
    return x, pack_ternary(weights), scale


def _dense(dtype: torch.dtype, x: Tensor, packed: Tensor, scale: Tensor) -> Tensors:
    weights = unpack_ternary(packed, x.shape[1]) * scale[:, None]
    return x.to(dtype), weights.to(dtype)


def _product(x: Tensor, weights: Tensor) -> Tensor:
    return x @ weights.T


def _bytes_of_dense(itemsize: int, case: Case) -> int:
    M, N, K = case.sizes.values()
    return itemsize * (M * K + N * K + M * N)


def _bytes_of_5trit(case: Case) -> int:
    M, N, K = case.sizes.values()
    itemsize = getattr(torch, case.dtype).itemsize
    return work.cost((M, N, K), itemsize, case.direction == BOTH, packing="5trit").bytes


def _column_by_column(case: Case) -> str:
    fits = case.sizes["N"] * case.sizes["K"] <= MOST
    return "" if fits else "goes through the weights column by column: slow at this size"


OP = Op(
    name="ternary_matmul",
    letters=work.LETTERS,
    operands=OWN,
    result="MN",
    draw=drawn(work.draw, ("x", "packed", "scale")),
    cost=work.cost,
    truth=partial(ternary_matmul, backend="torch"),
    sizes={
        "cpu": (Size((1, 8192, 8192), goals=GOALS), Size((64, 2048, 2048))),
        "cuda": (Size((1, 8192, 8192), "bfloat16"), Size((4096, 8192, 8192), "bfloat16")),
        "quick": (Size((1, 256, 256)), Size((8, 256, 256), "bfloat16")),
    },
    few={"N": 64},
    variants=(
        *ours(ternary_matmul, "numba", "triton", "torch"),
        *ours(ternary_matmul, "naive", unfit=_column_by_column),
        *ours(
            ternary_matmul,
            "numba",
            "triton",
            extra="5trit",
            options={"packing": "5trit"},
            form=Form(_repacked, _packed_again, OWN, "MN"),
            bytes=_bytes_of_5trit,
            note="five weights to a byte",
        ),
        yardstick(
            FLOAT,
            _product,
            form=Form(partial(_dense, torch.float32)),
            bytes=partial(_bytes_of_dense, 4),
            note="torch, the weights as float32",
        ),
        yardstick(
            HALF,
            _product,
            form=Form(partial(_dense, torch.bfloat16)),
            bytes=partial(_bytes_of_dense, 2),
            note="torch, x and the weights as bfloat16",
        ),
    ),
    inputs="x normal, weights -1, 0 and 1 equally often, a scale for each output",
)
