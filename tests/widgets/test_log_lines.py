"""log_lines draws what can stand on a log axis, evenly, and leaves the rest out."""

from typing import Any

import numpy as np
import pytest

from marslab.widgets.figures import log_lines

DECAYS = {"0.9": 0.9 ** np.arange(1, 32769), "0.9999": 0.9999 ** np.arange(1, 32769)}


def first(figure: Any) -> Any:
    return figure.data[0]


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    look = {"marks": {"least float32": 1.4e-45}, "title": "Decays", "dark": dark, "height": 321}
    figure = log_lines(DECAYS, **look)
    assert figure == log_lines(DECAYS, **look)
    layout = figure.layout
    assert layout.height == 321 and layout.xaxis.type == layout.yaxis.type == "log"
    assert "(" in layout.xaxis.title.text and "(" in layout.yaxis.title.text


def test_a_long_line_keeps_its_ends_and_is_thinned_evenly() -> None:
    line = first(log_lines(DECAYS))
    assert line.x[0] == 1 and line.x[-1] == 32768 and len(line.x) < 300
    kept = {int(x): y for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)}
    assert all(y == pytest.approx(0.9**x) for x, y in kept.items())
    assert (np.diff(np.log10(line.x[40:])) < 0.03).all()


def test_zero_infinity_and_nan_are_gaps() -> None:
    values = [1.0, 0.0, np.inf, np.nan, -1.0, 2.0]
    assert np.isnan(first(log_lines({"x": values})).y).tolist() == [0, 1, 1, 1, 1, 0]


def test_x_may_be_given_and_nothing_may_be_drawn() -> None:
    assert first(log_lines({"a": [1.0, 2.0]}, [10, 100])).x.tolist() == [10, 100]
    assert len(first(log_lines({"a": []})).x) == 0
    assert not log_lines({}).data


def test_names_are_shown_as_they_are() -> None:
    figure = log_lines({"<b>a": [1.0]}, marks={"<i>m": 1.0})
    assert first(figure).name == "&lt;b&gt;a"
    assert figure.layout.annotations[0].text == "&lt;i&gt;m"
