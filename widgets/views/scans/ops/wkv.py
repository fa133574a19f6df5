"""`wkv7`: a matrix memory that overwrites what it held under a key."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import torch
import torch.nn.functional as F

from marslab.kernels.wkv7 import BACKENDS, wkv7, work
from marslab.widgets import figures
from marslab.widgets.views.scans import pictures, signals
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import ScanSetup


def _sizes(setup: ScanSetup) -> tuple[int, int, int, int, int]:
    return *setup.shape[:2], setup.H, setup.K, setup.V


def wkv7_operands(setup: ScanSetup) -> Given:
    """Store what follows what: the key is the input of the step before, the value this step's.

    What is read at a step is what followed this input when it last came. A key of unit norm and
    full rate: a new value takes the place of the old one. Keys decay as their time constants say.

    >>> wkv7_operands(ScanSetup(op="wkv7", L=5)).operands.v.shape
    torch.Size([1, 5, 2, 8])
    """
    _, ticks = signals.signal(setup)
    place, wide = signals.place(setup), signals.wide_place(setup)
    B, L, H, K, V = _sizes(setup)
    now = F.normalize(signals.features(setup, H * K, 1).unflatten(2, (H, K)), dim=-1)
    before = torch.cat([torch.zeros_like(now[:, :1]), now[:, :-1]], 1)
    value = signals.features(setup, H * V, 2).unflatten(2, (H, V)).to(**place)
    w = (-1 / signals.time_constants(setup, K)).expand(B, L, H, K).to(**wide).contiguous()
    r, key = now.to(**place), before.to(**place)
    operands = work.Operands(r, w, key, value, -key, key, torch.zeros(B, H, V, K, **wide))
    labels = [f"head {h}, {v}" for h in range(H) for v in range(V)]
    return Given(operands, None, labels, ticks)


def _state(setup: ScanSetup, given: Given, _y: object) -> torch.Tensor:
    """The state [V, K] of the first head after the chosen step."""
    *timed, s0 = given.operands
    r, w, k, v, a, b = (x[:1, : setup.step] for x in timed)
    _, state = wkv7(r, w, k, v, a, b, s0[:1], return_state=True, backend=setup.backend)
    return state[0, 0].double().cpu()


def _draw_state(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    steps = min(result.setup.step, result.setup.sizes["L"])
    return figures.matrix_heatmap(
        result.more,
        rows="value (index)",
        columns="key (index)",
        name=f"S of head 0 after {steps:,} steps (no unit)",
        **look,
    )


def _state_table(result: ScanResult) -> pd.DataFrame:
    table = pd.DataFrame(result.more.numpy())
    table.columns = [f"key {k}" for k in range(table.shape[1])]
    table.insert(0, "value", range(len(table)))
    return table


OPERATIONS = (
    ScanOp(
        name="wkv7",
        function=wkv7,
        formula="S[t] = S[t−1] (diag(eʷ) + a bᵀ) + v kᵀ,  y = S[t] r",
        backends=BACKENDS,
        letters=work.LETTERS,
        sizes=_sizes,
        volume="BLHKV",
        cost=lambda setup: work.cost(_sizes(setup), setup.itemsize),
        controls={
            "tau": "Longest time constant τ (steps)",
            "seed": "Seed",
            "B": "B, sequences",
            "L": "L (steps)",
            "H": "H, heads",
            "K": "K, key width",
            "V": "V, value width",
            "step": "Show S after (steps)",
        },
        operands=wkv7_operands,
        sources=("random", "text"),
        result="y",
        more=_state,
        pictures={
            **pictures.over_time("output y", label="Outputs"),
            "matrix": Picture("Memory S", _draw_state, _state_table),
        },
    ),
)
