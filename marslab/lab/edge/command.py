"""`marslab edge`: print the edge table that ships, or measure it on this machine."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from marslab.errors import UserError, unknown
from marslab.lab.edge.plan import PLANS
from marslab.lab.edge.table import EdgeRow, EdgeTable, read_table, shipped_table

COLUMNS = ("made", "kB", "packed", "smaller", "ms", "p99", "faster", "right", "lost")
FIRST = "digits-scan"  # shown to who asks for none
WIDTH = 120  # columns of a table that goes to a file or a pipe
LEGEND = (
    "kB of the file, and of it after zlib; ms for one example, median and 99th percentile; share "
    "of the held-out digits, and points lost. Run by onnxruntime where torch is not named; smaller "
    "and faster are times fp32 in the same runtime."
)


def edge(
    table: Annotated[
        str,
        typer.Argument(
            metavar="PRESET|TABLE.json", help=f"{', '.join(PLANS)}; or a table measured before."
        ),
    ] = FIRST,
    run: Annotated[bool, typer.Option("--run", help="Measure here; takes minutes.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Measure a tiny model, briefly.")] = False,
    out: Annotated[Path | None, typer.Option(help="File for what was measured.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Size, latency and accuracy of a model after each way of making it smaller."""
    file = table.endswith(".json")
    if not file and table not in PLANS:
        raise UserError(unknown("preset with an edge table", table, PLANS))
    if file and (run or quick):
        raise UserError("give a table to print, or a preset to measure with --run, not both")
    if out is not None and not (run or quick):
        raise UserError("--out is for what --run or --quick measures: there is nothing new here")
    if run or quick:
        found = _measured(table, quick)
    else:
        found = read_table(table) if file else shipped_table(table)
    if out is not None:
        found.write(out)
        print(f"written: {out}", file=sys.stderr)
    if json:
        sys.stdout.write(found.to_json())
        return
    show(found)


def _measured(preset: str, quick: bool) -> EdgeTable:
    from marslab.lab.edge import making, measure

    plan = making.quick(PLANS[preset]) if quick else PLANS[preset]

    def told(done: int) -> None:
        print(f"{done} of {len(plan.seeds)} seeds done", file=sys.stderr)

    return measure.edge_table(plan, told)


def show(found: EdgeTable) -> None:
    """Print a table; ratios are to fp32 in the same runtime, torch's where there is no other."""
    drawn = Table()
    for column in COLUMNS:
        drawn.add_column(column, justify="left" if column == COLUMNS[0] else "right")
    for row in found.rows:
        drawn.add_row(*_cells(row, found))
    console = Console(markup=False)
    (console if console.is_terminal else Console(markup=False, width=WIDTH)).print(drawn)
    print(LEGEND)
    told = found.conditions
    plan = told["plan"]
    print(
        f"{plan['preset']}{_with(plan['overrides'])}, student {plan['student']}; "
        f"accuracy over seeds {tuple(plan['seeds'])}, the rest of seed {plan['seeds'][0]}. "
        f"{told['machine']}, {told['threads']} thread, torch {told['torch']}, "
        f"onnxruntime {told['onnxruntime']}, {told['date'][:10]}. {told['method']}."
    )


def _cells(row: EdgeRow, found: EdgeTable) -> list[str]:
    base = found.row("fp32", row.runtime)
    return [
        row.name + (" (torch)" if row.runtime == "torch" else ""),
        f"{row.file_bytes / 1e3:,.0f}",
        f"{row.packed_bytes / 1e3:,.0f}",
        f"{base.file_bytes / row.file_bytes:.2f}",
        f"{row.ms_median:.3f}",
        f"{row.ms_p99:.3f}",
        f"{base.ms_median / row.ms_median:.2f}",
        f"{row.mean_accuracy:.1%}",
        f"{100 * (base.mean_accuracy - row.mean_accuracy):+.1f}",
    ]


def _with(overrides: Mapping[str, Any]) -> str:
    return f" with {overrides}" if overrides else ""


def edge_demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try.")] = 5016,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
) -> None:
    """Serve a page of phone width: draw a digit, and a model of 8 bits reads it."""
    # A process of its own: this floor knows the page by name only.
    command = [sys.executable, "-P", "-m", "marslab.widgets.edge_demo", f"--port={port}"]
    command += ["--no-browser"] if no_browser else []
    with subprocess.Popen(command) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the child had it too: let it close its port
            process.wait(timeout=10)
            raise
    raise typer.Exit(code)
