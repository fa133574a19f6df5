"""`decay_product` and `chunk_reduce`: what is left of the past, and of each chunk."""

from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
import torch
from torch import Tensor

from marslab.kernels.chunk_reduce import BACKENDS, chunk_reduce
from marslab.kernels.chunk_reduce import work as chunk_work
from marslab.kernels.decay_product import BACKENDS as PRODUCT_BACKENDS
from marslab.kernels.decay_product import decay_product
from marslab.kernels.decay_product import work as product_work
from marslab.widgets import figures
from marslab.widgets.figures.sequence import plain
from marslab.widgets.views.scans import pictures, signals
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import SOURCES, ScanSetup

SIZES = {"B": "B, sequences", "L": "L (steps)", "D": "D, channels"}
NAMES = {"mean": "mean of the chunk", "sum": "sum of the chunk", "decay": "last state of the chunk"}


class Chunked(NamedTuple):
    """x [B, L, D], which is cut into chunks, and the decays gamma [B, L, D]."""

    x: Tensor
    gamma: Tensor


def decay_product_operands(setup: ScanSetup) -> Given:
    """Make decays from the input: the larger it is, the more a step forgets.

    >>> decay_product_operands(ScanSetup(op="decay_product", L=5, D=3)).operands.gamma.shape
    torch.Size([1, 5, 3])
    """
    x, ticks = signals.signal(setup)
    taus, labels = signals.channels(setup)
    rate = 2 * torch.sigmoid(4 * (x - x.mean((1, 2), keepdim=True)))
    gamma = torch.exp(-rate / taus).expand(setup.shape).to(**signals.place(setup)).contiguous()
    return Given(product_work.Operands(gamma), gamma[0].double(), labels, ticks)


def chunk_reduce_operands(setup: ScanSetup) -> Given:
    """Take the input as it is; channels differ in the decay that `reduction="decay"` uses.

    >>> chunk_reduce_operands(ScanSetup(op="chunk_reduce", L=5, D=3)).operands.x.shape
    torch.Size([1, 5, 3])
    """
    x, ticks = signals.signal(setup)
    taus, labels = signals.channels(setup)
    x, place = x.expand(setup.shape), signals.place(setup)
    gamma = torch.exp(-1 / taus).expand(setup.shape)
    if setup.reduction != "decay" and setup.input != "digit":
        labels = [f"channel {i}" for i in range(setup.shape[2])]
    operands = Chunked(x.to(**place).contiguous(), gamma.to(**signals.wide_place(setup)))
    return Given(operands, x[0], labels, ticks)


def reduced(x: Tensor, gamma: Tensor, *, chunk: int, op: Any, backend: str) -> Tensor:
    """Call the op; only a decay takes gamma."""
    given = gamma if op == "decay" else None
    return chunk_reduce(x, chunk, op=op, gamma=given, backend=backend)


def _shown(result: ScanResult) -> list[int]:
    """The channels to draw: one where all of them are equal."""
    if result.setup.reduction != "decay" and result.setup.input != "digit":
        return [0]
    return figures.spread(result.h.shape[2])


def _draw_chunks(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    setup, given, shown = result.setup, result.given, _shown(result)
    return figures.chunk_steps(
        result.h,
        given.x,
        setup.chunk,
        channels=shown,
        labels=[given.labels[channel] for channel in shown],
        name=NAMES[setup.reduction],
        **look,
    )


def _chunk_table(result: ScanResult) -> pd.DataFrame:
    y = plain(result.h)
    columns = {f"y[{c}] {result.given.labels[c]}": y[:, c] for c in _shown(result)}
    first = [i * result.setup.chunk for i in range(len(y))]
    return pd.DataFrame({"chunk": range(len(y)), "first_step": first, **columns})


def _chunk_sizes(setup: ScanSetup) -> tuple[int, int, int, int]:
    return *setup.shape, setup.chunk


def _chunk_arguments(setup: ScanSetup) -> str:
    decay = ", gamma=operands.gamma" if setup.reduction == "decay" else ""
    return f"operands.x, {setup.chunk}, op={setup.reduction!r}{decay}"


OPERATIONS = (
    ScanOp(
        name="decay_product",
        function=decay_product,
        formula="y[t] = γ[0] · γ[1] · … · γ[t]",
        backends=PRODUCT_BACKENDS,
        letters=product_work.LETTERS,
        sizes=lambda setup: setup.shape,
        cost=lambda setup: product_work.cost(setup.shape, setup.itemsize),
        controls={"tau": "Longest time constant τ (steps)", **SIZES},
        operands=decay_product_operands,
        sources=SOURCES,
        result="y",
        pictures=pictures.over_time("product y", "decay γ", label="Products"),
    ),
    ScanOp(
        name="chunk_reduce",
        function=reduced,
        formula="y[c] = mean, sum or last state of chunk c",
        backends=BACKENDS,
        letters=chunk_work.LETTERS,
        sizes=_chunk_sizes,
        cost=lambda setup: chunk_work.cost(_chunk_sizes(setup), setup.itemsize),
        controls={
            **SIZES,
            "chunk": "Chunk (steps)",
            "reduction": "Each chunk becomes its",
            "tau": "Longest time constant τ (steps)",
        },
        only={"tau": ("reduction", "decay")},
        operands=chunk_reduce_operands,
        sources=SOURCES,
        options=lambda setup: {"chunk": setup.chunk, "op": setup.reduction},
        arguments=_chunk_arguments,
        result="y",
        pictures={"chunks": Picture("Chunks", _draw_chunks, _chunk_table)},
    ),
)
