"""Reports of `marslab bench` as one page that needs no network: bars, floors, conditions.

Run as `python -m marslab.widgets.bench_page REPORT.json [REPORT.json ...] PAGE.html`.
"""

import json
import sys
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from marslab.errors import UserError
from marslab.files import write_text
from marslab.lab.bench.report import OURS, PEER, Figure, Report, Row, read
from marslab.lab.bench.table import rate, verdict
from marslab.widgets.figures import CONFIG, colour, timing_bars

USAGE = "usage: python -m marslab.widgets.bench_page REPORT.json [REPORT.json ...] PAGE.html"
BAR_HEIGHT, FRAME_HEIGHT = 44, 130  # pixels for each bar, and for axis and title
NAMES_WIDTH = 190  # pixels for the longest name of a peer

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2733; --quiet: #5b6876; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171c23; --ink: #e7edf3; --quiet: #9fadbb; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 3rem 0 0; } h3 { font-size: 1.1rem; margin: 2rem 0 0; }
.quiet, dt { color: var(--quiet); }
table { border-collapse: collapse; } td, th { padding: .1rem .9rem .1rem 0; text-align: right; }
td:first-child, th:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dd { margin: 0; }
"""
# Draws each figure in the reader's colours, and again when those change.
SCRIPT = """
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const draw = () => figures.forEach((looks, i) => {
  const look = looks[dark.matches ? "dark" : "light"];
  Plotly.react(`figure-${i}`, look.data, look.layout, CONFIG);
});
dark.addEventListener("change", draw);
draw();
"""


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
    looks = [
        {"light": _plain(row_figure(row)), "dark": _plain(row_figure(row, True))} for row in rows
    ]
    parts, number = [], 0
    for report in reports:
        parts.append(_heading(report))
        for op, group in groupby(report.rows, lambda row: row.case.op):
            parts.append(f"<h2>{escape(op)}</h2>")
            for row in group:
                parts.append(_section(row, number, report.conditions.get("stream_gb_s")))
                number += 1
        parts.append(_conditions(report))
    # "</" inside a script element would end it
    data = json.dumps(looks).replace("</", "<\\/")
    config = json.dumps(CONFIG)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>marslab bench</title>'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>\n"
        + "\n".join(parts)
        + f'\n<script type="application/json" id="figures">{data}</script>'
        f"<script>const CONFIG = {config};{SCRIPT}</script></body></html>\n"
    )


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


def _plain(fig: go.Figure) -> dict:
    return json.loads(str(fig.to_json()))


def _heading(report: Report) -> str:
    machine = escape(str(report.conditions.get("machine", report.device)))
    short = "" if report.complete else " The run was cut short: some rows are missing."
    return (
        f"<h1>Speed on {machine}</h1><p>Each bar ends at the median time "
        "of one run; the whisker spans the middle half of the runs. The dashed line is the floor, "
        "at rates measured in the same run: the bytes of the work, moved once, or its arithmetic "
        f"at the rate of a large matrix product, whichever takes longer.{short}</p>"
    )


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
        + f'<div id="figure-{number}" role="img" aria-label="Times of {title}"></div>'
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
