"""`chunk_reduce` by decay, beside the plain mean of each chunk."""

import torch
from torch import Tensor

from marslab.kernels import chunk_reduce
from marslab.kernels.chunk_reduce import work
from marslab.lab.bench.cases import Case, Size
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import ours, yardstick


def by_decay(x: Tensor, gamma: Tensor, chunk: int, backend: str = "torch") -> Tensor:
    """Our function with its operands first."""
    return chunk_reduce(x, chunk, op="decay", gamma=gamma, backend=backend)


def _mean(x: Tensor, gamma: Tensor, chunk: int) -> Tensor:
    return x.unflatten(1, (-1, chunk)).mean(2)


def _bytes_of_mean(case: Case) -> int:
    B, L, D, C = case.sizes.values()
    return B * D * (L + L // C) * getattr(torch, case.dtype).itemsize


def _chunk(case: Case) -> dict[str, int]:
    return {"chunk": case.sizes["C"]}


def _chunks(case: Case) -> tuple[int, int, int]:
    B, L, D, C = case.sizes.values()
    return B, L // C, D


OP = Op(
    name="chunk_reduce",
    letters=work.LETTERS,
    operands=("BLD", "BLD"),
    result="BMD",
    draw=drawn(work.draw, ("x", "gamma")),
    cost=work.cost,
    truth=by_decay,
    sizes={
        "cpu": (Size((4, 4096, 1024, 64)),),
        "cuda": (Size((8, 4096, 2048, 64)), Size((8, 4096, 2048, 64), "bfloat16")),
        "quick": (Size((2, 256, 16, 16)), Size((2, 256, 16, 16), "bfloat16")),
    },
    few={"B": 1, "D": 16},
    variants=(
        *ours(by_decay, "torch", "naive"),
        yardstick(
            "torch mean", _mean, bytes=_bytes_of_mean, note="of each chunk: reads x, no decays"
        ),
    ),
    inputs="x normal, gamma uniform in (0.9, 1)",
    options=_chunk,
    shape=_chunks,
)
