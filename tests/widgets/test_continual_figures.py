"""The figures of continual learning, on figures that were made by hand."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from marslab.widgets.figures import (
    continual_course,
    continual_matrix,
    continual_pixels,
    continual_scores,
)

R = [[1.0, 0.0, 0.2], [0.5, 0.9, 0.0], [0.25, 0.875, 1.0]]
TASKS = ["0, 1", "<2>", "4"]


def test_the_matrix_is_drawn_as_it_is_written() -> None:
    figure: Any = continual_matrix(R, TASKS)
    cells = figure.data[0]
    assert cells.text[2] == ["25", "88", "100"] and (cells.zmin, cells.zmax) == (0, 1)
    assert [*cells.customdata[2][1]] == ["4", "&lt;2&gt;"]
    assert figure.layout.xaxis.ticktext == ("0, 1", "&lt;2&gt;", "4")
    assert figure.layout.yaxis.range == (2.5, -0.5)  # the first task on top
    frames = [(shape.x0, shape.y0) for shape in figure.layout.shapes]
    assert frames == [(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5)]
    many: Any = continual_matrix(np.eye(13), [str(at) for at in range(13)])
    assert many.data[0].text is None


def test_a_line_for_each_task_and_the_mean_of_those_seen() -> None:
    figure: Any = continual_course(
        [0, 5, 10, 15, 20],
        [[0.1, 0], [0.8, 0], [1, 0], [0.6, 0.5], [0.5, 1]],
        ["a", "<b>"],
        [10, 20],
    )
    before, after = figure.data[2:4]
    assert before.x == (0, 5, 10) and after.x == (10, 15, 20) and after.y == (0, 0.5, 1)
    assert after.name == "&lt;b&gt;" and before.line.width < after.line.width
    assert not before.showlegend and after.showlegend
    assert figure.data[-1].y == (0.1, 0.8, 1.0, 0.55, 0.75)
    assert [shape.x0 for shape in figure.layout.shapes] == [10]


def test_naive_and_joint_keep_their_colours() -> None:
    rows = {"ewc": (0.5, -0.2, 0, 0.2), "naive": (0.1, -0.9, 0, 0.9), "joint": (1, 0, 0, 0)}
    several: Any = continual_scores(rows)
    tints = [bar.marker.color for bar in several.data]
    alone: Any = continual_scores({"naive": rows["naive"]})
    assert len(set(tints)) == 3 and alone.data[0].marker.color == tints[1]
    assert alone.data[0].text == ("0.10", "-0.90", "0.00", "0.90")


def test_images_share_one_scale_and_stand_five_in_a_row() -> None:
    images = np.arange(24.0).reshape(6, 4) - 1
    figure: Any = continual_pixels(images, list("abcde<"))
    assert len(figure.data) == 6 and np.array_equal(figure.data[1].z, [[3, 4], [5, 6]])
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 22)
    assert figure.layout.annotations[5].text == "&lt;"
    assert figure.layout.yaxis5.domain[0] > figure.layout.yaxis6.domain[1]


DRAWN: list[Callable[..., Any]] = [
    partial(continual_matrix, R, TASKS),
    partial(continual_course, [0, 1], [[0], [1]], ["a"], [1]),
    partial(continual_scores, {"naive": (0, 0, 0, 0)}),
    partial(continual_pixels, [[0, 1, 2, 3]], ["a"]),
]


@pytest.mark.parametrize("draw", DRAWN)
def test_dark_figures_have_another_paper(draw: Callable[..., Any]) -> None:
    assert draw().layout.paper_bgcolor != draw(dark=True).layout.paper_bgcolor
    assert draw(height=333).layout.height == 333


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \[2, 2\] for 2 tasks, got \[3, 3\]"):
        continual_matrix(R, ["a", "b"])
    with pytest.raises(ValueError, match="with an end for each"):
        continual_course([0, 1], [[0.0], [1.0]], ["a"], [])
    with pytest.raises(ValueError, match="ewc must have the scores average"):
        continual_scores({"ewc": (1.0, 0.0)})
    with pytest.raises(ValueError, match="a square number"):
        continual_pixels([[0, 1, 2]], ["a"])
