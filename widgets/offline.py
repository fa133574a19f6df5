"""A page of figures that needs no network: one file, light and dark, everything inside."""

import json
from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from marslab.widgets.figures import CONFIG

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2733; --quiet: #5b6876;
  --edge: #d3dae2; --accent: #0072b2; --warn: #a63c00; --warn-paper: #fdf1ea; --field: #f4f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171c23; --ink: #e7edf3; --quiet: #9fadbb; --edge: #38434f;
    --accent: #56b4e9; --warn: #ffb488; --warn-paper: #2b1d15; --field: #10151b; }
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
Looks = tuple[go.Figure, go.Figure]


def document(title: str, body: str, figures: Sequence[Looks], style: str = "") -> str:
    """Build a whole page; `body` has a place for each figure, made by `place`.

    Shapes:
        figures: for each place a figure for light paper and one for dark

    >>> "https://" in document("t", "", []).split("<body>")[1]
    False
    """
    looks = [{"light": _plain(light), "dark": _plain(dark)} for light, dark in figures]
    data = json.dumps(looks).replace("</", "<\\/")  # "</" inside a script element would end it
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{STYLE}{style}</style><script>{get_plotlyjs()}</script></head><body>\n{body}"
        f'\n<script type="application/json" id="figures">{data}</script>'
        f"<script>const CONFIG = {json.dumps(CONFIG)};{SCRIPT}</script></body></html>\n"
    )


def place(number: int, label: str) -> str:
    """Give the place of the figure with this number; `label` says what it shows.

    >>> place(0, "Times")
    '<div id="figure-0" role="img" aria-label="Times"></div>'
    """
    return f'<div id="figure-{number}" role="img" aria-label="{escape(label)}"></div>'


def _plain(fig: go.Figure) -> dict:
    return json.loads(str(fig.to_json()))
