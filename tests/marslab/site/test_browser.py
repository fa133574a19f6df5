"""The site as a reader meets it: opened from a file, in a real browser.

Every test also fails on an error in the console and on a request to anything but the site's files.
"""

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FIGURES = "document.querySelectorAll('.js-plotly-plot .main-svg').length >= 2 * {count}"
LOOK = """() => {
  const figure = document.querySelector('.js-plotly-plot');
  return [figure._fullLayout.paper_bgcolor, figure._fullData[0].line.color];
}"""


def until(page: Any, condition: str) -> None:
    """Wait for an expression to be true; Playwright's own way needs eval, which pages forbid."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"this did not come true: {condition}")


@pytest.fixture(scope="module")
def profile(browser: Any) -> Iterator[Any]:
    """One reader of all tests: scripts are read once."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(profile: Any, made: Any) -> Iterator[Any]:
    """The index of the site; afterwards nothing was asked of another place, and nothing failed."""
    page, home = profile.new_page(), made.index.parent.as_uri()
    outside, errors = [], []
    inside = (f"{home}/", "data:", "blob:")
    page.on("request", lambda r: r.url.startswith(inside) or outside.append(r.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type in ("error", "warning") and errors.append(said.text))
    page.goto(f"{home}/index.html")
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert outside == [] and errors == []


def test_from_the_index_through_the_course(page: Any) -> None:
    page.get_by_role("link", name="A first page").click()
    until(page, FIGURES.format(count=2))
    assert page.title() == "A first page · marslab"
    assert page.locator("math").count() == 3  # two in the words, one in a hint
    assert page.locator(".katex-error").count() == 0
    names = page.locator("[role=img][aria-label^=Figure]").all()
    assert [name.get_attribute("aria-label") for name in names] == [
        "Figure 1: Three points",
        "Figure 2",
    ]
    page.get_by_role("navigation", name="On this page").get_by_text("Smaller").click()
    page.wait_for_url("**#Smaller")
    page.locator("#contents a[aria-current]", has_text="Smaller").wait_for()
    hint = page.get_by_text("It is one line.")
    assert not hint.is_visible()
    page.get_by_text("Hint 2 of 2").click()
    assert hint.is_visible()
    page.get_by_role("link", name="Next A second page").click()
    page.get_by_role("heading", name="A second page").wait_for()
    page.get_by_role("link", name="Previous A first page").click()
    page.get_by_role("heading", name="A first page").wait_for()


def test_the_search_finds_words_of_other_pages_by_keyboard(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("еж слово")
    page.get_by_role("status").get_by_text("1 place").wait_for()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('href')") == (
        "02_second.html#The-end"
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**/02_second.html#The-end")
    page.get_by_role("heading", name="The end").wait_for()
    page.wait_for_load_state()
    page.keyboard.press("/")
    page.keyboard.type("quokka <img src=x>")
    page.get_by_text("Nothing found.").wait_for()
    page.get_by_role("searchbox").fill("quokka")
    assert page.locator("#found mark").first.inner_text() == "quokka"
    page.keyboard.press("Escape")
    assert not page.locator("#found").is_visible()


def test_what_is_read_is_remembered(page: Any) -> None:
    page.get_by_role("link", name="A second page").click()
    page.get_by_role("button", name="Mark as read").click()
    page.get_by_role("button", name="✓ Read").wait_for()
    page.get_by_role("link", name="marslab", exact=True).click()
    page.get_by_text("1 of 2 read").wait_for()
    assert page.locator(".is-read").all_inner_texts() == ["A second page"]
    page.get_by_role("link", name="A second page").click()
    page.get_by_role("button", name="✓ Read").click()
    page.get_by_role("button", name="Mark as read").wait_for()


def test_light_and_dark_with_the_figures(page: Any) -> None:
    page.get_by_role("link", name="A first page").click()
    until(page, FIGURES.format(count=2))
    assert page.evaluate(LOOK) == ["#ffffff", "#000033"]
    page.get_by_role("button", name="Use dark colours").click()
    until(page, f"({LOOK})()[0] === '#171c23'")
    paper, line = page.evaluate(LOOK)
    assert paper == "#171c23" and line.startswith("rgb(") and line != "rgb(0,0,51)"
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(23, 28, 35)"
    page.reload()
    until(page, FIGURES.format(count=1))
    assert page.evaluate(LOOK)[0] == "#171c23"
    page.evaluate("localStorage.clear()")
    page.emulate_media(color_scheme="dark")
    page.reload()
    page.get_by_role("button", name="Use light colours").wait_for()


def test_the_first_key_skips_to_the_content(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_on_a_phone_nothing_is_wider_than_the_page(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for name in ("A first page", "marslab"):
        page.get_by_role("link", name=name, exact=name == "marslab").click()
        page.get_by_role("heading", level=1).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        if name == "A first page":
            until(page, FIGURES.format(count=1))
            assert not page.locator("#contents nav").is_visible()
            box = page.locator(".wide").first
            assert box.evaluate("box => box.scrollWidth > box.clientWidth && box.tabIndex === 0")
