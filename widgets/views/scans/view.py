"""The Scans view: pick an op, an input, a backend and a size; see what it does and how fast."""

from dataclasses import fields
from functools import partial
from statistics import median
from typing import Any, ClassVar, NamedTuple

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go
import torch

from marslab.widgets import figures
from marslab.widgets.frame import HEIGHT, Job, Say, View
from marslab.widgets.views.scans import answers, controls
from marslab.widgets.views.scans.ops import OPS
from marslab.widgets.views.scans.run import ScanResult, Timings, run, time_backends
from marslab.widgets.views.scans.setup import DIGITS, DTYPES, MAX_TEXT, SOURCES, ScanSetup

LENGTHS = [2**i for i in range(3, 17)]
TAUS = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0]
TAUS += [128.0, 256.0, 512.0, 1024.0, 4096.0]
SPEED = ("time", "roofline")
QUICK = (5, 0.4)  # runs and seconds of each backend when a control has moved


class Answer(NamedTuple):
    """What a job of this view brings back; timings only where a figure needs them."""

    result: ScanResult
    timings: Timings | None


def answer(setup: ScanSetup, say: Say, *, timed: bool, budget: tuple[int, float]) -> Answer:
    """Run `setup`, and time every backend if `timed`.

    Units:
        budget: (runs, seconds) of each backend
    """
    return Answer(run(setup, say), time_backends(setup, say, *budget) if timed else None)


class Scans(View):
    """Run a scan on any backend: look at its states, its error and its time.

    >>> Scans(L=64, tau=8.0).setup().shape
    (1, 64, 8)
    """

    slug: ClassVar[str] = "scans"
    title: ClassVar[str] = "Scans"
    sentence: ClassVar[str] = (
        "Run a recurrence on any backend: watch its state, check it, time it against the machine."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(ScanSetup))
    choices: ClassVar[dict[str, str]] = {
        "States": "lines",
        "Heat map": "heatmap",
        "Time": "time",
        "Roofline": "roofline",
    }

    op = param.Selector(default="linear_scan", objects=["linear_scan"])
    source = param.Selector(default="random", objects=list(SOURCES))
    text = param.String(ScanSetup.text, regex=rf"(?s)^.{{0,{MAX_TEXT}}}\Z")
    digit = param.Integer(0, bounds=(0, DIGITS - 1))
    B = param.Integer(1, bounds=(1, 64))
    L = param.Selector(default=256, objects=LENGTHS)
    D = param.Integer(8, bounds=(1, 2048))
    tau = param.Selector(default=32.0, objects=TAUS)
    reverse = param.Boolean(False)
    dtype = param.Selector(default="float32", objects=list(DTYPES))
    seed = param.Integer(0, bounds=(0, 9999))
    device = param.Selector(default="cpu", objects=["cpu"])
    backend = param.Selector(default="auto", objects=["auto", "naive", "torch", "numba", "triton"])
    figure = param.Selector(default="lines", objects=["lines", "heatmap", "time", "roofline"])

    def __init__(self, **params: Any) -> None:
        type(self).param.op.objects = list(OPS)
        if torch.cuda.is_available():
            type(self).param.device.objects = ["cpu", "cuda"]
        super().__init__(**params)

    def setup(self) -> ScanSetup:
        """Give the state as the plain question that `run` takes.

        Errors:
            ValueError: the values do not go together
        """
        return ScanSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        return controls.column(self, self.setup)

    def actions(self) -> list[Any]:
        button = pn.widgets.Button(label="Time all backends", color="primary")
        button.on_click(lambda *_: self.time())
        return [button]

    def time(self, runs: int = 9, seconds: float = 1.5) -> None:
        """Time every backend at more length than a moved control does, and show that.

        Units:
            runs, seconds: of each backend, whichever is reached first
        """
        if self.figure not in SPEED:
            self.figure = "time"
        self.start(partial(self._job, (runs, seconds)))

    def job(self) -> Job:
        return self._job(QUICK)

    def _job(self, budget: tuple[int, float]) -> Job:
        timed = self.figure in SPEED
        return partial(answer, self.setup(), timed=timed, budget=budget)

    def complete(self) -> bool:
        return self.figure not in SPEED or self.result.timings is not None

    def draw(self) -> go.Figure:
        result: ScanResult = self.result.result
        titles = {"title": _title(result), "dark": self.dark, "height": HEIGHT}
        names = result.operands.labels
        if self.figure == "heatmap":
            return figures.state_heatmap(
                result.h, labels=names, ticks=result.operands.ticks, **titles
            )
        if self.figure == "lines":
            channels = figures.spread(result.h.shape[2])
            return figures.scan_lines(
                result.h,
                result.operands.x,
                channels=channels,
                labels=[names[channel] for channel in channels],
                ticks=result.operands.ticks,
                drive="input x; b = (1 − a) x",
                **titles,
            )
        return _speed_figure(self.result.timings, self.figure, titles)

    def table(self) -> pd.DataFrame:
        if self.figure in SPEED:
            return answers.times(self.result.timings)
        width = self.result.result.h.shape[2]
        channels = figures.spread(width) if self.figure == "lines" else list(range(width))
        return answers.states(self.result.result, channels)

    def code(self) -> str:
        return answers.source(self.setup(), self.figure)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result.result)


def _title(result: ScanResult) -> str:
    op = OPS[result.setup.op]
    batch, length, width = result.setup.shape
    return f"{op.formula},  B {batch} · L {length:,} · D {width}"


def _speed_figure(timings: Timings, kind: str, titles: dict[str, Any]) -> go.Figure:
    if kind == "time":
        rows = {name: [s * 1e3 for s in runs] for name, runs in timings.runs.items()}
        return figures.timing_bars(rows, timings.floor * 1e3, **titles)
    op = OPS[timings.setup.op]
    cost = op.flops(timings.setup), op.bytes(timings.setup)
    points = {name: (*cost, median(runs)) for name, runs in timings.runs.items()}
    return figures.roofline(points, timings.bandwidth, timings.peak, **titles)
