"""What notebooks 50 and 51 turn by hand: weights in few bits, and a teacher's softened targets."""

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import torch

from marslab.compress.int8 import Int8Linear
from marslab.widgets.explorers import Explorer, rounded_weights, softened_targets
from marslab.widgets.explorers.rounded_weights import grown, step_of
from marslab.widgets.figures import value_levels
from marslab.widgets.figures.style import ink
from marslab.widgets.figures.value_levels import BINS

SVG = "{http://www.w3.org/2000/svg}"
WEIGHTS = torch.randn(1, 500, generator=torch.Generator().manual_seed(0))
LOGITS = torch.tensor([[4.0, 0.0, 0.0], [0.0, 1.0, 1.5]])
LABELS = ("one", "two", "<three>")


def shapes(explorer: Explorer, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(explorer.picture.value).iter(SVG + kind))


@pytest.mark.parametrize("dark", [False, True])
def test_every_value_is_in_a_bar_and_every_level_has_a_mark(dark: bool) -> None:
    look: dict[str, Any] = {"x_title": "weight (g)", "dark": dark, "height": 321}
    fig: Any = value_levels(WEIGHTS, [-2.0, 0.0, 9.0], **look)
    assert fig == value_levels(WEIGHTS, [-2.0, 0.0, 9.0], **look)
    bars, marks = fig.data
    assert sum(bars.y) == 500 and len(bars.y) == BINS
    assert [x for x in marks.x if x is not None] == [-2, -2, 0, 0, 9, 9]
    assert fig.layout.xaxis.title.text == "weight (g)" and "(" in fig.layout.yaxis.title.text
    assert min(fig.layout.yaxis.tickvals) == 0 and max(fig.layout.yaxis.tickvals) == max(bars.y)
    assert fig.layout.height == 321 and fig.layout.font.color == ink(dark)


def test_the_step_is_that_of_the_library_and_an_outlier_widens_it() -> None:
    layer = torch.nn.Linear(500, 1)
    layer.weight.data = WEIGHTS
    assert step_of(WEIGHTS, 8) == pytest.approx(Int8Linear.of(layer).scale.item())
    assert step_of(grown(WEIGHTS[0], 8.0), 8) == pytest.approx(8 * step_of(WEIGHTS, 8))
    explorer = rounded_weights(WEIGHTS, 4)
    assert "15 levels" in explorer.sentence.value
    lost = float(explorer.sentence.value.split("error ")[1].split("%")[0])
    explorer.controls["outlier"].value = 8.0
    assert float(explorer.sentence.value.split("error ")[1].split("%")[0]) > 3 * lost
    explorer.controls["bits"].value = 2
    assert "3 levels" in explorer.sentence.value and shapes(explorer, "rect")
    assert "<svg" in explorer._repr_mimebundle_()["text/html"]


def test_weights_that_are_all_zero_stay_so() -> None:
    assert "100% of the weights become 0" in rounded_weights(torch.zeros(3, 3)).sentence.value


def test_a_high_temperature_leaves_the_teacher_undecided() -> None:
    explorer = softened_targets(LOGITS, LABELS)
    want = math.exp(4) / (math.exp(4) + 2)
    assert f"says one with {want:.1%}" in explorer.sentence.value
    assert len(shapes(explorer, "rect")) >= 3
    explorer.controls["T"].value = 32.0
    assert "between 3.0 of 3 classes" in explorer.sentence.value
    explorer.controls["example"].value = 1
    assert "says &lt;three&gt; with" in explorer.sentence.value
    assert "&lt;three&gt;" in explorer.picture.value
    ET.fromstring(explorer.picture.value)


def test_every_control_can_be_reached_by_keyboard_and_wrong_input_is_refused() -> None:
    for explorer in (rounded_weights(WEIGHTS), softened_targets(LOGITS, LABELS)):
        for control in explorer.controls.values():
            assert not control.disabled and control.tabbable is not False and control.description
    with pytest.raises(ValueError, match="bits must be from 2 to 8, got 9"):
        rounded_weights(WEIGHTS, 9)
    with pytest.raises(ValueError, match="there is no weight"):
        rounded_weights(torch.zeros(0, 3))
    for wrong in (LOGITS[:, :2], LOGITS[0], LOGITS[:0]):
        with pytest.raises(ValueError, match=r"logits must be \[n, 3\]"):
            softened_targets(wrong, LABELS)
