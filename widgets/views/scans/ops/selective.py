"""Selective state spaces: `selective_scan`, and `ssd` with its attention-like dual."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import torch
from torch import Tensor

from marslab.kernels.selective_scan import BACKENDS, selective_scan
from marslab.kernels.selective_scan import work as selective_work
from marslab.kernels.ssd import BACKENDS as SSD_BACKENDS
from marslab.kernels.ssd import ssd
from marslab.kernels.ssd import work as ssd_work
from marslab.kernels.ssd.quadratic import matrix
from marslab.widgets import figures
from marslab.widgets.views.scans import pictures, signals
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import SOURCES, ScanSetup

STEP = 1.0  # dt at the mean of the input; a larger input holds for longer
DUAL_STEPS = 256  # of the matrix that is drawn: later steps do not change its upper left corner


def selective_scan_operands(setup: ScanSetup) -> Given:
    """Make dt, B and C from the input: equal inputs write to, and read from, the same states.

    Channel d has states that forget within 1 step up to the time constant of the channel.

    >>> setup = ScanSetup(op="selective_scan", L=5, D=3, N=4)
    >>> selective_scan_operands(setup).operands.A.shape
    torch.Size([3, 4])
    """
    x, ticks = signals.signal(setup)
    taus, labels = signals.channels(setup)
    x, place, wide = x.expand(setup.shape), signals.place(setup), signals.wide_place(setup)
    share = torch.arange(1, setup.N + 1, dtype=torch.float64) / setup.N
    A = -1 / (STEP * taus[:, None] ** share)
    keys = (signals.features(setup, setup.N, 1) / setup.N**0.5).to(**place)
    D, h0 = torch.zeros(len(taus), **wide), torch.zeros(setup.B, *A.shape, **wide)
    operands = selective_work.Operands(
        x.to(**place).contiguous(), _held(x).to(**wide), A.to(**wide), keys, keys, D, h0
    )
    return Given(operands, x[0], [label.replace("=", "≤") for label in labels], ticks)


def ssd_operands(setup: ScanSetup) -> Given:
    """Make the operands of `ssd`: one decay for each head, the keys B and C equal.

    >>> ssd_operands(ScanSetup(op="ssd", L=5)).operands.x.shape
    torch.Size([1, 5, 2, 4])
    """
    signal, ticks = signals.signal(setup)
    place, wide = signals.place(setup), signals.wide_place(setup)
    x = signals.features(setup, setup.H * setup.P, 2).unflatten(2, (setup.H, setup.P))
    A = -1 / (STEP * signals.time_constants(setup, setup.H))
    keys = (signals.features(setup, setup.N, 1) / setup.N**0.5).to(**place)[:, :, None]
    dt = _held(signal).expand(*x.shape[:3])
    D, h0 = torch.zeros(setup.H, **wide), torch.zeros(setup.B, *x.shape[2:], setup.N, **wide)
    operands = ssd_work.Operands(
        x.to(**place), dt.to(**wide).contiguous(), A.to(**wide), keys, keys, D, h0
    )
    labels = [f"head {h}, {p}" for h in range(setup.H) for p in range(setup.P)]
    return Given(operands, None, labels, ticks)


def _held(x: Tensor) -> Tensor:
    """How long each input holds."""
    return 2 * STEP * torch.sigmoid(4 * (x - x.mean((1, 2), keepdim=True)))


def _dual(setup: ScanSetup, given: Given, y: Tensor) -> Tensor:
    """The weights [L, L] with which the last head of the first sequence reads every step."""
    _, dt, A, B, C, *_ = given.operands
    dt, B, C = (x[:1, :DUAL_STEPS].double() for x in (dt, B, C))
    return matrix(dt, A.double(), B, C)[0, -1].cpu()


def _draw_dual(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    ticks = result.given.ticks
    return figures.matrix_heatmap(
        result.more,
        rows=f"output y of head {result.setup.H - 1} at step t (steps)",
        columns="input x at step s (steps)",
        name="weight of x[s] in y[t] (no unit)",
        row_labels=ticks,
        column_labels=ticks,
        **look,
    )


def _dual_table(result: ScanResult) -> pd.DataFrame:
    table = pd.DataFrame(result.more.numpy())
    table.columns = [f"s = {s}" for s in range(table.shape[1])]
    table.insert(0, "t", range(len(table)))
    return table


OPERATIONS = (
    ScanOp(
        name="selective_scan",
        function=selective_scan,
        formula="h[t] = exp(Δ[t] A) h[t−1] + B̄[t] x[t],  y = C[t] · h[t]",
        backends=BACKENDS,
        letters=selective_work.LETTERS,
        sizes=lambda setup: (*setup.shape, setup.N),
        volume="BLDN",
        cost=lambda setup: selective_work.cost((*setup.shape, setup.N), setup.itemsize),
        controls={
            "tau": "Longest time constant τ (steps)",
            "seed": "Seed",
            "B": "B, sequences",
            "L": "L (steps)",
            "D": "D, channels",
            "N": "N, states each",
            "discretisation": "Discretisation",
        },
        operands=selective_scan_operands,
        sources=SOURCES,
        options=lambda setup: {"discretisation": setup.discretisation},
        result="y",
        pictures=pictures.over_time("output y", label="Outputs"),
    ),
    ScanOp(
        name="ssd",
        function=ssd,
        formula="h[t] = exp(Δ[t] A) h[t−1] + Δ[t] x[t] B[t]ᵀ,  y = h[t] C[t]",
        backends=SSD_BACKENDS,
        letters=ssd_work.LETTERS,
        sizes=lambda setup: (*setup.shape[:2], setup.H, setup.P, 1, setup.N),
        volume="BLHPN",
        cost=lambda setup: ssd_work.cost(
            (*setup.shape[:2], setup.H, setup.P, 1, setup.N), setup.itemsize
        ),
        controls={
            "tau": "Longest time constant τ (steps)",
            "seed": "Seed",
            "B": "B, sequences",
            "L": "L (steps)",
            "H": "H, heads",
            "P": "P, head width",
            "N": "N, states",
            "chunk": "Chunk (steps)",
        },
        operands=ssd_operands,
        sources=("random", "text"),
        options=lambda setup: {"chunk_size": setup.chunk},
        result="y",
        more=_dual,
        pictures={
            **pictures.over_time("output y", label="Outputs"),
            "dual": Picture("As attention", _draw_dual, _dual_table),
        },
    ),
)
