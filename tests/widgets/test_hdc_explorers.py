"""What notebooks 20 and 21 turn by hand: pairs in one vector, and numbers in few bits."""

import xml.etree.ElementTree as ET

import pytest
import torch

from marslab.memory.hdc import fake_quantize
from marslab.widgets.explorers import Explorer, bound_pairs, rounded_numbers
from marslab.widgets.explorers.bound_pairs import CODES, read
from marslab.widgets.explorers.rounded_numbers import rounded

HOW = "key conjugated"
SVG = "{http://www.w3.org/2000/svg}"


def shapes(explorer: Explorer, kind: str) -> list[ET.Element]:
    return list(ET.fromstring(explorer.picture.value).iter(SVG + kind))


def test_a_value_is_read_as_near_as_theory_says_and_backwards_as_printed() -> None:
    for pairs in (1, 4, 16):
        assert read(pairs, 4096, "unitary", HOW)[0] == pytest.approx(pairs**-0.5, abs=0.05)
        assert read(pairs, 4096, "normal", HOW)[0] == pytest.approx((pairs + 1) ** -0.5, abs=0.05)
    for how in ("as printed", "no key taken off"):
        for keys in ("unitary", "normal"):
            assert abs(read(1, 4096, keys, how)[0]) < 0.06


def test_pairs_by_hand() -> None:
    explorer = bound_pairs(5, 512)
    assert len([r for r in shapes(explorer, "rect") if r.attrib["height"] != "10"]) >= len(CODES)
    assert "5 pairs in 512 numbers; asked for A, the answer is A" in explorer.sentence.value
    assert "Theory expects 0.45." in explorer.sentence.value
    explorer.controls["how"].value = "as printed"
    assert "the answer is nobody" in explorer.sentence.value
    assert "Theory" not in explorer.sentence.value
    explorer.controls["how"].value = HOW
    explorer.controls["width"].value = 32
    explorer.controls["pairs"].value = 16
    assert "the answer is A" not in explorer.sentence.value
    bundle = explorer._repr_mimebundle_()
    assert "<svg" in bundle["text/html"] and "16 pairs in 32 numbers" in bundle["text/html"]


def test_rounding_by_hand_is_the_librarys_at_its_step() -> None:
    x = torch.randn(4, 1000)
    x = x / x.square().mean(-1, keepdim=True).sqrt()
    for bits in (1, 2, 4, 8):
        torch.testing.assert_close(rounded(x, bits, 1.0), fake_quantize(x, bits))
    explorer = rounded_numbers(2)
    best = explorer.sentence.value
    assert "in 2 bits (1024 bytes)" in best and best.count("0.9") == 2
    cosine = float(best.split("cosine ")[1][:6])
    for step in (0.25, 4.0):
        explorer.controls["step"].value = step
        assert float(explorer.sentence.value.split("cosine ")[1][:6]) < cosine
    explorer.controls["bits"].value = 1
    assert "in 1 bit (512 bytes)" in explorer.sentence.value


def test_every_control_can_be_reached_by_keyboard_and_wrong_sizes_are_refused() -> None:
    for explorer in (bound_pairs(), rounded_numbers()):
        for control in explorer.controls.values():
            assert not control.disabled and control.tabbable is not False and control.description
    for pairs, width in ((0, 512), (17, 512), (5, 500)):
        with pytest.raises(ValueError, match=f"got {pairs} and {width}"):
            bound_pairs(pairs, width)
    with pytest.raises(ValueError, match="got 3"):
        rounded_numbers(3)
