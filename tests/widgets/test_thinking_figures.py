"""The figures and explorers of thoughts: laws of steps, paths, singular values, verdicts."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from marslab.thinking import AuditTrail, IntegralAuditor, LoopDetector, printed_rule
from marslab.widgets.explorers import Explorer, p_curve, turning_thought
from marslab.widgets.explorers.p_curve import printed
from marslab.widgets.explorers.turning_thought import turning
from marslab.widgets.figures import singular_values, step_laws, thought_paths

T = np.arange(1.0, 9)


def by_name(explorer: Explorer) -> dict[str, Any]:
    """The traces of an explorer's figure."""
    traces: Any = explorer.figure.data
    return {trace.name: trace for trace in traces}


def test_each_law_lies_on_steps_that_follow_it() -> None:
    power: Any = step_laws((3 * T**-1.5).tolist(), p=1.5, q=0.7).data[1]
    assert np.allclose(power.y, 3 * power.x**-1.5)
    factor: Any = step_laws((3 * 0.6**T).tolist(), p=1.5, q=0.6).data[2]
    assert np.allclose(factor.y, 3 * 0.6**factor.x)


def test_a_window_keeps_its_time_and_zero_is_a_gap() -> None:
    fig: Any = step_laws([1.0, 0.0, 0.5], p=1.0, q=0.5, start=20)
    assert fig.data[0].x.tolist() == [20, 21, 22] and math.isnan(fig.data[0].y[1])
    assert fig.layout.xaxis.type == fig.layout.yaxis.type == "log"
    assert fig.layout.xaxis.ticktext == ("20", "21", "22")
    nothing: Any = step_laws([0.0, 0.0], p=0.0, q=1.0)
    assert len(nothing.data) == 1
    many: Any = step_laws([1.0] * 40, p=0.0, q=1.0)
    assert many.layout.xaxis.ticktext == ("1", "2", "4", "8", "16", "32")


def test_a_path_keeps_distances_in_a_plane_and_its_shape() -> None:
    flat = torch.randn(7, 2, dtype=torch.float64)
    plane = torch.linalg.qr(torch.randn(24, 2, dtype=torch.float64)).Q.T
    fig: Any = thought_paths({"<b>one": flat @ plane + 5, "still": torch.ones(4, 3)}, height=300)
    seen = torch.tensor(np.stack([fig.data[0].x, fig.data[0].y], 1))
    assert torch.allclose(torch.cdist(seen, seen), torch.cdist(flat, flat))
    assert fig.data[1].x.tolist() == [0.0] * 4
    assert fig.layout.annotations[0].text == "&lt;b&gt;one"
    assert (fig.layout.yaxis.scaleanchor, fig.layout.yaxis2.scaleanchor) == ("x", "x2")
    assert tuple(fig.layout.xaxis.range) == tuple(fig.layout.yaxis.range)


def test_four_paths_make_two_rows_and_none_an_empty_figure() -> None:
    fig: Any = thought_paths({name: torch.randn(3, 4) for name in "abcd"})
    assert fig.data[3].yaxis == "y4" and fig.layout.yaxis4.domain[0] < fig.layout.yaxis.domain[0]
    assert not thought_paths({}).data
    line: Any = thought_paths({"a": [[0.0], [1.0]]}).data
    assert line[0].y.tolist() == [0.0, 0.0]


def test_singular_values_are_relative_to_the_largest() -> None:
    bars: Any = singular_values({"a": torch.tensor([4.0, 1.0, 0.5]), "zero": [0.0]}, most=2).data
    assert [bar.y for bar in bars] == [(1.0, 0.0), (0.25, None)]
    assert bars[0].x == ("a", "zero") and not singular_values({}).data


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    look: dict[str, Any] = {"title": "T", "dark": dark, "height": 321}
    for made in (
        lambda: step_laws([1.0, 0.5], 1.0, 0.5, **look),
        lambda: thought_paths({"a": [[0.0, 1.0], [1.0, 0.0]]}, **look),
        lambda: singular_values({"a": [1.0]}, **look),
    ):
        fig: Any = made()
        assert fig == made() and fig.layout.height == 321
        assert fig.layout.xaxis.title.text and fig.layout.yaxis.title.text


def test_the_p_curve_says_what_a_trail_says() -> None:
    thoughts = {"fast": (T**-2.0).tolist(), "still": (T**-0.2).tolist()}
    explorer = p_curve(thoughts)
    for name, waves, said in (
        ("fast", 4, "go on, fewer than 5 points"),
        ("fast", 6, "stop, p = 2.00 is above 1.10"),
        ("still", 8, "it stands still"),
    ):
        explorer.controls["thought"].value = name
        explorer.controls["waves"].value = waves
        trail = AuditTrail(IntegralAuditor())
        last = [trail.add(step) for step in thoughts[name][:waves]][-1]
        assert f"p = {last.p:.2f}" in explorer.sentence.value and said in explorer.sentence.value
    assert "<svg" in explorer.picture.value


def test_a_threshold_moves_both_verdicts_and_two_points_are_enough_for_one() -> None:
    explorer = p_curve({"fast": (T**-1.5).tolist()})
    drawn = by_name(explorer)
    assert drawn["the printed rule stops"].x == (2, 3, 4, 5, 6)
    assert drawn["the auditor stops"].x == (5, 6)
    explorer.controls["threshold"].value = 1.9
    drawn = by_name(explorer)
    assert drawn["the printed rule stops"].x == drawn["the auditor stops"].x == ()
    assert not any(printed([1.0], 0.5))


@pytest.mark.parametrize("thoughts", [{}, {"short": [1.0]}, {"long": [1.0] * 25}])
def test_the_p_curve_says_which_thoughts_it_takes(thoughts: dict) -> None:
    with pytest.raises(ValueError, match="one thought at least, each of 2 to 24 steps"):
        p_curve(thoughts)


def test_only_the_printed_ratio_minds_where_a_turning_thought_is() -> None:
    explorer = turning_thought(0.3)
    assert "rotation, period 21 steps" in explorer.sentence.value
    ratios = []
    for centre in (0.0, 10.0):
        explorer.controls["centre"].value = centre
        assert "rotation, period 21 steps" in explorer.sentence.value
        ratio = printed_rule(turning(0.3, 1.0, centre)[1:])[1]
        assert f"ratio is {ratio:.1f}" in explorer.sentence.value
        ratios.append(ratio)
    assert ratios[1] > 2 * ratios[0]
    explorer.controls["shrink"].value = 0.8
    assert "no loop" in explorer.sentence.value
    assert not LoopDetector()(turning(0.3, 0.8, 10.0)).found


def test_a_thought_that_does_not_turn_stands_still() -> None:
    explorer = turning_thought(0.0)
    assert "stagnation" in explorer.sentence.value and "inf: no alarm" in explorer.sentence.value


def test_every_control_can_be_reached_by_keyboard() -> None:
    for explorer in (p_curve({"a": [1.0, 0.5]}), turning_thought()):
        for control in explorer.controls.values():
            assert not control.disabled and control.tabbable is not False and control.description
