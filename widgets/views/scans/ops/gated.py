"""`gated_recurrence`: a gate that sees the state, solved step by step or all at once."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from marslab.kernels.gated_recurrence import (
    BACKENDS,
    TOLERANCE,
    ConvergenceWarning,
    SolveInfo,
    gated_recurrence,
    work,
)
from marslab.widgets import figures
from marslab.widgets.views.scans import pictures, signals
from marslab.widgets.views.scans.registry import Given, Picture, ScanOp
from marslab.widgets.views.scans.run import ScanResult
from marslab.widgets.views.scans.setup import DTYPES, SOURCES, ScanSetup

LOOKED_AT = 2**18  # elements up to which the residual is looked at sweep by sweep
POINTS = 20


class Sweeps(NamedTuple):
    """How the solution of all steps at once came about.

    Units:
        residuals: after so many `sweeps`, relative to max|h|; tol: where they end
    """

    info: SolveInfo
    sweeps: list[int]
    residuals: list[float]
    tol: float


def gated_recurrence_operands(setup: ScanSetup) -> Given:
    """Make z from the input, a random W of a given size, and a decay for each channel.

    >>> gated_recurrence_operands(ScanSetup(op="gated_recurrence", L=5, D=3)).operands.W.shape
    torch.Size([3, 3])
    """
    _, ticks = signals.signal(setup)
    taus, labels = signals.channels(setup)
    place, wide, width = signals.place(setup), signals.wide_place(setup), setup.shape[2]
    z = signals.features(setup, width, 1)
    draw = torch.Generator().manual_seed(setup.seed)
    W = torch.randn(width, width, generator=draw, dtype=torch.float64)
    W = W * (setup.radius / torch.linalg.matrix_norm(W, 2))
    gamma = torch.exp(-1 / taus).expand(setup.shape).to(**wide).contiguous()
    h0 = torch.zeros(setup.B, width, **wide)
    operands = work.Operands(z.to(**place), W.to(**place), gamma, h0)
    return Given(operands, z[0], labels, ticks)


def solve(*operands: torch.Tensor, method: str, backend: str) -> torch.Tensor:
    """Call the op; that sweeps did not converge is told on the page, not on the terminal."""
    # The definition is the loop: there are no sweeps in it.
    method = "sequential" if backend == "naive" else method
    return _quiet(lambda: gated_recurrence(*operands, method=method, backend=backend))  # pyright: ignore


def _quiet(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call()


def _sweeps(setup: ScanSetup, given: Given, _h: object) -> Sweeps:
    def solved(limit: int) -> SolveInfo:
        backend = "torch" if setup.backend == "naive" else setup.backend
        options = {"method": "newton", "max_iter": limit, "return_info": True, "backend": backend}
        return _quiet(lambda: gated_recurrence(*given.operands, **options)[1])

    info = solved(200)
    last, few = info.iterations, setup.elements <= LOOKED_AT
    counts = sorted({round(c) for c in np.linspace(1, last, POINTS)}) if few else [last]
    residuals = [solved(count).residual for count in counts[:-1]] + [info.residual]
    return Sweeps(info, counts, residuals, TOLERANCE[DTYPES[setup.dtype]])


def _draw_sweeps(result: ScanResult, look: dict[str, Any]) -> go.Figure:
    told: Sweeps = result.more
    return figures.solve_sweeps(told.sweeps, told.residuals, told.tol, **look)


def _sweeps_table(result: ScanResult) -> pd.DataFrame:
    told: Sweeps = result.more
    return pd.DataFrame({"sweeps": told.sweeps, "residual": told.residuals, "tol": told.tol})


def _facts(result: ScanResult) -> list[tuple[str, str, str]]:
    info: SolveInfo = result.more.info
    if info.converged:
        return [("Sweeps", str(info.iterations), "that solve all steps at once")]
    meaning = "they did not converge: with this method the op goes step by step instead"
    return [("Sweeps", f"{info.iterations}, gave up", meaning)]


OPERATIONS = (
    ScanOp(
        name="gated_recurrence",
        function=solve,
        formula="h[t] = z[t] · σ(W h[t−1]) + γ[t] · h[t−1]",
        backends=BACKENDS,
        letters=work.LETTERS,
        sizes=lambda setup: setup.shape,
        cost=lambda setup: work.cost(setup.shape, setup.itemsize),
        controls={
            "tau": "Longest time constant τ (steps)",
            "radius": "Size of W (spectral norm)",
            "seed": "Seed",
            "B": "B, sequences",
            "L": "L (steps)",
            "D": "D, channels",
            "method": "Method",
        },
        operands=gated_recurrence_operands,
        sources=SOURCES,
        options=lambda setup: {"method": setup.method},
        more=_sweeps,
        facts=_facts,
        pictures={
            **pictures.over_time("state h", "input z"),
            "sweeps": Picture("Sweeps", _draw_sweeps, _sweeps_table),
        },
    ),
)
