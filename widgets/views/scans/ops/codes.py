"""`hamming_topk`: which codes of a codebook a noisy query is nearest to."""

from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
import torch
from torch import Tensor

from marslab.kernels import TopK, hamming_topk, pack_bits
from marslab.kernels.hamming_topk import BACKENDS, work
from marslab.widgets import figures
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import ScanSetup


class Found(NamedTuple):
    """For the first query: bits between it and every code, and the nearest codes."""

    distances: list[int]
    nearest: list[int]


def _sizes(setup: ScanSetup) -> tuple[int, int, int, int]:
    return setup.B, setup.items, setup.dim, setup.k


def hamming_topk_operands(setup: ScanSetup) -> Given:
    """Make random codes; query i is code i with some of its bits flipped.

    >>> hamming_topk_operands(ScanSetup(op="hamming_topk")).operands.query.shape
    torch.Size([1, 128])
    """
    draw = torch.Generator().manual_seed(setup.seed)
    codes = torch.rand(setup.items, setup.dim, generator=draw) < 0.5
    wanted = torch.arange(setup.B) % setup.items
    flips = torch.rand(setup.B, setup.dim, generator=draw) < setup.flips / 100
    query, codebook = pack_bits(codes[wanted] ^ flips), pack_bits(codes)
    return Given(work.Operands(query.to(setup.device), codebook.to(setup.device), setup.k))


def _found(_setup: ScanSetup, given: Given, _distance: Tensor) -> Found:
    query, codebook, k = given.operands
    told: TopK = hamming_topk(query[:1], codebook, len(codebook))
    distances = torch.empty(len(codebook), dtype=torch.int64)
    distances[told.index[0].cpu()] = told.distance[0].long().cpu()
    return Found(distances.tolist(), told.index[0, :k].tolist())


def _draw(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    found: Found = result.more
    bits, flipped = result.setup.dim, result.setup.flips / 100
    return figures.hamming_distances(found.distances, found.nearest, bits, flipped=flipped, **look)


def _table(result: ScanResult) -> pd.DataFrame:
    found: Found = result.more
    near = set(found.nearest)
    codes = range(len(found.distances))
    among = [code in near for code in codes]
    return pd.DataFrame({"code": codes, "distance_bits": found.distances, "among_nearest": among})


def _facts(result: ScanResult) -> list[tuple[str, str, str]]:
    nearest = result.more.nearest[0]
    told = f"code {nearest}" if nearest == 0 else f"code {nearest}: wrong"
    return [("Nearest to code 0", told, "the query is code 0 with some of its bits flipped")]


OPERATIONS = (
    ScanOp(
        name="hamming_topk",
        function=hamming_topk,
        formula="the k codes with the fewest bits in which q XOR c is 1",
        backends=BACKENDS,
        letters=work.LETTERS,
        sizes=_sizes,
        volume="ND",
        loop="Q",
        cost=lambda setup: work.cost(_sizes(setup)),
        controls={
            "dim": "D, bits of a code",
            "flips": "Bits flipped in the query (%)",
            "items": "N, codes",
            "B": "Q, queries",
            "k": "k, nearest",
        },
        typed=False,
        operands=hamming_topk_operands,
        main=lambda found: found.distance,
        result="nearest",
        more=_found,
        facts=_facts,
        pictures={"distances": Picture("Distances", _draw, _table)},
    ),
)
