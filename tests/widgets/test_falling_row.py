"""What notebook 37 turns by hand: a row of dominoes, refined step by step."""

import xml.etree.ElementTree as ET

import pytest

from marslab.widgets.explorers import Explorer, falling_row
from marslab.widgets.explorers.falling_row import Refined, fitted

SVG = "{http://www.w3.org/2000/svg}"


def shapes(explorer: Explorer, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(explorer.picture.value).iter(SVG + kind))


def one_more_each_time(row: str) -> Refined:
    """Each refinement lets the next standing domino fall; all of them do."""
    lies = [place != "." for place in row]
    falls = [[0.9 if up and at < depth else 0.2 for at, up in enumerate(lies)] for depth in (1, 2)]
    return Refined(falls, [0.1, 0.6], lies)


def test_a_refinement_moves_the_bars_and_the_sentence() -> None:
    explorer = falling_row(one_more_each_time, "!|.")
    assert explorer.sentence.value == (
        "After 1 of 2 refinements 1 of 3 places are wrong. "
        "The halting head finds the answer right with 10%."
    )
    low = [float(bar.attrib["height"]) for bar in shapes(explorer, "rect")]
    assert low[0] > low[1] == pytest.approx(low[2])
    explorer.controls["after"].value = 2
    assert "0 of 3 places" in explorer.sentence.value and "60%" in explorer.sentence.value
    high = [float(bar.attrib["height"]) for bar in shapes(explorer, "rect")]
    assert high[1] == pytest.approx(high[0]) and high[2] == pytest.approx(low[2])


def test_a_typed_row_is_thought_about_anew() -> None:
    explorer = falling_row(one_more_each_time, "!||")
    assert "2 of 3 places are wrong" in explorer.sentence.value
    marks = len(shapes(explorer, "circle"))
    explorer.controls["typed"].value = "!<b>too long"
    assert "0 of 3 places are wrong" in explorer.sentence.value
    assert len(shapes(explorer, "circle")) == marks - 2  # one that falls in place of three
    assert "<b>" not in explorer.picture.value
    assert fitted("", 3) == "..."


def test_a_page_without_a_kernel_gets_the_drawing() -> None:
    bundle = falling_row(one_more_each_time, "!|.")._repr_mimebundle_()
    assert "<svg" in bundle["text/html"] and "of 3 places" in bundle["text/html"]


@pytest.mark.parametrize("row", ["", "!|x"])
def test_what_is_no_row_is_told(row: str) -> None:
    with pytest.raises(ValueError, match="row must be of '!' \\(pushed\\), '|' \\(stands\\)"):
        falling_row(one_more_each_time, row)
