"""`circular_conv` and `circular_corr`: bind keys to values, add the pairs up, ask for one again."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels import circular_conv, circular_corr
from marslab.kernels.circular import BACKENDS, work
from marslab.widgets import figures
from marslab.widgets.views.scans import signals
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import ScanSetup


def _drawn(setup: ScanSetup) -> tuple[Tensor, Tensor]:
    """Random keys of variance 1/D and values of variance 1, [pairs, D] each."""
    draw = torch.Generator().manual_seed(setup.seed)
    shape = setup.pairs, setup.dim
    a, b = (torch.randn(shape, generator=draw, dtype=torch.float64) for _ in "ab")
    place = signals.place(setup)
    return (a / setup.dim**0.5).to(**place), b.to(**place)


def circular_conv_operands(setup: ScanSetup) -> Given:
    """Make keys a and values b, one row for each pair.

    >>> circular_conv_operands(ScanSetup(op="circular_conv", pairs=3)).operands.a.shape
    torch.Size([3, 1024])
    """
    return Given(work.Operands(*_drawn(setup)))


def circular_corr_operands(setup: ScanSetup) -> Given:
    """Make keys a, and as b the sum of all bound pairs, once for each key.

    >>> circular_corr_operands(ScanSetup(op="circular_corr", pairs=3)).operands.b.shape
    torch.Size([3, 1024])
    """
    keys, values = _drawn(setup)
    memory = circular_conv(keys, values).sum(0)
    return Given(work.Operands(keys, memory.expand(keys.shape).contiguous()))


def _recall_bound(setup: ScanSetup, given: Given, bound: Tensor) -> Tensor:
    return _resemblance(setup, circular_corr(given.operands.a, bound.sum(0)))


def _recall(setup: ScanSetup, _given: Given, recalled: Tensor) -> Tensor:
    return _resemblance(setup, recalled)


def _resemblance(setup: ScanSetup, recalled: Tensor) -> Tensor:
    """Cosines [pairs, pairs]: of what key i gives back with value j."""
    recalled, values = (F.normalize(x.double()) for x in (recalled, _drawn(setup)[1]))
    return (recalled @ values.T).cpu()


def _draw_bars(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    chance = 2 / result.setup.dim**0.5
    return figures.similarity_bars(result.more[0].tolist(), 0, chance=chance, **look)


def _draw_matrix(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    return figures.matrix_heatmap(
        result.more,
        rows="asked with key (index)",
        columns="value (index)",
        name="cosine (−1 to 1)",
        **look,
    )


def _table(result: ScanResult) -> pd.DataFrame:
    table = pd.DataFrame(result.more.numpy())
    table.columns = [f"value {i}" for i in range(table.shape[1])]
    table.insert(0, "key", range(len(table)))
    return table


def _facts(result: ScanResult) -> list[tuple[str, str, str]]:
    cosines: Tensor = result.more
    right = int((cosines.argmax(1) == torch.arange(len(cosines))).sum())
    meaning = "keys whose answer resembles their own value the most"
    return [("Recalled", f"{right} of {len(cosines)}", meaning)]


CONTROLS = {
    "dim": "D, numbers in a vector",
    "pairs": "Pairs in one memory",
}
PICTURES = {
    "similarity": Picture("Unbind one", _draw_bars, _table),
    "recall": Picture("Unbind all", _draw_matrix, _table),
}
OPERATIONS = (
    ScanOp(
        name="circular_conv",
        function=circular_conv,
        formula="c[k] = Σᵢ a[i] · b[(k−i) mod D]",
        backends=BACKENDS,
        letters=work.LETTERS,
        sizes=lambda setup: (setup.pairs, setup.dim),
        volume="BD",
        loop="D",
        cost=lambda setup: work.cost((setup.pairs, setup.dim), setup.itemsize),
        controls=CONTROLS,
        operands=circular_conv_operands,
        result="c",
        more=_recall_bound,
        facts=_facts,
        pictures=PICTURES,
    ),
    ScanOp(
        name="circular_corr",
        function=circular_corr,
        formula="c[k] = Σᵢ a[i]* · b[(k+i) mod D]",
        backends=BACKENDS,
        letters=work.LETTERS,
        sizes=lambda setup: (setup.pairs, setup.dim),
        volume="BD",
        loop="D",
        cost=lambda setup: work.cost((setup.pairs, setup.dim), setup.itemsize),
        controls=CONTROLS,
        operands=circular_corr_operands,
        result="c",
        more=_recall,
        facts=_facts,
        pictures=PICTURES,
    ),
)
