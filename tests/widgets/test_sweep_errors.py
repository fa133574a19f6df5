"""The figure of errors against sweeps."""

import math
from typing import Any

from marslab.widgets.figures import sweep_errors


def figure(errors: dict, **look: Any) -> Any:
    return sweep_errors(errors, **look)


def test_a_line_for_each_problem_from_sweep_0() -> None:
    fig = figure({"short": [1.0, 1e-3], "long <b>": [1.0, 0.5, 0.25]}, tol=1e-10)
    assert [line.name for line in fig.data] == ["short", "long &lt;b&gt;"]
    assert fig.data[1].x.tolist() == [0, 1, 2] and fig.data[1].y.tolist() == [1.0, 0.5, 0.25]
    assert fig.layout.yaxis.type == "log" and fig.layout.annotations[0].y == -10
    assert fig.layout.annotations[0].text == "tolerance 1e-10"


def test_what_a_log_axis_cannot_show_leaves_a_gap() -> None:
    y = figure({"x": [1.0, 0.0, math.inf, math.nan, 1e-9]}).data[0].y
    assert [math.isnan(v) for v in y] == [False, True, True, True, False]


def test_light_and_dark_differ_in_colour_alone() -> None:
    light, dark = (figure({"x": [1.0, 0.1]}, dark=d) for d in (False, True))
    assert light.data[0].y.tolist() == dark.data[0].y.tolist()
    assert light.layout.paper_bgcolor != dark.layout.paper_bgcolor
