"""The stream of surprises: what is drawn, and the explorer that turns how a Titans writes."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from marslab.memory import TitansConfig
from marslab.widgets.explorers import titans_stream
from marslab.widgets.explorers.titans_stream import surprises
from marslab.widgets.figures import surprise_bars

ITEMS = F.normalize(torch.randn(4, 32, generator=torch.Generator().manual_seed(0)), dim=-1)
ORDER = [0, 1, 0, 2, 3, 1]


@pytest.mark.parametrize("dark", [False, True])
def test_same_data_gives_the_same_figure_with_named_axes(dark: bool) -> None:
    look: dict[str, Any] = {"threshold": 0.4, "dark": dark, "height": 321}
    figure: Any = surprise_bars([1.0, 0.1], [False, True], **look)
    assert figure == surprise_bars([1.0, 0.1], [False, True], **look)
    assert figure.layout.height == 321
    assert "(" in figure.layout.xaxis.title.text and "(" in figure.layout.yaxis.title.text


def test_each_item_has_a_bar_in_the_colour_of_its_kind() -> None:
    figure: Any = surprise_bars([1.0, 0.1, 0.9], [False, True, False], 0.4)
    new, old, level = figure.data
    assert (new.x, new.y, old.x, old.y) == ((0, 2), (1.0, 0.9), (1,), (0.1,))
    assert new.marker.color != old.marker.color and set(level.y) == {0.4}


def test_labels_are_shown_as_they_are_and_must_fit() -> None:
    layout: Any = surprise_bars([1.0], [False], labels=["<A>"]).layout
    assert layout.xaxis.ticktext == ("&lt;A&gt;",)
    with pytest.raises(ValueError, match="2 surprises need as many marks and labels, got 1"):
        surprise_bars([1.0, 2.0], [False])


def test_what_was_told_surprises_less_until_the_momentum_is_too_much() -> None:
    explorer: Any = titans_stream(ITEMS, ORDER, hidden=64)
    told = surprises(ITEMS[ORDER], TitansConfig(), 64)
    new, old = explorer.figure.data
    assert new.y == pytest.approx([told[i] for i in (0, 1, 3, 4)])
    assert old.y == pytest.approx([told[i] for i in (2, 5)]) and max(old.y) < min(new.y)
    explorer.controls["momentum"].value = 0.9
    assert max(explorer.figure.data[1].y) > 1
    assert explorer.sentence.value.startswith("First time: ")


def test_every_control_can_be_reached_by_keyboard() -> None:
    for control in titans_stream(ITEMS, ORDER, hidden=8).controls.values():
        assert not control.disabled and control.tabbable is not False and control.description


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match=r"items must be \[1..26, M\], got \[27, 3\]"):
        titans_stream(torch.ones(27, 3), [0])
    for order in ([], [4], [-1]):
        with pytest.raises(ValueError, match=r"order must name items 0\.\.3"):
            titans_stream(ITEMS, order)
