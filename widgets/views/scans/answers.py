"""The Scans view's tables and its Python, made from a setup and what came of it."""

from dataclasses import fields

import pandas as pd

from marslab.lab.bench.shipped import against_floor, shipped
from marslab.widgets.views.scans.registry import OPS
from marslab.widgets.views.scans.run import ScanResult, Timings
from marslab.widgets.views.scans.setup import ScanSetup

ALWAYS = {"op", "device", "backend"}  # what every op looks at
OF_SOURCE = {
    "text": {"source", "text"},
    "digit": {"source", "digit"},
    "random": {"seed"},
}
BROUGHT = {"text": {"L"}, "digit": {"L", "D"}, "random": set()}  # sizes that an input brings along


def times(timings: Timings) -> pd.DataFrame:
    """Every run of every backend, one row each, with the floor of the machine beside it."""
    op, cost = OPS[timings.setup.op], OPS[timings.setup.op].cost(timings.setup)
    rows = [
        {
            "op": op.name,
            "backend": name,
            **timings.setup.sizes,
            "dtype": timings.setup.dtype,
            "run": run,
            "milliseconds": seconds * 1e3,
            "floor_milliseconds": timings.floor * 1e3,
            "bytes": cost.bytes,
            "flops": cost.flops,
        }
        for name, taken in timings.runs.items()
        for run, seconds in enumerate(taken)
    ]
    return pd.DataFrame(rows)


def facts(result: ScanResult) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    moved = result.op.cost(result.setup).bytes
    if result.error is None:
        agrees = ("Error", "not checked", "the loop in float64 takes too long at this size")
    else:
        meaning = "largest difference from the loop in float64, over the largest value"
        agrees = ("Error vs. the loop", f"{result.error:.1e}" if result.error else "0", meaning)
    return [
        ("Backend", result.backend, "the one that ran"),
        ("Time of one run", _time(result.seconds), "the median of up to 7 runs"),
        ("Moved at least", _size(moved), "each operand and each result once"),
        ("Rate", _rate(moved / result.seconds), "those bytes over that time"),
        agrees,
        *result.op.facts(result),
    ]


def measured(op: str) -> pd.DataFrame:
    """The shipped report of an op as a table: a line for each variant of each row of work."""
    report = shipped(op)
    columns = ["work", "name", "kind", "ms", "times the floor"]
    return pd.DataFrame(list(against_floor(report)) if report else [], columns=columns)


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def _rate(rate: float) -> str:
    unit, name = (1e9, "GB/s") if rate >= 1e9 else (1e6, "MB/s")
    return f"{rate / unit:.3g} {name}"


def _size(count: int) -> str:
    return f"{count / 2**20:.3g} MiB" if count >= 2**20 else f"{count / 2**10:.3g} KiB"


def used(setup: ScanSetup) -> tuple[str, ...]:
    """The fields that the op and its input look at, in the order of the setup.

    >>> "tau" in used(ScanSetup()), "chunk" in used(ScanSetup())
    (True, False)
    """
    op, given = OPS[setup.op], setup.input
    names = ALWAYS | OF_SOURCE[given] | (set(op.used(setup)) - BROUGHT[given])
    names |= {"dtype"} if op.typed else set()
    return tuple(field.name for field in fields(setup) if field.name in names)


def source(setup: ScanSetup, figure: str) -> str:
    """Python that gives the view again, then its numbers, then the call of the kernel itself."""
    default = {field.name: field.default for field in fields(setup)}
    values = {name: getattr(setup, name) for name in used(setup)}
    given = [f"{name}={value!r}" for name, value in values.items() if value != default[name]]
    op, timed = OPS[setup.op], figure in ("time", "roofline")
    first = next(iter(op.pictures))
    shown = [*given, *([f"figure={figure!r}"] if figure != first else [])]
    lines = [
        "import panel as pn",
        f"from marslab.kernels import {op.name}",
        "from marslab.widgets.views import Scans",
        f"from marslab.widgets.views.scans import ScanSetup, run{', time_backends' * timed}",
        "",
        'pn.extension("plotly")',
        f"setup = ScanSetup({', '.join(given)})",
        "operands = run(setup).operands",
        op.source(setup),
    ]
    if timed:
        lines.append("timings = time_backends(setup)")
    return "\n".join([*lines, f"Scans({', '.join(shown)})  # the view itself, in a notebook", ""])
