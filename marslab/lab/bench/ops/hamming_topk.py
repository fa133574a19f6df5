"""`hamming_topk`: beside the product of float vectors that it takes the place of."""

import torch.nn.functional as F
from torch import Tensor

from marslab.kernels import hamming_topk, unpack_bits
from marslab.kernels.hamming_topk import work
from marslab.lab.bench.cases import FORWARD, Case, Goal, Size, beside
from marslab.lab.bench.forms import Form, Tensors
from marslab.lab.bench.ops import Op, drawn
from marslab.lab.bench.variants import ours, yardstick

COSINE = "float product"
GOAL = {FORWARD: beside(COSINE, 5.0)}


def distances(query: Tensor, codebook: Tensor, k: int, backend: str = "naive") -> Tensor:
    """The distances alone: of codes at the same distance any may stand first elsewhere."""
    return hamming_topk(query, codebook, k, backend=backend).distance


def _bipolar(query: Tensor, codebook: Tensor) -> Tensors:
    signs = (1.0 - 2.0 * unpack_bits(x, 8 * x.shape[1]).float() for x in (query, codebook))
    return tuple(F.normalize(x, dim=1) for x in signs)


def _cosine(query: Tensor, codebook: Tensor, k: int) -> Tensor:
    return query @ codebook.T


def _bytes_of_cosine(case: Case) -> int:
    Q, N, D, _ = case.sizes.values()
    return 4 * ((Q + N) * D + Q * N)


def _size(*numbers: int, goals: dict[str, tuple[Goal, ...]] | None = None) -> Size:
    return Size(numbers, "uint8", goals or {}, directions=(FORWARD,))


def _wanted(case: Case) -> dict[str, int]:
    return {"k": case.sizes["K"]}


OP = Op(
    name="hamming_topk",
    letters=work.LETTERS,
    operands=("QD", "ND"),
    result="QK",
    draw=drawn(work.draw, ("query", "codebook")),
    cost=work.cost,
    truth=distances,
    sizes={
        "cpu": (_size(64, 4096, 10000, 5, goals=GOAL), _size(1, 4096, 10000, 5)),
        "cuda": (_size(64, 4096, 10000, 5), _size(1024, 65536, 10000, 5)),
        "quick": (_size(4, 64, 1000, 3),),
    },
    few={"Q": 4},
    variants=(
        *ours(distances, "numba", "torch", "naive"),
        yardstick(
            COSINE,
            _cosine,
            form=Form(_bipolar),
            bytes=_bytes_of_cosine,
            note="cosines of all pairs, of vectors of +1 and -1 in float32; none is sought yet",
        ),
    ),
    inputs="random codes, and queries that are codes with a quarter of the bits flipped",
    options=_wanted,
)
