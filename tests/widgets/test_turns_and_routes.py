"""What notebooks 32 and 33 turn by hand: orbits of a vector, and the way of a token."""

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import torch

from marslab.widgets.explorers import Explorer, routed_token, turned_vector
from marslab.widgets.explorers.routed_token import routed
from marslab.widgets.explorers.turned_vector import MAPS, path
from marslab.widgets.figures import orbits

SVG = "{http://www.w3.org/2000/svg}"
PATHS = {"<b>a</b>": torch.tensor([[1.0, 0.0], [0.0, 1.0]]), "b": [[2.0, 0.0]]}


def shapes(explorer: Explorer, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(explorer.picture.value).iter(SVG + kind))


@pytest.mark.parametrize("dark", [False, True])
def test_orbits_are_the_points_beside_the_unit_circle(dark: bool) -> None:
    figure: Any = orbits(PATHS, title="Turns", dark=dark, height=321)
    assert figure == orbits(PATHS, title="Turns", dark=dark, height=321)
    circle, first, second = figure.data
    assert [x * x + y * y for x, y in zip(circle.x, circle.y, strict=True)] == pytest.approx(
        [1.0] * len(circle.x)
    )
    assert first.name == "&lt;b&gt;a&lt;/b&gt;" and (first.x, first.y) == ((1.0, 0.0), (0.0, 1.0))
    assert second.x == (2.0,)
    layout = figure.layout
    assert layout.height == 321 and layout.yaxis.scaleanchor == "x"
    assert "(" in layout.xaxis.title.text and "(" in layout.yaxis.title.text


@pytest.mark.parametrize("w", [-20.0, -1.0, 0.3, 2.0, 20.0])
def test_only_cayley_keeps_the_length(w: float) -> None:
    stretch = {"Cayley": 1.0, "I + Ω": math.hypot(1, w), "inverse of I − Ω": 1 / math.hypot(1, w)}
    assert set(stretch) == set(MAPS)
    for kind, factor in stretch.items():
        lengths = path(kind, w, 5).norm(dim=1)
        torch.testing.assert_close(lengths, factor ** torch.arange(6, dtype=torch.float64))
    first = path("Cayley", w, 1)[1]
    assert math.atan2(first[1], first[0]) == pytest.approx(2 * math.atan(w / 2))


def test_turning_by_hand() -> None:
    explorer = turned_vector(2.0)
    told = "Each turn is 90.0°. After 5 the length is 1. G stays 1.41 away from −1."
    assert explorer.sentence.value == told
    assert len(shapes(explorer, "circle")) == 5 + 1 + 3  # points, the last one, the legend
    explorer.controls["turns"].value = 9
    assert len(shapes(explorer, "circle")) == 9 + 1 + 3
    explorer.controls["kind"].value = "I + Ω"
    assert "After 9 the length is 1.4e+03." in explorer.sentence.value
    assert "away" not in explorer.sentence.value


def by_hand(direction: float, temperature: float, k: int) -> list[float]:
    scores = [math.cos(math.radians(direction - 45 * i)) / temperature for i in range(8)]
    best = sorted(range(8), key=lambda i: -scores[i])[:k]
    total = sum(math.exp(scores[i]) for i in best)
    return [math.exp(scores[i]) / total if i in best else 0.0 for i in range(8)]


@pytest.mark.parametrize(
    ("direction", "temperature", "k"), [(60, 0.1, 2), (10, 1.0, 3), (359, 2, 8)]
)
def test_the_layer_routes_as_by_hand(direction: float, temperature: float, k: int) -> None:
    cosines, weights = routed(direction, temperature, k)
    assert weights.tolist() == pytest.approx(by_hand(direction, temperature, k), abs=1e-5)
    assert cosines[0].item() == pytest.approx(math.cos(math.radians(direction)))


def test_routing_by_hand_and_no_dice_are_thrown() -> None:
    before = torch.get_rng_state()
    explorer = routed_token()
    told = "analyzer answers with critic; it weighs 2.72 times the second."
    assert explorer.sentence.value == told
    explorer.controls["direction"].value = 5
    assert explorer.sentence.value.startswith("general answers with analyzer; ")
    explorer.controls["top_k"].value = 5
    assert "and 2 more" in explorer.sentence.value
    explorer.controls["top_k"].value = 1
    assert explorer.sentence.value == "general answers alone."
    assert len(shapes(explorer, "rect")) == 16
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("make", [turned_vector, routed_token])
def test_it_stands_without_a_kernel_and_is_reached_by_keyboard(make: Any) -> None:
    explorer = make()
    assert "<svg" in explorer._repr_mimebundle_()["text/html"]
    for control in explorer.controls.values():
        assert not control.disabled and control.tabbable is not False and control.description
