"""The figures of a study: who is drawn where, what counts as clear, and what is left out."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from marslab.widgets.figures import (
    ablation_effects,
    cost_against_score,
    learning_curves,
    records_table,
)
from marslab.widgets.figures.ablation_effects import signed
from marslab.widgets.figures.style import accent, ink

NAN = float("nan")
ROWS = [
    ("baseline", 3, 0.95, 0.94, 0.96, 0.0, 0.0, 0.0, 2.0, 4000),
    ("ssm.enabled=false", 3, 0.71, 0.70, 0.72, -0.24, -0.25, -0.23, 1.0, 800),
    ("ssm.d_state=16", 3, 0.955, 0.94, 0.97, 0.005, -0.01, 0.02, 3.0, 6000),
    ("<b>wide", 1, 0.97, NAN, NAN, 0.02, NAN, NAN, 9.0, 100_000),
    ("broken", 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN),
]
NAMES = "variant runs mean low high difference difference_low difference_high seconds parameters"
SUMMARY = pd.DataFrame(ROWS, columns=NAMES.split())
SEEDS = {"baseline": [0.94, 0.95, 0.96]}
CURVES = {"baseline": [[(1, 0.5), (2, 0.7)], [(1, 0.7), (2, 0.9), (3, 1.0)]], "<b>": [[(1, 0.2)]]}
MAKERS: dict[str, Any] = {
    "effects": lambda **look: ablation_effects(SUMMARY, SEEDS, **look),
    "curves": lambda **look: learning_curves(CURVES, **look),
    "cost": lambda **look: cost_against_score(SUMMARY, **look),
}


def traces(fig: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in fig.data}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("dark", [False, True])
def test_a_figure_is_a_pure_function_that_names_its_axes(kind: str, dark: bool) -> None:
    before = SUMMARY.copy()
    figure = MAKERS[kind](dark=dark, height=321, score="digits right (share)")
    again = MAKERS[kind](dark=dark, height=321, score="digits right (share)")
    assert figure.to_json() == again.to_json()  # as text: a missing figure is not equal to itself
    layout = figure.to_plotly_json()["layout"]
    titles = [layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis")]
    assert "digits right (share)" in titles and "(" in titles[0] and layout["height"] == 321
    assert layout["font"]["color"] == ink(dark)
    pd.testing.assert_frame_equal(SUMMARY, before)


@pytest.mark.parametrize("kind", MAKERS)
def test_names_are_escaped_and_an_empty_study_has_an_empty_figure(kind: str) -> None:
    assert "<b>wide" not in str(MAKERS[kind]().to_json()).replace("\\u003c", "<")
    empty: Any = {} if kind == "curves" else SUMMARY.iloc[:0]
    function = {"curves": learning_curves, "cost": cost_against_score}.get(kind, ablation_effects)
    assert list(function(empty).data) == []


def rows_of(fig: Any) -> list[str]:
    return list(fig.layout.yaxis.ticktext)


def test_the_best_variant_is_on_top_and_one_without_a_score_has_no_row() -> None:
    names = ["ssm.enabled=false", "baseline", "ssm.d_state=16", "&lt;b&gt;wide"]
    assert rows_of(ablation_effects(SUMMARY)) == names
    assert rows_of(ablation_effects(SUMMARY, more_is_better=False)) == names[::-1]


def test_only_an_interval_without_zero_is_clear() -> None:
    found = traces(ablation_effects(SUMMARY))
    assert list(found) == ["baseline", "clearly worse", "not clear"]
    worse = found["clearly worse"]
    assert worse.x == (0.71,) and worse.y == (0,) and worse.marker.color == accent()
    assert found["not clear"].x == (0.955, 0.97)
    assert found["not clear"].marker.symbol == "circle-open"
    other = traces(ablation_effects(SUMMARY, more_is_better=False))
    assert other["clearly better"].x == (0.71,) and "clearly worse" not in other


def test_the_bar_is_the_interval_and_the_line_stands_at_the_baseline() -> None:
    fig: Any = ablation_effects(SUMMARY, SEEDS)
    bar = traces(fig)["clearly worse"]
    assert bar.x[0] + bar.error_x.array[0] == pytest.approx(0.72)
    assert bar.x[0] - bar.error_x.arrayminus[0] == pytest.approx(0.70)
    assert [(line.x0, line.x1) for line in fig.layout.shapes] == [(0.95, 0.95)]
    assert traces(fig)["one run"].x == tuple(SEEDS["baseline"])
    beside = [note.text for note in fig.layout.annotations]
    assert beside[:2] == ["−0.24  (n = 3)", "baseline  (n = 3)"]
    assert beside[2:] == ["+0.005  (n = 3)", "+0.02  (n = 1)", "difference"]


def test_a_difference_is_written_with_its_sign() -> None:
    assert [signed(x) for x in (-0.5, 0.25, NAN)] == ["−0.5", "+0.25", "-"]


def test_a_curve_is_the_mean_over_the_runs_with_their_span() -> None:
    fig: Any = learning_curves(CURVES)
    found = traces(fig)
    assert found["baseline"].x == (1.0, 2.0)  # the epochs that both runs have
    assert np.allclose(found["baseline"].y, [0.6, 0.8])
    assert np.allclose(found["span of baseline"].y, [0.7, 0.9, 0.7, 0.5])
    assert found["&lt;b&gt;"].mode == "markers" and len(found) == 3
    assert fig.data[-1].name == "baseline"  # on top of the others


def test_cost_takes_a_log_axis_where_one_variant_is_far_dearer() -> None:
    fig: Any = cost_against_score(SUMMARY)
    assert fig.layout.xaxis.type == "log" and "log" in fig.layout.xaxis.title.text
    assert "broken" not in traces(fig) and traces(fig)["baseline"].x == (4000.0,)
    assert cost_against_score(SUMMARY, cost="seconds").layout.xaxis.type == "linear"  # pyright: ignore
    small: Any = cost_against_score(SUMMARY.rename(columns={"seconds": "kB"}), cost="kB")
    assert small.layout.xaxis.title.text == "file (kB)"
    with pytest.raises(ValueError, match="cost must be one of"):
        cost_against_score(SUMMARY, cost="money")


def test_a_variant_has_one_colour_in_both_figures() -> None:
    names = list(SUMMARY["variant"])
    curves = traces(learning_curves({name: [[(1, 0.1), (2, 0.2)]] for name in names}))
    marks = traces(cost_against_score(SUMMARY))
    for name, mark in marks.items():
        assert mark.marker.color == curves[name].line.color


def test_a_table_escapes_its_cells_and_shows_a_dash_for_what_is_missing() -> None:
    fig: Any = records_table(SUMMARY.reindex(columns=["variant", "low"]), dark=True, height=321)
    names, lows = fig.data[0].cells.values
    assert names[3] == "&lt;b&gt;wide" and lows[:2] == ["0.94", "0.7"] and lows[3] == "-"
    assert fig.layout.height == 321 and fig.data[0].cells.font.color == ink(True)
