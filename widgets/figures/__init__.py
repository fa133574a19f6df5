"""Pure functions from data to a Plotly figure: for notebooks, dashboards and reports alike.

Each takes `dark` and `height` and changes nothing but the figure that it returns.
"""

from marslab.widgets.figures.sequence import scan_lines, spread, state_heatmap
from marslab.widgets.figures.speed import roofline, timing_bars
from marslab.widgets.figures.style import COLOURS, CONFIG, colour, theme

__all__ = [
    "COLOURS",
    "CONFIG",
    "colour",
    "roofline",
    "scan_lines",
    "spread",
    "state_heatmap",
    "theme",
    "timing_bars",
]
