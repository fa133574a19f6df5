"""`marslab lengths`: print how MARS and a Transformer grow with the length, or measure it here."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from marslab.errors import UserError
from marslab.lab.lengths.findings import growth, learned
from marslab.lab.lengths.table import LAYER, MODEL, LengthsTable, read_table, shipped_table

WIDTH = 120  # columns of a table that goes to a file or a pipe
MEGABYTE = 1e6


def lengths(
    file: Annotated[
        Path | None, typer.Argument(metavar="TABLE.json", help="A table measured before.")
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Measure here: some ten minutes, 8 GB of memory.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Measure tiny sizes, briefly.")] = False,
    out: Annotated[Path | None, typer.Option(help="File for what was measured.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Time and memory of MARS over the length, beside attention and a Transformer of its size."""
    if file is not None and (run or quick):
        raise UserError("give a table to print, or --run to measure one, not both")
    if out is not None and not (run or quick):
        raise UserError("--out is for what --run or --quick measures: there is nothing new here")
    if run or quick:
        found = _measured(quick)
    else:
        found = _shipped() if file is None else read_table(file)
    if out is not None:
        found.write(out)
        print(f"written: {out}", file=sys.stderr)
    if json:
        sys.stdout.write(found.to_json())
        return
    show(found)


def _measured(quick: bool) -> LengthsTable:
    from marslab.lab.lengths import measure, plan

    def told(done: int, of: int) -> None:
        print(f"{done} of {of} parts done", file=sys.stderr)

    return measure.lengths_table(plan.quick() if quick else plan.LengthsPlan(), told)


def _shipped() -> LengthsTable:
    try:
        return shipped_table()
    except FileNotFoundError as error:
        raise UserError("this marslab ships no table of lengths: measure one with --run") from error


def show(found: LengthsTable) -> None:
    """Print times, powers of the length, memory, single steps, and how long learning took."""
    console = Console(markup=False)
    console = console if console.is_terminal else Console(markup=False, width=WIDTH)
    for part in (LAYER, MODEL):
        for what, unit, title in (
            ("ms", 1.0, "milliseconds to read so many steps at once"),
            ("peak_bytes", MEGABYTE, "most megabytes that this takes"),
            ("kept_bytes", MEGABYTE, "megabytes kept for the gradient"),
        ):
            _curves(console, f"{part}: {title}", found, what, part, unit)
    for rows in sorted({each.rows for each in found.steppings}):
        steps = {kind: found.steps(kind, rows) for kind in found.kinds(MODEL)}
        _table(console, f"model: milliseconds for one more step, {rows} rows", steps)
    state = {k: _scaled(found.state(k), MEGABYTE) for k in found.kinds(MODEL)}
    _table(console, "model: megabytes carried from step to step, 1 row", state)
    _lessons(found)
    told = found.conditions
    print(
        f"{told['machine']}, {told['threads']} thread, torch {told['torch']}, "
        f"{told['date'][:10]}; parameters {told['parameters']}. {told['method']}."
    )


def _curves(
    console: Console, title: str, found: LengthsTable, what: str, part: str, unit: float
) -> None:
    curves = {kind: found.curve(kind, what, part) for kind in found.kinds(part)}
    curves = {kind: curve for kind, curve in curves.items() if len(curve) > 1}
    if curves:
        powers = {kind: growth(curve) for kind, curve in curves.items()}
        told = {k: f"{p.exponent:.2f} from {p.first:,} on" for k, p in powers.items()}
        _table(console, title, {k: _scaled(c, unit) for k, c in curves.items()}, told)


def _table(
    console: Console,
    title: str,
    curves: Mapping[str, Mapping[int, float]],
    powers: Mapping[str, str] | None = None,
) -> None:
    lengths = sorted({length for curve in curves.values() for length in curve})
    drawn = Table(title=title, title_justify="left")
    drawn.add_column("length")
    for length in lengths:
        drawn.add_column(f"{length:,}", justify="right")
    if powers is not None:
        drawn.add_column("power", justify="right")
    for kind, curve in curves.items():
        cells = [f"{curve[length]:,.4g}" if length in curve else "-" for length in lengths]
        drawn.add_row(kind, *cells, *([powers[kind]] if powers is not None else []))
    console.print(drawn)


def _lessons(found: LengthsTable) -> None:
    loss, seconds, epochs = learned(found)
    for kind, each in seconds.items():
        times = ", ".join(f"{s:.1f} s ({n})" for s, n in zip(each, epochs[kind], strict=True))
        print(f"{kind}: {times} of learning digits (epochs) to a held-out loss of {loss:.2f}")


def _scaled(curve: Mapping[int, float], unit: float) -> dict[int, float]:
    return {length: value / unit for length, value in curve.items()}
