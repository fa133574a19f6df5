"""A report as tables for a terminal."""

from collections import defaultdict

from rich.console import Console
from rich.table import Table

from marslab.lab.bench.report import OURS, Figure, Report, Row

COLUMNS = ("", "median ms", "middle half", "x floor", "GB/s", "of add", "error", "peak MiB", "runs")


def show(report: Report, console: Console) -> None:
    """Print one table per row of work, then who is missing, then the conditions."""
    for row in report.rows:
        console.print(_table(row))
        console.print()
    _print_notes(report, console)
    _print_absent(report, console)
    for name, value in report.conditions.items():
        told = f"{value:.1f}" if isinstance(value, float) else value
        console.print(f"{name}: {told}", style="dim", highlight=False, soft_wrap=True, markup=False)
    if not report.complete:
        console.print("Cut short: only the rows above were measured.", style="bold")


def verdict(row: Row) -> str:
    """What became of the goals of a row, in words; empty when it has none.

    The best of ours counts. A figure that meets its goal says so, one that does not says by how
    much.
    """
    ours = [figure for figure in row.figures if figure.kind == OURS]
    if not ours:
        return ""
    best = min(ours, key=lambda figure: figure.ms)
    told = []
    if row.goal_ms is not None:
        told.append(_held(f"goal <= {row.goal_ms:g} ms", best.ms <= row.goal_ms, f"{best.ms:.4f}"))
    share, least = row.of_add(best), row.case.goal_of_add
    if share is not None and least is not None:
        told.append(_held(f"goal >= {least:g} of torch.add", share >= least, f"{share:.2f}"))
    return "; ".join(told)


def _held(goal: str, held: bool, value: str) -> str:
    return f"{goal}: {'reached' if held else 'not reached'}, {value}"


def _table(row: Row) -> Table:
    told = verdict(row)
    title = f"{row.case.title}    floor {row.floor_ms:.3f} ms" + (f"    {told}" if told else "")
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for figure in sorted(row.figures, key=lambda figure: figure.ms):
        table.add_row(*_cells(row, figure))
    return table


def _cells(row: Row, figure: Figure) -> list[str]:
    share = row.of_add(figure)
    return [
        figure.name if figure.kind == OURS else f"{figure.name} ({figure.kind})",
        f"{figure.ms:.3f}",
        f"{figure.low_ms:.3f}-{figure.high_ms:.3f}",
        f"{row.to_floor(figure):.2f}",
        f"{figure.gb_s:.1f}",
        "-" if share is None else f"{share:.2f}",
        "-" if figure.error is None else f"{figure.error:.0e}",
        "-" if figure.peak_bytes is None else f"{figure.peak_bytes / 2**20:.0f}",
        str(figure.runs),
    ]


def _print_notes(report: Report, console: Console) -> None:
    notes = {f.name: f.note for row in report.rows for f in row.figures if f.note}
    for name, note in notes.items():
        console.print(f"{name}: {note}", highlight=False, soft_wrap=True, markup=False)


def _print_absent(report: Report, console: Console) -> None:
    rows = defaultdict(list)
    for row in report.rows:
        for gone in row.absent:
            rows[gone.name, gone.reason, gone.failed].append(row.case.title)
    for (name, reason, failed), titles in rows.items():
        where = "all rows" if len(titles) == len(report.rows) else ", ".join(titles)
        console.print(
            f"no figure for {name}: {reason} ({where})",
            style="red" if failed else "",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
