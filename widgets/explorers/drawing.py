"""A Plotly figure as a plain drawing: SVG, no script, in the colours of the page around it.

Scatter traces (lines, markers, text) and vertical bars; axes along the bottom and the left with
their titles and, where a figure names its ticks, those names. Enough for the explorers.
"""

import math
from collections.abc import Iterator
from html import escape
from typing import Any

from plotly.graph_objects import Figure

from marslab.widgets.figures.style import ink

WIDTH = 900
LEFT, RIGHT, TOP, BOTTOM = 66, 16, 34, 46
# The text colour of JupyterLab's theme, also in its exported pages; elsewhere a grey that is
# legible on a light page and on a dark one.
INK = "var(--jp-content-font-color1, #7a7a7a)"
MANY = 40  # ticks that stand close to each other
FAINT = "var(--jp-border-color2, #bdbdbd)"


def svg(figure: Figure, sentence: str = "") -> str:
    """Draw `figure`; `sentence` becomes the description that a screen reader speaks.

    >>> svg(Figure({"data": [{"type": "bar", "x": [0, 1], "y": [1, 2]}]})).count("<rect")
    2
    """
    layout = figure.layout.to_plotly_json()
    height = layout.get("height", 400)
    traces: list[dict[str, Any]] = figure.to_plotly_json()["data"]
    panels = sorted({(trace.get("xaxis", "x"), trace.get("yaxis", "y")) for trace in traces})
    shapes = [
        shape
        for axes in panels
        for shape in _panel(
            [t for t in traces if (t.get("xaxis", "x"), t.get("yaxis", "y")) == axes],
            [layout.get(name[0] + "axis" + name[1:], {}) for name in axes],
            height,
        )
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(sentence)}" style="width:100%;max-width:{1.3 * WIDTH:.0f}px" '
        f'font-family="system-ui, sans-serif" font-size="13">'
        f"{_legend(traces)}{''.join(shapes)}</svg>"
    )


def _panel(traces: list[dict], axes: list[dict], height: int) -> Iterator[str]:
    """The shapes of one pair of axes."""
    across, up = axes
    low, high = up.get("domain", (0, 1))
    inner = height - TOP - BOTTOM
    top, bottom = TOP + inner * (1 - high), TOP + inner * (1 - low)
    heights = [v for t in traces for v in _values(t, "y")]
    heights += [0] * any(trace["type"] == "bar" for trace in traces)
    x = _Scale(across, [v for t in traces for v in _values(t, "x")], LEFT, WIDTH - RIGHT)
    y = _Scale(up, heights, bottom, top)
    for at, label in y.ticks():
        yield f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}" stroke-width="0.6"/>'
        yield _text(LEFT - 7, at + 4, label, "end")
    yield f'<path d="M{LEFT} {bottom:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>'
    small = ' font-size="11"' * (len(x.ticks()) > MANY)
    for at, label in x.ticks():
        yield _text(at, bottom + 17, label, "middle", small)
    for trace in traces:
        yield from (_bars if trace["type"] == "bar" else _scatter)(trace, x, y)
    yield _text((LEFT + WIDTH - RIGHT) / 2, bottom + 37, _title(across), "middle")
    middle = (top + bottom) / 2
    turned = f' transform="rotate(-90 14 {middle:.1f})"'
    yield _text(14, middle, _title(up), "middle", turned)


class _Scale:
    """From the values of an axis to pixels."""

    def __init__(self, axis: dict, values: list[float], start: float, end: float):
        self.axis, self.start, self.end = axis, start, end
        least, most = min(values, default=0), max(values, default=1)
        room = 0.05 * (most - least)
        self.low, self.high = axis.get("range") or (least - room * (least < 0), most + room)

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Pixels and label of each tick: those that the figure names, or round numbers."""
        if self.axis.get("ticktext") is not None:
            named = zip(self.axis["tickvals"], self.axis["ticktext"], strict=True)
            return [(self(value), label) for value, label in named]
        low, high = sorted((self.low, self.high))
        step = self.axis.get("dtick") or _round_step((high - low) / 4)
        first, last = math.ceil(low / step), math.floor(high / step)
        return [(self(n * step), f"{n * step:.6g}") for n in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... (times any power of ten) from `least` upwards."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * 0.999)


def _scatter(trace: dict, x: _Scale, y: _Scale) -> Iterator[str]:
    points = list(zip(_list(trace, "x"), _list(trace, "y"), strict=True))
    mode, color = trace.get("mode", "lines"), _color(trace)
    if "lines" in mode:
        path, pen = [], "M"
        for at, value in points:
            if value is None:
                pen = "M"
                continue
            path.append(f"{pen}{x(at):.1f} {y(value):.1f}")
            pen = "L"
        wide = trace.get("line", {}).get("width", 2)
        yield f'<path d="{"".join(path)}" fill="none" stroke="{color}" stroke-width="{wide}"/>'
    if "markers" in mode:
        radius = trace.get("marker", {}).get("size", 6) / 2
        for at, value in points:
            yield f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="{radius}" fill="{color}"/>'
    if "text" in mode:
        for (at, value), label in zip(points, _list(trace, "text"), strict=True):
            yield _text(x(at) + 7, y(value) - 7, label, "start")


def _bars(trace: dict, x: _Scale, y: _Scale) -> Iterator[str]:
    wide = max(1.0, 0.8 * abs(x(1) - x(0)))
    for at, value in zip(_list(trace, "x"), _list(trace, "y"), strict=True):
        top, bottom = sorted((y(value), y(0)))
        yield (
            f'<rect x="{x(at) - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" '
            f'height="{bottom - top:.1f}" fill="{_color(trace)}"/>'
        )


def _legend(traces: list[dict]) -> str:
    named = [trace for trace in traces if trace.get("name") and trace.get("showlegend", True)]
    at, shapes = float(LEFT), []
    for trace in named:
        shapes.append(f'<circle cx="{at:.0f}" cy="14" r="5" fill="{_color(trace)}"/>')
        shapes.append(_text(at + 9, 18, trace["name"], "start"))
        at += 34 + 6.6 * len(trace["name"])
    return "".join(shapes)


def _text(x: float, y: float, label: str, anchor: str, more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}"{more}>{escape(str(label))}</text>'


def _title(axis: dict) -> str:
    return axis.get("title", {}).get("text", "")


def _color(trace: dict) -> str:
    color = (trace.get("line") or trace.get("marker") or {}).get("color")
    return INK if color in (None, ink()) else color


def _list(trace: dict, name: str) -> list[Any]:
    values = trace.get(name)
    return [] if values is None else list(values)


def _values(trace: dict, name: str) -> list[float]:
    return [value for value in _list(trace, name) if value is not None]
