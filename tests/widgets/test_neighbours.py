"""The map of texts: its plane against numpy's eigenvectors, its labels, and its explorer."""

from typing import Any

import numpy as np
import pytest

from marslab.widgets.explorers import nearest_texts
from marslab.widgets.figures import neighbour_map, plane

ROWS = np.random.default_rng(0).standard_normal((12, 5)) * [5, 3, 1, 1, 1]
NAMES = [f"text {i}" for i in range(12)]
TEXTS = ["the sea is deep", "the moon is far", "a triangle has 3 sides"]


def test_the_plane_holds_the_two_largest_eigenvalues() -> None:
    points, others, share = plane(ROWS, ROWS[:2])
    values = np.linalg.eigvalsh(np.cov(ROWS.T))[::-1]
    assert share == pytest.approx(values[:2].sum() / values.sum())
    assert points.var(0, ddof=1) == pytest.approx(values[:2])
    assert np.allclose(others, points[:2])


def test_the_plane_does_not_turn_over() -> None:
    whole, _, _ = plane(ROWS)
    again, _, _ = plane(ROWS + 7)
    assert np.allclose(whole, again)


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    look: dict[str, Any] = {"near": [3, 1], "dark": dark, "height": 321}
    figure: Any = neighbour_map(ROWS, NAMES, ROWS[0], **look)
    assert figure == neighbour_map(ROWS, NAMES, ROWS[0], **look)
    assert figure.layout.height == 321
    assert "% of the spread" in figure.layout.xaxis.title.text
    assert "(" in figure.layout.yaxis.title.text


def test_near_texts_are_numbered_and_their_labels_keep_apart() -> None:
    rows = np.vstack([ROWS, ROWS[3] + 1e-3])
    figure: Any = neighbour_map(rows, [*NAMES, "<b>" + "x" * 60], ROWS[0], near=[3, 12])
    labels, points = figure.data[-1], plane(rows)[0]
    assert labels.text[0] == "1 text 3" and labels.text[1].startswith("2 &lt;b&gt;xxx")
    assert labels.text[1].endswith("…")
    assert abs(labels.y[0] - labels.y[1]) >= 0.06 * np.ptp(points[:, 1]) * 0.999
    nearest = next(trace for trace in figure.data if trace.name == "nearest")
    assert np.allclose(nearest.y, points[[3, 12], 1])


def test_groups_have_colours_and_every_text_is_in_one() -> None:
    figure: Any = neighbour_map(ROWS, NAMES, groups=["a"] * 5 + ["b"] * 7)
    a, b = figure.data
    assert (len(a.x), len(b.x)) == (5, 7) and a.marker.color != b.marker.color


def test_a_question_moves_the_neighbours() -> None:
    explorer: Any = nearest_texts(TEXTS, "how deep is the sea?")
    assert explorer.sentence.value.startswith("Nearest: the sea is deep (")
    explorer.controls["asked"].value = "how many sides has a triangle?"
    explorer.controls["k"].value = 1
    assert explorer.sentence.value.startswith("Nearest: a triangle has 3 sides (")
    assert explorer.figure.data[-1].text == ("1 a triangle has 3 sides",)
    explorer.controls["asked"].value = "  "  # while a reader types: the first question stays
    assert explorer.sentence.value.startswith("Nearest: the sea is deep (")


def test_the_fields_can_be_reached_and_what_is_empty_is_refused() -> None:
    explorer = nearest_texts(["<script>", "b"], "<script>")
    assert "<script" not in explorer._repr_mimebundle_()["text/html"]
    for control in explorer.controls.values():
        assert not control.disabled and control.tabbable is not False and control.description
    for texts, question in (([], "a"), (["a"], " ")):
        with pytest.raises(ValueError, match="needs texts, and a question"):
            nearest_texts(texts, question)
