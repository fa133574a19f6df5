"""The figures of the Integral auditor view: what they draw, against numbers by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from marslab.widgets.figures import (
    auditor_calibration,
    auditor_draws,
    auditor_steps,
    auditor_sweep,
    auditor_thresholds,
    auditor_waves,
)
from marslab.widgets.figures.auditor_calibration import shares

T = np.arange(1.0, 7)
LAWS = {"p": [0.0, 1.5, 1.5], "r2_power": [0.0, 1.0, 1.0], "r2_geometric": [0.0, 1.0, 0.9]}
TABLES = {"ours": {"a<b": 1.05, "math": 1.3}, "printed": {"a<b": 0.7, "math": 1.3}}
NOWHERE: dict[str, int | None] = {"a<b": None, "math": None}


def names(figure: Any) -> list[str]:
    return [trace.name for trace in figure.data]


def test_a_ring_stands_at_the_step_where_a_rule_stops() -> None:
    figure: Any = auditor_steps((T**-1.5).tolist(), 1.5, 0.7, {"ours": 5, "printed": 2})
    *_, ours, printed = figure.data
    assert (ours.name, ours.x, printed.x) == ("the auditor stops", (5,), (2,))
    assert ours.y == (5**-1.5,) and printed.y == (2**-1.5,)
    assert ours.marker.color != printed.marker.color
    without = auditor_steps((T**-1.5).tolist(), 1.5, 0.7, {"ours": None})
    assert names(without) == ["steps", "power, p = 1.50", "factor, q = 0.70"]


def test_a_narrow_axis_has_finer_ticks() -> None:
    narrow: Any = auditor_steps([1.0, 0.5, 0.0, 0.2], 1.2, 0.5, {})
    assert {"0.5", "0.2", "1"} <= set(narrow.layout.yaxis.ticktext)
    wide: Any = auditor_steps([1.0, 0.1, 0.001], 1.2, 0.5, {})
    assert wide.layout.yaxis.ticktext is None


def test_p_and_both_r2_begin_at_the_second_wave() -> None:
    figure: Any = auditor_waves(LAWS, 1.1, {"ours": 3}, least_r2=[None, None, 0.95])
    drawn = {trace.name: trace for trace in figure.data}
    assert drawn["p"].x == (2, 3) and drawn["p"].y == (1.5, 1.5)
    assert drawn["R² of the factor"].y == (1.0, 0.9) and set(drawn["threshold"].y) == {1.1}
    assert drawn["the auditor stops"].y == (1.5,) and drawn["R² must be above"].y == (None, 0.95)
    low, high = figure.layout.yaxis.range
    assert low < 0 < 1.5 < high


def test_both_tables_and_the_wave_of_each_stand_beside_their_type() -> None:
    stops = {"ours": NOWHERE, "printed": NOWHERE | {"a<b": 5}}
    figure: Any = auditor_thresholds(TABLES, 0.9, 1.1, stops)
    printed, ours, p, slider = figure.data
    assert (printed.x, ours.x, p.x, slider.x) == ((0.7, 1.3), (1.05, 1.3), (0.9,) * 2, (1.1,) * 2)
    first, second = figure.layout.yaxis.ticktext
    assert first == "a&lt;b<br>ours: no stop · printed: 5" and "printed: no stop" in second


def test_shares_are_those_of_the_sorted_thoughts() -> None:
    random = np.random.default_rng(0)
    p, right = random.normal(size=53), random.random(53) < 0.7
    found = shares(p.tolist(), right.tolist(), bins=4)
    order = np.argsort(p)
    at = 0
    rows: Any = found.itertuples()
    for row in rows:
        some = order[at : at + row[4]]
        assert row.right == right[some].sum() and row.share == pytest.approx(right[some].mean())
        assert row.p == pytest.approx(p[some].mean()) and row.low_p == p[some].min()
        # Wilson's centre and half width, by his formula.
        n, share, z = row[4], row.share, 1.959964
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        assert (row.low, row.high) == pytest.approx((centre - half, centre + half), abs=1e-6)
        at += row[4]
    assert at == 53 and set(found["count"]) == {13, 14}
    for wrong in (([], []), ([1.0], [True, False])):
        with pytest.raises(ValueError, match="shares: p and right must be n each"):
            shares(*wrong)


def test_each_thought_is_a_dot_on_its_side() -> None:
    figure: Any = auditor_calibration([0.5, 0.7, 0.9], [True, False, True], threshold=0.8, bins=3)
    right, wrong, all_of_them, line = figure.data
    assert right.x == (0.5, 0.9) and wrong.x == (0.7,)
    assert min(right.y) > 1 and max(wrong.y) < 0
    assert set(all_of_them.y) == {2 / 3} and line.y == (1.0, 0.0, 1.0)
    assert figure.layout.shapes[0].x0 == 0.8
    one: Any = auditor_calibration([0.5, 0.5], [True, True])
    assert one.data[3].y == (1.0, 1.0)


def test_draws_show_their_middle_and_what_has_stopped() -> None:
    p = np.random.default_rng(0).normal(size=(400, 5))
    figure: Any = auditor_draws(p, {"ours": [0, 0, 0.2, 0.4, 0.8]}, true_p=1.5, threshold=1.1)
    band, median, true, threshold, stopped = figure.data
    assert median.x == (2, 3, 4, 5) and np.allclose(median.y, np.median(p[:, 1:], 0))
    inside = (p[:, 1:] <= np.array(band.y[:4])) & (p[:, 1:] >= np.array(band.y[:3:-1]))
    assert np.allclose(inside.mean(0), 0.9, atol=0.005)
    assert set(true.y) == {1.5} and set(threshold.y) == {1.1} and stopped.y == (0, 0.2, 0.4, 0.8)


def test_a_sweep_stands_beside_all_waves() -> None:
    figure: Any = auditor_sweep([1, 2], [0.8, 0.9], [5, 6], chosen=2, all_waves=(0.9, 6))
    assert [trace.y for trace in figure.data] == [(0.8, 0.9), (0.9, 0.9), (5, 6), (6, 6)]
    assert {shape.x0 for shape in figure.layout.shapes} == {2}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda **look: auditor_steps([1.0, 0.5], 1.0, 0.5, {"ours": 2}, **look),
        lambda **look: auditor_waves(LAWS, 1.1, {"ours": 3}, **look),
        lambda **look: auditor_thresholds(
            TABLES, 1, 1, {"ours": NOWHERE, "printed": NOWHERE}, **look
        ),
        lambda **look: auditor_calibration([0.5, 1.0], [True, False], **look),
        lambda **look: auditor_sweep([1], [1], [6], chosen=1, all_waves=(1, 6), **look),
        lambda **look: auditor_draws(np.ones((3, 5)), {"ours": [0] * 5}, **look),
    ],
    ids=["steps", "waves", "thresholds", "calibration", "sweep", "draws"],
)
def test_same_data_gives_the_same_figure_with_named_axes(
    make: Callable[..., Any], dark: bool
) -> None:
    figure = make(dark=dark, height=321)
    assert figure == make(dark=dark, height=321) != make(dark=not dark, height=321)
    assert figure.layout.height == 321
    told = [axis.title.text for axis in figure.select_xaxes()]
    assert told[-1] and "(" in told[-1]
