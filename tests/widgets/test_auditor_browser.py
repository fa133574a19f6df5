"""The Integral auditor as a reader meets it, in a real browser.

The test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def slide(seen: Any, label: str, key: str) -> None:
    """Move the slider of that name by one key."""
    for handle in seen.page.locator(".noUi-handle").all():
        if handle.is_visible():
            handle.focus()
            seen.page.keyboard.press("Shift")  # a key that is let go gives the handle its name
            if label in (handle.get_attribute("aria-label") or ""):
                seen.page.keyboard.press(key)
                return
    raise AssertionError(f"there is no slider {label!r}")


def test_a_question_a_curve_and_a_batch(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="Integral auditor").click()
    before = seen.figure(lambda now: "37+48=?" in now["title"])
    question = seen.page.get_by_label("Question", exact=True)
    question.fill("85-17=?")
    question.press("Enter")
    seen.figure(lambda now: "85-17=?" in now["title"] and now["y"] != before["y"])
    seen.page.get_by_text("Thresholds", exact=True).click()
    seen.figure(lambda now: "slider, 1.1" in now["names"])
    slide(seen, "Threshold of p", "ArrowLeft")
    seen.figure(lambda now: "slider, 1.05" in now["names"])
    seen.page.wait_for_url("**threshold=1.05**")

    seen.page.get_by_text("A curve", exact=True).click()
    seen.figure(
        lambda now: "a made-up curve" in now["title"] and "the auditor stops" in now["names"]
    )
    seen.page.get_by_text("Many draws", exact=True).click()
    draws = seen.figure(lambda now: "true p" in now["names"])
    slide(seen, "Noise of ln f", "ArrowRight")
    seen.figure(lambda now: now["y"][0] != draws["y"][0])
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280

    seen.page.get_by_text("A batch", exact=True).click()
    seen.page.get_by_text("Thinking about problem").wait_for()
    seen.page.get_by_role("button", name="Cancel").click()
    seen.page.get_by_text("Cancelled. The picture is that of the last run").wait_for()
    assert "true p" in seen.figure()["names"]


def test_a_batch_says_whether_p_knows(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/auditor?source=batch&size=20&model=tars-nano")
    seen.page.get_by_text("Does p know whether the answer is right?").wait_for(timeout=120_000)
    assert {"right", "all"} <= set(seen.figure()["names"])
    seen.page.get_by_text("Turn the threshold", exact=True).click()
    seen.figure(lambda now: "stops at the threshold" in now["names"])
