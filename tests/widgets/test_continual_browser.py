"""Continual learning as a reader meets it, in a real browser.

The test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_a_method_is_chosen_and_the_figures_follow(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="Continual learning").click()
    springs = seen.figure(lambda now: "λ = 1000" in now["title"])
    seen.page.get_by_label("Method", exact=True).select_option("Experience replay")
    replay = seen.figure(lambda now: "replay, examples = 200" in now["title"])
    assert replay["texts"] != springs["texts"]
    seen.page.wait_for_url("**method=replay**")
    seen.page.get_by_label("Figure of", exact=True).select_option("Naive")
    seen.figure(lambda now: "naive" in now["title"] and now["texts"] != replay["texts"])
    seen.page.get_by_text("Over time", exact=True).click()
    seen.figure(lambda now: "mean of those seen" in now["names"])
    seen.page.get_by_text("Scores", exact=True).click()
    bars = seen.figure(lambda now: set(now["kinds"]) == {"bar"})
    assert bars["names"] == ["replay, examples = 200", "naive", "joint"]
    seen.page.get_by_text("Important pixels", exact=True).click()
    maps = seen.figure(lambda now: set(now["kinds"]) == {"heatmap"})
    assert maps["names"] == ["0, 1", "2, 3", "4, 5", "6, 7", "8, 9"]
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_long_run_tells_and_can_be_cancelled(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/continual?method=naive&epochs=10")
    seen.figure(lambda now: "naive" in now["title"])
    seen.page.get_by_label("Scenario", exact=True).select_option("Ten digits, pixels reordered")
    seen.page.get_by_text("naive, task").wait_for()
    seen.page.get_by_role("button", name="Cancel").click()
    seen.page.get_by_text("Cancelled. The picture is that of the last run").wait_for()
    assert "naive" in seen.figure()["title"]
