"""The Waves view as a reader meets it, in a real browser.

The test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def focus_on_the_slider(seen: Any, name: str) -> None:
    """The slider is built anew when it is set free, a moment after the figure."""
    handle = seen.page.locator(".noUi-handle").first
    for _ in range(100):
        handle.blur()
        handle.focus()
        if name in (handle.get_attribute("aria-label") or ""):
            return
        seen.page.wait_for_timeout(100)
    raise AssertionError(f"no slider says that it is {name!r}")


def test_a_sum_is_asked_and_a_gate_that_is_held_changes_the_answer(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="Waves").click()
    seen.figure(lambda now: "α of the merge" in now["title"])
    seen.page.goto(f"{seen.address}/waves?model=tars-nano")
    seen.figure(lambda now: "α of the merge" in now["title"])
    question = seen.page.get_by_label("Question")
    question.fill("21+34=?")
    question.press("Enter")
    seen.figure(lambda now: "".join(now["ticks"]).startswith("⊢21+34=?↵1+4=5"))
    assert seen.page.get_by_label("In", exact=True).is_disabled()
    seen.page.get_by_label("Gate to hold").select_option("α of the merge")
    seen.figure(lambda now: "held: α = 0 in wave 1" in now["title"])
    seen.page.locator("dt", has_text="With the gate held").wait_for()
    focus_on_the_slider(seen, "Held at")
    seen.page.keyboard.press("End")
    seen.figure(lambda now: "held: α = 1 in wave 1" in now["title"])
    seen.page.get_by_text("Depth", exact=True).click()
    seen.figure(lambda now: "chance" in now["bar"])
    seen.page.get_by_label("Figure and data").select_option("With all gates free")
    last = seen.figure(lambda now: "all gates free" in now["title"])
    assert "".join(last["ticks"]).endswith("55⊣")
    assert "gate=merge" in seen.page.url and "value=1" in seen.page.url
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
