"""The IDME view as a reader meets it, in a real browser.

The test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def points(found: dict[str, Any], name: str, axis: str = "x") -> list[Any]:
    """The numbers of one trace."""
    return found[axis][found["names"].index(name)]


def test_a_question_is_typed_and_the_pool_goes_on_round_by_round(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="IDME").click()
    first = seen.figure(lambda now: "3x+7" in now["title"])
    assert points(first, "winner")
    question = seen.page.get_by_label("Question")
    question.fill("x^2-9x+8=0")  # takes more rounds than the pool has blocks for
    question.press("Enter")
    seen.figure(lambda now: "x^2-9x+8" in now["title"])
    seen.page.get_by_text("Pool off", exact=True).wait_for()
    seen.page.get_by_text("Pool size", exact=True).click()
    grown = seen.figure(lambda now: "blocks in the pool" in now["names"])
    sizes = points(grown, "blocks in the pool", "y")
    seen.page.get_by_label("Growth", exact=True).select_option("May not grow")
    shut = seen.figure(lambda now: points(now, "blocks in the pool", "y") != sizes)
    assert len(set(points(shut, "blocks in the pool", "y"))) == 1
    assert not seen.page.get_by_label("Blocks added at once").is_visible()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_state_that_turns_is_caught_without_a_model(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/idme?figure=hankel&source=turning&angle=90")
    caught = seen.figure(lambda now: "90°" in now["title"])
    assert points(caught, "loop: dropped", "y") == ["cycle", "cycle"]
    assert not seen.page.get_by_label("Question").is_visible()
    angle = seen.page.locator(".noUi-handle:visible").nth(0)
    angle.focus()
    seen.page.keyboard.press("ArrowRight")
    turned = seen.figure(lambda now: "120°" in now["title"])
    assert points(turned, "loop: dropped") == [6, 7]
    seen.page.get_by_text("cycle, period 3 steps").wait_for()
    seen.page.get_by_label("What thinks").select_option("A question to TARS")
    seen.figure(lambda now: "3x+7" in now["title"])
    assert seen.page.get_by_label("Question").is_visible()
