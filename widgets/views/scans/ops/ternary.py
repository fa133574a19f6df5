"""`ternary_matmul`: weights rounded to three levels, packed into bytes, and multiplied by."""

from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
import torch
from torch import Tensor

from marslab.kernels.ternary_matmul import (
    BACKENDS,
    pack_ternary,
    ternary_matmul,
    unpack_ternary,
    work,
)
from marslab.kernels.testing import error
from marslab.widgets import figures
from marslab.widgets.figures.sequence import plain
from marslab.widgets.views.scans import signals
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import ScanSetup

STORED = {"float32": 32.0, "bfloat16": 16.0}  # bits of a weight, beside what packing takes
PACKED = {"2bit": "4 in a byte", "5trit": "5 in a byte"}


class Rounded(NamedTuple):
    """The rounded weights [N, K], and the product [M, N] with the weights before that."""

    weights: Tensor
    exact: Tensor


def _sizes(setup: ScanSetup) -> tuple[int, int, int]:
    return setup.B, setup.rows, setup.columns


def _drawn(setup: ScanSetup) -> tuple[Tensor, Tensor]:
    """Inputs x [M, K] and weights W [N, K], both normal, float64."""
    draw = torch.Generator().manual_seed(setup.seed)
    M, N, K = _sizes(setup)
    wide = {"generator": draw, "dtype": torch.float64}
    return torch.randn(M, K, **wide), torch.randn(N, K, **wide) / K**0.5


def ternary_matmul_operands(setup: ScanSetup) -> Given:
    """Round W to scale times -1, 0 or 1, the scale being the mean of |W|, and pack it.

    >>> ternary_matmul_operands(ScanSetup(op="ternary_matmul")).operands.packed.shape
    torch.Size([64, 64])
    """
    x, W = _drawn(setup)
    scale = W.abs().mean()
    packed = pack_ternary((W / scale).round().clamp(-1, 1), setup.packing)
    wide = scale.to(**signals.wide_place(setup))
    return Given(work.Operands(x.to(**signals.place(setup)), packed.to(setup.device), wide))


def _rounded(setup: ScanSetup, given: Given, _y: Tensor) -> Rounded:
    x, W = _drawn(setup)
    weights = unpack_ternary(given.operands.packed.cpu(), setup.columns, setup.packing)
    return Rounded(weights.double(), x @ W.T)


def _bytes(setup: ScanSetup) -> dict[str, float]:
    """What the weights take up, in bytes."""
    _, N, K = _sizes(setup)
    stored = {name: N * K * bits / 8 for name, bits in STORED.items()}
    packed = {PACKED["2bit"]: N * -(-K // 4), PACKED["5trit"]: N * -(-K // 5)}
    return {**stored, **packed}


def _draw_levels(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    return figures.weight_levels(result.more.weights, **look)


def _levels_table(result: ScanResult) -> pd.DataFrame:
    table = pd.DataFrame(result.more.weights.numpy().astype(int))
    table.columns = [f"input {k}" for k in range(table.shape[1])]
    return table


def _draw_products(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    return figures.products(result.h, result.more.exact, **look)


def _products_table(result: ScanResult) -> pd.DataFrame:
    rounded, exact = (plain(y.reshape(-1, 1))[:, 0] for y in (result.h, result.more.exact))
    return pd.DataFrame({"ternary": rounded, "float": exact})


def _draw_storage(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    return figures.storage_bars(_bytes(result.setup), PACKED[result.setup.packing], **look)


def _storage_table(result: ScanResult) -> pd.DataFrame:
    sizes = _bytes(result.setup)
    return pd.DataFrame({"stored_as": list(sizes), "bytes": list(sizes.values())})


def _facts(result: ScanResult) -> list[tuple[str, str, str]]:
    off = error(result.h.cpu().double(), result.more.exact).l2
    meaning = "|ternary − float| / |float| over all outputs: these weights were never trained"
    return [("Cost of rounding", f"{off:.0%}", meaning)]


OPERATIONS = (
    ScanOp(
        name="ternary_matmul",
        function=ternary_matmul,
        formula="y = scale · x Wᵀ,  W ∈ {−1, 0, +1}",
        backends=BACKENDS,
        letters=work.LETTERS,
        sizes=_sizes,
        volume="MNK",
        loop="M",
        cost=lambda setup: work.cost(_sizes(setup), setup.itemsize, packing=setup.packing),
        controls={
            "B": "M, rows of x",
            "rows": "N, outputs",
            "columns": "K, inputs",
            "packing": "Packing",
        },
        operands=ternary_matmul_operands,
        options=lambda setup: {"packing": setup.packing},
        result="y",
        more=_rounded,
        facts=_facts,
        pictures={
            "levels": Picture("Weights", _draw_levels, _levels_table),
            "products": Picture("Products", _draw_products, _products_table),
            "storage": Picture("Storage", _draw_storage, _storage_table),
        },
    ),
)
