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

from marslab.lab.bench.shipped import against_floor, shipped
from marslab.widgets import figures
from marslab.widgets.frame import HEIGHT, Job, Say, View
from marslab.widgets.views.scans import answers, controls
from marslab.widgets.views.scans.registry import OPS
from marslab.widgets.views.scans.run import ScanResult, Timings, run, time_backends
from marslab.widgets.views.scans.setup import DIGITS, DTYPES, MAX_TEXT, SOURCES, ScanSetup

LENGTHS = [2**i for i in range(3, 17)]
DIMENSIONS = [2**i for i in range(5, 15)]
BACKENDS = ["auto", "naive", "torch", "numba", "triton"]
TAUS = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0]
TAUS += [128.0, 256.0, 512.0, 1024.0, 4096.0]
SPEED = {"Time": "time", "Roofline": "roofline"}
MEASURED = {"On an H200, beside peers": "floors"}  # from the shipped report of the op
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
    """Run an op on any backend: look at its result, its error and its time.

    >>> Scans(L=64, tau=8.0).setup().shape
    (1, 64, 8)
    """

    slug: ClassVar[str] = "scans"
    title: ClassVar[str] = "Scans"
    sentence: ClassVar[str] = (
        "Run an operation on any backend: watch it work, check it, time it against the machine."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(ScanSetup))
    choices: ClassVar[dict[str, str]] = {
        **{picture.label: name for op in OPS.values() for name, picture in op.pictures.items()},
        **SPEED,
        **MEASURED,
    }

    op = param.Selector(default="linear_scan", objects=list(OPS))
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
    backend = param.Selector(default="auto", objects=BACKENDS)
    H = param.Integer(2, bounds=(1, 64))
    P = param.Integer(4, bounds=(1, 128))
    N = param.Integer(16, bounds=(1, 256))
    K = param.Integer(8, bounds=(1, 128))
    V = param.Integer(8, bounds=(1, 128))
    chunk = param.Integer(16, bounds=(1, 4096))
    step = param.Integer(32, bounds=(1, 65536))
    discretisation = param.Selector(default="zoh", objects=["zoh", "euler"])
    reduction = param.Selector(default="mean", objects=["mean", "sum", "decay"])
    method = param.Selector(default="sequential", objects=["sequential", "newton"])
    radius = param.Selector(default=1.0, objects=[0.25, 0.5, 1.0, 1.5, 2.0, 4.0])
    dim = param.Selector(default=1024, objects=DIMENSIONS)
    pairs = param.Integer(8, bounds=(1, 64))
    items = param.Integer(64, bounds=(1, 4096))
    flips = param.Selector(default=20, objects=list(range(0, 55, 5)))
    k = param.Integer(5, bounds=(1, 64))
    packing = param.Selector(default="2bit", objects=["2bit", "5trit"])
    rows = param.Integer(64, bounds=(1, 8192))
    columns = param.Integer(256, bounds=(1, 8192))
    figure = param.Selector(default="lines", objects=list(choices.values()))

    def __init__(self, **params: Any) -> None:
        type(self).param.op.objects = list(OPS)
        if torch.cuda.is_available():
            type(self).param.device.objects = ["cpu", "cuda"]
        super().__init__(**params)

    @property
    def offered(self) -> dict[str, str]:
        pictures = OPS[self.op].pictures
        measured = MEASURED if shipped(self.op) else {}
        return {picture.label: name for name, picture in pictures.items()} | SPEED | measured

    @property
    def setup_input(self) -> str:
        """The input in use: the one asked for, or random numbers where the op does not take it."""
        return self.source if self.source in OPS[self.op].sources else "random"

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
        if not self._timed:
            self.figure = "time"
        self.start(partial(self._job, (runs, seconds)))

    def job(self) -> Job:
        return self._job(QUICK)

    def _job(self, budget: tuple[int, float]) -> Job:
        return partial(answer, self.setup(), timed=self._timed, budget=budget)

    @property
    def _timed(self) -> bool:
        return self.drawn in SPEED.values()

    def complete(self) -> bool:
        return not self._timed or self.result.timings is not None

    def draw(self) -> go.Figure:
        result: ScanResult = self.result.result
        titles = {"title": _title(result), "dark": self.dark, "height": HEIGHT}
        if self._timed:
            return _speed_figure(self.result.timings, self.drawn, titles)
        if self.drawn in MEASURED.values():
            return _measured_figure(self.op, self.dark)
        return result.op.pictures[self.drawn].draw(result, titles)

    def table(self) -> pd.DataFrame:
        if self._timed:
            return answers.times(self.result.timings)
        if self.drawn in MEASURED.values():
            return answers.measured(self.op)
        result: ScanResult = self.result.result
        return result.op.pictures[self.drawn].table(result)

    def code(self) -> str:
        return answers.source(self.setup(), self.drawn)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result.result)


def _measured_figure(op: str, dark: bool) -> go.Figure:
    report = shipped(op)
    if report is None:
        raise ValueError(f"{op}: no report of it ships")
    about = report.conditions
    title = f"{op} on {about['machine']}, {str(about['date'])[:10]}"
    return figures.times_of_floor(against_floor(report), title=title, dark=dark, height=HEIGHT)


def _title(result: ScanResult) -> str:
    sizes = " · ".join(f"{letter} {size:,}" for letter, size in result.setup.sizes.items())
    return f"{result.op.formula},  {sizes}"


def _speed_figure(timings: Timings, kind: str, titles: dict[str, Any]) -> go.Figure:
    if kind == "time":
        rows = {name: [s * 1e3 for s in runs] for name, runs in timings.runs.items()}
        return figures.timing_bars(rows, timings.floor * 1e3, **titles)
    moved, flops = OPS[timings.setup.op].cost(timings.setup)
    points = {name: (flops, moved, median(runs)) for name, runs in timings.runs.items()}
    return figures.roofline(points, timings.bandwidth, timings.peak, **titles)
