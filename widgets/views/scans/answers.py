"""The Scans view's tables and its Python, made from a setup and what came of it."""

from dataclasses import fields

import numpy as np
import pandas as pd

from marslab.widgets.figures.sequence import plain
from marslab.widgets.views.scans.ops import OPS
from marslab.widgets.views.scans.run import ScanResult, Timings
from marslab.widgets.views.scans.setup import ScanSetup

MAX_CELLS = 400_000  # of a table; a longer one keeps every n-th step


def states(result: ScanResult, channels: list[int]) -> pd.DataFrame:
    """The input and the states of the first sequence, one row for each step."""
    h = plain(result.h)
    every = max(-(-h.shape[0] * len(channels) // MAX_CELLS), 1)
    columns = {"step": np.arange(h.shape[0]), "x": plain(result.operands.x)[:, channels[0]]}
    for channel in channels:
        columns[f"h[{channel}] {result.operands.labels[channel]}"] = h[:, channel]
    return pd.DataFrame(columns).iloc[::every]


def times(timings: Timings) -> pd.DataFrame:
    """Every run of every backend, one row each, with the floor of the machine beside it."""
    op = OPS[timings.setup.op]
    batch, length, width = timings.setup.shape
    rows = [
        {
            "op": op.name,
            "backend": name,
            "B": batch,
            "L": length,
            "D": width,
            "dtype": timings.setup.dtype,
            "run": run,
            "milliseconds": seconds * 1e3,
            "floor_milliseconds": timings.floor * 1e3,
            "bytes": op.bytes(timings.setup),
            "flops": op.flops(timings.setup),
        }
        for name, taken in timings.runs.items()
        for run, seconds in enumerate(taken)
    ]
    return pd.DataFrame(rows)


def facts(result: ScanResult) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    op, setup = OPS[result.setup.op], result.setup
    moved = op.bytes(setup)
    if result.error is None:
        agrees = ("Error", "not checked", "the loop in float64 takes too long at this size")
    else:
        meaning = "largest difference from the loop in float64, over the largest |h|"
        agrees = ("Error against the loop", f"{result.error:.1e}", meaning)
    return [
        ("Backend", result.backend, "the one that ran"),
        ("Time of one run", _time(result.seconds), "the median of up to 7 runs"),
        ("Moved at least", _size(moved), "each operand and the result once"),
        ("Rate", _rate(moved / result.seconds), "those bytes over that time"),
        agrees,
    ]


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def _rate(rate: float) -> str:
    unit, name = (1e9, "GB/s") if rate >= 1e9 else (1e6, "MB/s")
    return f"{rate / unit:.3g} {name}"


def _size(count: int) -> str:
    return f"{count / 2**20:.3g} MiB" if count >= 2**20 else f"{count / 2**10:.3g} KiB"


def source(setup: ScanSetup, figure: str) -> str:
    """Python that gives the view again, then its numbers, then the call of the kernel itself."""
    given = [
        f"{field.name}={getattr(setup, field.name)!r}"
        for field in fields(setup)
        if getattr(setup, field.name) != field.default
    ]
    asked = ", ".join(given)
    shown = ", ".join([*given, *([f"figure={figure!r}"] if figure != "lines" else [])])
    op, timed = OPS[setup.op], figure in ("time", "roofline")
    call = op.source.format(reverse=setup.reverse, backend=setup.backend)
    lines = [
        "import panel as pn",
        f"from marslab.kernels import {op.name}",
        "from marslab.widgets.views import Scans",
        f"from marslab.widgets.views.scans import ScanSetup, run{', time_backends' * timed}",
        "",
        'pn.extension("plotly")',
        f"setup = ScanSetup({asked})",
        "operands = run(setup).operands",
        f"h = {call}",
    ]
    if timed:
        lines.append("timings = time_backends(setup)")
    return "\n".join([*lines, f"Scans({shown})  # the view itself, in a notebook", ""])
