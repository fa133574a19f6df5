"""A report as tables for a terminal."""

from collections import defaultdict

from rich.console import Console
from rich.table import Table

from marslab.lab.bench.cases import Goal
from marslab.lab.bench.report import OURS, Figure, Report, Row

BEFORE, AFTER = ("", "median ms", "middle half", "x floor", "GB/s"), ("error", "runs")
PEAK = "peak MiB"


def show(report: Report, console: Console) -> None:
    """Print one table per row of work, then who is missing, then the conditions."""
    stream = report.conditions.get("stream_gb_s")
    for row in report.rows:
        console.print(_table(row, stream if isinstance(stream, float) else None))
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

    The fastest of ours counts, unless a goal names one. A figure that meets its goal says so, one
    that does not says by how much.
    """
    return "; ".join(filter(None, (_judged(row, goal) for goal in row.goals)))


def rate(row: Row, stream_gb_s: float | None) -> str:
    """The fastest of ours beside the stream, in words; empty where one of them is missing."""
    best = row.best()
    if best is None or not stream_gb_s:
        return ""
    return f"{best.name} moves {best.gb_s:.3g} GB/s, the stream {stream_gb_s:.3g} GB/s"


def _judged(row: Row, goal: Goal) -> str:
    best = row.best(goal.of)
    who = f"{goal.of}: " if goal.of else ""
    if best is None:
        return ""
    if goal.ms is not None:
        held, value = best.ms <= goal.ms, f"{best.ms:.4f}"
        return _held(f"{who}goal <= {goal.ms:g} ms", held, value)
    speed = row.speed(best, goal.beside)
    if speed is None or goal.speed is None:
        return ""
    words = f"{who}goal >= {goal.speed:.3g} x the speed of {goal.beside}"
    return _held(words, speed >= goal.speed, f"{speed:.3g}")


def _held(goal: str, held: bool, value: str) -> str:
    return f"{goal}: {'reached' if held else 'not reached'}, {value}"


def _table(row: Row, stream_gb_s: float | None) -> Table:
    title = f"{row.case.title}    floor {row.floor_ms:.3f} ms ({row.bound})"
    told = "\n".join(filter(None, (title, verdict(row), rate(row, stream_gb_s))))
    table = Table(title=told, title_justify="left", title_style="bold")
    peak = (PEAK,) if _counted(row) else ()
    for name in (*BEFORE, *(f"x {name}" for name in row.measures), *peak, *AFTER):
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for figure in sorted(row.figures, key=lambda figure: figure.ms):
        table.add_row(*_cells(row, figure))
    return table


def _counted(row: Row) -> bool:
    """Whether the device counts the memory that is held."""
    return any(figure.peak_bytes is not None for figure in row.figures)


def _cells(row: Row, figure: Figure) -> list[str]:
    speeds = [row.speed(figure, name) for name in row.measures]
    peak = "-" if figure.peak_bytes is None else f"{figure.peak_bytes / 2**20:.0f}"
    return [
        figure.name if figure.kind == OURS else f"{figure.name} ({figure.kind})",
        f"{figure.ms:.3f}",
        f"{figure.low_ms:.3f}-{figure.high_ms:.3f}",
        f"{row.to_floor(figure):.2f}",
        f"{figure.gb_s:.3g}",
        *("-" if speed is None else f"{speed:.2f}" for speed in speeds),
        *([peak] if _counted(row) else []),
        "-" if figure.error is None else f"{figure.error:.0e}",
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
