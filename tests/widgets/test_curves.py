"""curves draws lines and dots of their own x, in colours and symbols that differ."""

from typing import Any

import numpy as np
import pytest
import torch

from marslab.widgets.figures import curves

LINES: dict[str, tuple[Any, Any]] = {
    "exact": (torch.linspace(0, 1, 5), torch.linspace(0, 1, 5) ** 2)
}
DOTS: dict[str, tuple[Any, Any]] = {
    "one & two": ([0.0, 1.0], [0.0, 1.0]),
    "other": ([0.5], np.array([0.3])),
}


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    look: dict[str, Any] = {"x_title": "time (s)", "title": "Both", "dark": dark, "height": 321}
    figure: Any = curves(LINES, DOTS, **look)
    assert figure == curves(LINES, DOTS, **look)
    assert figure.layout.xaxis.title.text == "time (s)" and figure.layout.height == 321
    assert "(" in figure.layout.yaxis.title.text


def test_each_has_its_own_points_colour_and_symbol() -> None:
    drawn: Any = curves(LINES, DOTS).data
    exact, first, second = drawn
    assert list(exact.x) == [0, 0.25, 0.5, 0.75, 1] and exact.y[-1] == 1
    assert (first.mode, second.x, second.y) == ("markers", (0.5,), (0.3,))
    assert first.name == "one &amp; two"
    assert len({exact.line.color, first.marker.color, second.marker.color}) == 3
    assert first.marker.symbol != second.marker.symbol


def test_lines_alone_and_nothing_at_all() -> None:
    alone: Any = curves(LINES).data
    nothing: Any = curves({}).data
    assert len(alone) == 1 and len(nothing) == 0
