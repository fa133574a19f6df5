"""The Memory hub as a reader meets it, in a real browser.

The test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def slide(seen: Any, index: int, key: str) -> None:
    handle = seen.page.locator(".noUi-handle").nth(index)
    handle.focus()
    seen.page.keyboard.press(key)


def test_a_text_and_a_question_are_typed_and_every_part_answers(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="Memory hub").click()
    assert "question" in seen.figure()["names"]
    seen.page.get_by_text("Cosines", exact=True).click()
    before = seen.figure(lambda now: "kept question: miss" in now["names"])
    slide(seen, 0, "ArrowRight")  # one record more
    more = seen.figure(lambda now: len(now["x"][1]) == len(before["x"][1]) + 1)
    text = seen.page.get_by_label("Remember (one text a line)")
    text.fill("The spider has 1 hat.")
    text.press("Tab")
    seen.figure(lambda now: now["x"][1] != more["x"][1])
    question = seen.page.get_by_label("Recall", exact=True)
    question.fill("Solve: x^2 - 5x + 7 = 0")
    question.press("Enter")
    seen.figure(lambda now: "x^2" in now["title"] and "kept question: miss" in now["names"])
    rule = seen.page.get_by_label("Memo: figures of both questions")
    rule.select_option("Need not be alike (as printed)")
    seen.figure(lambda now: "kept question: hit" in now["names"])
    seen.page.get_by_text("that of another question").wait_for()
    seen.page.get_by_text("Surprise", exact=True).click()
    seen.figure(lambda now: "The spider has 1 hat." in now["title"])
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
    seen.page.get_by_label("Memory", exact=True).select_option("My store (a copy, read-only)")
    card = seen.page.get_by_role("alert")
    card.wait_for()
    assert "You have no memory store yet" in card.inner_text()
