"""The HDC retrieval view as a reader meets it, in a real browser.

The test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_pairs_are_typed_noise_is_added_and_every_figure_follows(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="HDC retrieval").click()
    first = seen.figure(lambda now: "Japan" in now["title"])
    assert "the right one" in first["names"] and first["ticks"][1] == "Tokyo"
    pairs = seen.page.get_by_label("Store (key: value, one a line)")
    pairs.fill("key: value\nАлиса: кот")
    pairs.press("Tab")
    seen.figure(lambda now: now["ticks"][:2] == ["value", "кот"])
    seen.page.get_by_text("Rejected, rightly").wait_for()  # Japan is no longer stored
    ask = seen.page.get_by_label("Ask for")
    ask.fill("Алиса")
    ask.press("Enter")
    seen.figure(lambda now: "Алиса" in now["title"] and "the right one" in now["names"])
    seen.page.get_by_text(": right.").wait_for()
    seen.page.get_by_text("Confusion", exact=True).click()
    seen.figure(lambda now: now["ticks"] == ["value", "кот", "another", "none"])
    seen.page.get_by_text("Noise", exact=True).click()
    seen.figure(lambda now: "under noise" in now["title"])
    seen.page.get_by_label("Algebra").select_option("BSC: bits, exclusive or")
    seen.figure(lambda now: "BSC, 1 bit)" in now["title"])
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
    pairs.fill("no pair")
    pairs.press("Tab")
    card = seen.page.get_by_role("alert")
    card.wait_for()
    assert "is no pair" in card.inner_text()


def test_the_capacity_is_theory_with_dots_and_a_slider_moves_the_mark(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/hdc?figure=capacity&dim=256")
    before = seen.figure(lambda now: "measured" in now["names"])
    assert "256 numbers" in before["title"] and "your memory" in before["names"]
    handle = seen.page.locator(".noUi-handle:visible").nth(0)
    handle.focus()
    seen.page.keyboard.press("ArrowRight")
    seen.figure(lambda now: "512 numbers" in now["title"])
