"""The figures of the Waves view, on matrices that were made by hand."""

from typing import Any

import numpy as np
import pytest

from marslab.widgets.figures import wave_answers, wave_experts, wave_heatmap, wave_memory

TOKENS = ["<", "7", "5"]
ROUTES = [[[0.6, 0.4], [0, 1], [0, 1]], [[1, 0], [0.3, 0.7], [0.2, 0.8]]]


def test_colours_go_alike_far_to_both_sides_of_a_middle() -> None:
    figure: Any = wave_heatmap(
        [[0.5, 0.8, np.nan], [0.4, 0.5, 0.5]], TOKENS, ["1", "2"], middle=0.5, boundary=2
    )
    cells = figure.data[0]
    assert (cells.zmin, cells.zmax) == (0.2, 0.8) and np.isnan(cells.z[0][2])
    assert figure.layout.xaxis.ticktext == ("&lt;", "7", "5") and cells.customdata[0][0] == "&lt;"
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.shapes[0].x0 == 1.5 and figure.layout.annotations[0].text == "answer"
    still: Any = wave_heatmap([[0.5, 0.5]], "ab", ["1"], middle=0.5)
    assert (still.data[0].zmin, still.data[0].zmax) == (0.45, 0.55) and not still.layout.shapes
    free: Any = wave_heatmap([[1.0, 9.0]], "ab", ["1"])
    assert free.data[0].zmin is None
    empty: Any = wave_heatmap([[np.nan, np.nan]], "ab", ["1"], middle=0.5)
    assert empty.data[0].zmax == 0.55
    wide: Any = wave_heatmap(np.zeros((1, 81)), "a" * 81, ["1"])
    assert wide.layout.xaxis.ticktext is None


def test_the_expert_of_the_largest_weight_is_drawn_and_all_are_told() -> None:
    figure: Any = wave_experts(ROUTES, TOKENS, ["1 left", "1 right"], ["math", "<code>"])
    cells = figure.data[0]
    assert np.array_equal(cells.z, [[0, 1, 1], [0, 1, 1]]) and cells.text[0][0] == "mat"
    assert cells.customdata[0][0] == "“&lt;”: math 0.60, &lt;code&gt; 0.40"
    assert cells.customdata[0][1] == "“7”: &lt;code&gt; 1.00"  # who was not asked is not told
    assert cells.text[0][1] == "&lt;co" and cells.colorbar.ticktext == ("math", "&lt;code&gt;")
    assert len({tint for _, tint in cells.colorscale}) == 2
    wide: Any = wave_experts(np.ones((1, 41, 2)), "a" * 41, ["1"], ["math", "code"])
    assert wide.data[0].text is None


def test_memory_stands_in_two_panels_with_scales_of_their_own() -> None:
    figure: Any = wave_memory(
        [[np.nan] * 3, [0.9, 0.95, 1.0]], [[1, 0.4], [0.4, 1]], TOKENS, ["1", "2"], boundary=1
    )
    spine, memory = figure.data
    assert (spine.zmin, memory.zmin, spine.zmax, memory.zmax) == (0.9, 0.4, 1.0, 1.0)
    assert figure.layout.xaxis.ticktext == ("&lt;", "7", "5")
    assert figure.layout.xaxis2.ticktext == ("1", "2")
    assert [(s.x0, s.xref) for s in figure.layout.shapes] == [(0.5, "x")]


def test_a_byte_that_is_not_the_answers_stands_out() -> None:
    figure: Any = wave_answers([[0.5, 0.5], [1, 0.25]], [["8", "<"], ["8", "5"]], ["8", "5"])
    cells, same, other = figure.data
    assert np.array_equal(cells.z, [[0.5, 0.5], [1, 0.25]]) and (cells.zmin, cells.zmax) == (0, 1)
    assert [(x, y) for x, y in zip(other.x, other.y, strict=True)] == [(1, 0)]
    assert other.text == ("&lt;",) and same.text == ("8", "8", "5")
    assert other.textfont.color != same.textfont.color
    assert figure.layout.yaxis.ticktext == ("1 · 25.0 %", "2 · 25.0 %")
    long: Any = wave_answers(np.ones((1, 65)), ["a" * 65], "a" * 65)
    assert len(long.data) == 1


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    look: dict[str, Any] = {"dark": dark, "height": 321}
    for make in (
        lambda: wave_heatmap([[0.1] * 3], TOKENS, ["1"], middle=0.5, **look),
        lambda: wave_experts(ROUTES, TOKENS, ["1", "2"], ["math", "code"], **look),
        lambda: wave_memory([[1.0] * 3], [[1.0]], TOKENS, ["1"], **look),
        lambda: wave_answers([[0.1]], ["8"], "8", **look),
    ):
        figure: Any = make()
        assert figure == make() and figure.layout.height == 321
        assert "(" in figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_names_that_do_not_fit_are_refused() -> None:
    wrongs = {
        r"wave_heatmap: values must be \[1, 3\]": lambda: wave_heatmap([[1.0]], TOKENS, ["1"]),
        r"wave_experts: weights must be \[2, 3, 1\]": lambda: wave_experts(
            ROUTES, TOKENS, ["1", "2"], ["math"]
        ),
        r"wave_memory: spine must be \[1, 3\] and memory \[1, 1\]": lambda: wave_memory(
            [[1.0] * 3], [[1.0] * 2], TOKENS, ["1"]
        ),
        r"wave_answers: chance must be \[1, 2\]": lambda: wave_answers([[1.0, 1.0]], ["8"], "85"),
    }
    for told, make in wrongs.items():
        with pytest.raises(ValueError, match=told):
            make()
