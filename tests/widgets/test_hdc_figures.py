"""The figures of the HDC retrieval view, on numbers that were made by hand."""

from typing import Any

import numpy as np
import pytest

from marslab.widgets.figures import Recall, hdc_capacity, hdc_confusion, hdc_similarity

RECALL = Recall([1, 10, 100], [1.0, 0.9, 0.1], [10, 100], [0.8, 0.05], [0.95, 0.2], [0.9, 0.15])


def bars(figure: Any) -> dict[str, tuple]:
    return {trace.name: trace.x for trace in figure.data}


def test_a_wrong_find_stands_out_from_the_right_one() -> None:
    cosines, labels = [0.3, 0.5, -0.2], ["<a>", "b", "c"]
    given: dict[str, Any] = {"least": 0.25, "dark": True, "height": 321}
    right: Any = hdc_similarity(cosines, labels, wanted=1, found=1, **given)
    assert bars(right) == {
        "the right one": (1,),
        "the others": (0, 2),
        "rejected below 0.250": (-0.6, 2.6),
    }
    wrong = hdc_similarity(cosines, labels, wanted=0, found=1, **given)
    assert bars(wrong)["the right one"] == (0,) and bars(wrong)["found, and wrong"] == (1,)
    stranger: Any = hdc_similarity(cosines, labels, wanted=None, found=None, **given)
    assert bars(stranger)["the others"] == (0, 1, 2) and len(stranger.data) == 2
    assert right.data[-1].y == (0.25, 0.25) and right.layout.xaxis.ticktext[0] == "&lt;a&gt;"
    assert right.layout.yaxis.range[0] < -0.2 and right.layout.yaxis.range[1] > 0.5
    many: Any = hdc_similarity([0.1] * 25, list("a" * 25), wanted=0, found=0, least=0.5)
    assert many.layout.xaxis.ticktext is None and many.layout.yaxis.range[1] > 0.5
    with pytest.raises(ValueError, match="a label for each of 2 cosines, got 1"):
        hdc_similarity([0.1, 0.2], ["a"], wanted=0, found=0, least=0.5)


def test_confusions_are_percent_and_named_both_ways() -> None:
    figure: Any = hdc_confusion([[0.75, 0, 0.25], [0, 1, 0]], ["<k>", "l"], ["v", "w", "none"])
    (cells,) = figure.data
    assert np.array_equal(cells.text, [["75", "", "25"], ["", "100", ""]])
    assert (cells.zmin, cells.zmax) == (0, 1) and cells.customdata[0][2] == "&lt;k&gt; → none"
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.ticktext == ("v", "w", "none")
    with pytest.raises(ValueError, match=r"shares must be \[1, 2\]"):
        hdc_confusion([[1.0]], ["a"], ["b", "c"])


@pytest.mark.parametrize("dark", [False, True])
def test_theory_is_a_line_and_its_band_goes_round(dark: bool) -> None:
    figure: Any = hdc_capacity(RECALL, chosen=28, dark=dark, height=321)
    assert figure == hdc_capacity(RECALL, chosen=28, dark=dark, height=321)
    around, theory, dots, mark = figure.data
    assert around.x == (10, 100, 100, 10) and around.y == (0.95, 0.2, 0.05, 0.8)
    assert theory.y == (1.0, 0.9, 0.1) and (dots.x, dots.y) == ((10, 100), (0.9, 0.15))
    assert mark.x == (28, 28) and figure.layout.xaxis.type == "log"
    assert figure.layout.height == 321 and "(" in figure.layout.xaxis.title.text
    plain: Any = hdc_capacity(RECALL, x_title="noise (0 to 1)", log=False)
    assert len(plain.data) == 3 and plain.layout.xaxis.type == "linear"
