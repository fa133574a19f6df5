"""Reports of `marslab bench` as one page that needs no network: bars, floors, conditions.

Run as `python -m marslab.widgets.bench_page REPORT.json [REPORT.json ...] PAGE.html`.
"""

import sys
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

import plotly.graph_objects as go

from marslab.errors import UserError
from marslab.files import write_text
from marslab.lab.bench.report import OURS, PEER, Figure, Report, Row, read
from marslab.lab.bench.table import rate, verdict
from marslab.widgets.figures import colour, timing_bars
from marslab.widgets.offline import document, place

USAGE = "usage: python -m marslab.widgets.bench_page REPORT.json [REPORT.json ...] PAGE.html"
BAR_HEIGHT, FRAME_HEIGHT = 44, 130  # pixels for each bar, and for axis and title
NAMES_WIDTH = 190  # pixels for the longest name of a peer


def row_figure(row: Row, dark: bool = False) -> go.Figure:
    """Draw one row of work: a bar for each variant, fastest first, and the memory floor."""
    figures = sorted(row.figures, key=lambda figure: figure.ms)
    bars = {figure.name: [figure.low_ms, figure.ms, figure.high_ms] for figure in figures}
    height = FRAME_HEIGHT + BAR_HEIGHT * max(len(bars), 1)
    fig = timing_bars(
        bars, row.floor_ms, title="", dark=dark, height=height, limit_name=f"{row.bound} floor"
    )
    for figure in figures:  # "numba euler" in the colour of numba
        backend = figure.name.split()[0] if figure.kind == OURS else figure.name
        tint = colour("peer" if figure.kind == PEER else backend, dark)
        fig.update_traces(marker_color=tint, selector={"type": "bar", "name": figure.name})
    fig.update_traces(cliponaxis=False, selector={"type": "scatter"})  # words may reach the margin
    return fig.update_layout(margin={"l": NAMES_WIDTH, "r": 90, "t": 44}, yaxis_title_text="")


def page(reports: Sequence[Report]) -> str:
    """Build the HTML of a page from reports; everything it needs is inside."""
    rows = [row for report in reports for row in report.rows]
    looks = [(row_figure(row), row_figure(row, True)) for row in rows]
    parts, number = [], 0
    for report in reports:
        parts.append(_heading(report))
        for op, group in groupby(report.rows, lambda row: row.case.op):
            parts.append(f"<h2>{escape(op)}</h2>")
            for row in group:
                parts.append(_section(row, number, report.conditions.get("stream_gb_s")))
                number += 1
        parts.append(_conditions(report))
    return document("marslab bench", "\n".join(parts), looks)


def main(arguments: Sequence[str]) -> int:
    """Write the page that the arguments ask for; return the exit code."""
    if len(arguments) < 2:
        print(USAGE, file=sys.stderr)
        return 2
    *sources, target = map(Path, arguments)
    try:
        write_text(target, page([read(source) for source in sources]))
    except (UserError, OSError) as mistake:
        print(mistake, file=sys.stderr)
        return 2
    return 0


def _heading(report: Report) -> str:
    machine = escape(str(report.conditions.get("machine", report.device)))
    short = "" if report.complete else f" {_cut_short(report)}"
    return (
        f"<h1>Speed on {machine}</h1><p>Each bar ends at the median time "
        "of one run; the whisker spans the middle half of the runs. The dashed line is the floor, "
        "at rates measured in the same run: the bytes of the work, moved once, or its arithmetic "
        f"at the rate of a large matrix product, whichever takes longer.{short}</p>"
    )


def _cut_short(report: Report) -> str:
    if (broke := report.conditions.get("broke")) is None:
        return "The run was cut short: some rows are missing."
    return f"The device broke down ({escape(str(broke))}): what was still to come is missing."


def _section(row: Row, number: int, stream: object) -> str:
    told = verdict(row)
    moved = rate(row, stream if isinstance(stream, float) else None)
    title = escape(row.case.title)
    absent = "".join(f"<li>{escape(a.name)}: {escape(a.reason)}</li>" for a in row.absent)
    lines = "".join(_line(row, figure) for figure in sorted(row.figures, key=lambda f: f.ms))
    speeds = "".join(f"<th>× {escape(name)}</th>" for name in row.measures)
    return (
        f"<section><h3>{title}</h3>"
        + "".join(f"<p>{escape(words)}</p>" for words in (told, moved) if words)
        + f"{place(number, f'Times of {row.case.title}')}"
        "<details><summary>as numbers</summary><table><tr><th>variant</th><th>ms</th>"
        f"<th>× floor</th><th>GB/s</th>{speeds}<th>note</th></tr>{lines}</table></details>"
        + (f'<p class="quiet">No figure for:</p><ul class="quiet">{absent}</ul>' if absent else "")
        + "</section>"
    )


def _line(row: Row, figure: Figure) -> str:
    speeds = [row.speed(figure, name) for name in row.measures]
    cells = (
        figure.name,
        f"{figure.ms:.4g}",
        f"{row.to_floor(figure):.3g}",
        f"{figure.gb_s:.4g}",
        *("-" if speed is None else f"{speed:.3g}" for speed in speeds),
        figure.note,
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _conditions(report: Report) -> str:
    entries = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_told(value))}</dd>"
        for name, value in report.conditions.items()
    )
    return f"<h2>Conditions</h2><dl>{entries}</dl>"


def _told(value: str | int | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
