"""The dashboards as a reader meets them, in a real browser.

Every test also fails on an error in the console and on a request to anything but its own server
(the fixture `seen` looks).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.slow

# The figures live in shadow roots, where document.querySelector does not look.
FIND = """() => {
  const found = [];
  const look = (root) => root.querySelectorAll('*').forEach((e) => {
    if (e.classList.contains('js-plotly-plot') && e.data) found.push(e);
    if (e.shadowRoot) look(e.shadowRoot);
  });
  look(document);
  return found;
}"""
FIGURE = f"""() => {{
  const e = ({FIND})().find((e) => e.offsetParent !== null);
  if (!e || !e.data.length) return null;
  return {{title: e.layout.title.text, paper: e.layout.paper_bgcolor, width: e.offsetWidth,
          names: e.data.map((t) => t.name), sum: e.data.map((t) => Array.from(t.y || []).join())}};
}}"""


def figure(seen: Any, until: Callable[[Any], bool] = bool) -> dict[str, Any]:
    """The figure on the page, once it is as `until` wants it."""
    found = None
    for _ in range(600):
        found = seen.page.evaluate(FIGURE)
        if found and until(found):
            return found
        seen.page.wait_for_timeout(100)
    raise AssertionError(f"the figure did not come to be as expected: {str(found)[:500]}")


def open_view(seen: Any, query: str = "") -> dict[str, Any]:
    seen.page.goto(f"{seen.address}/scans{query}")
    return figure(seen)


def address_says(seen: Any, expected: dict[str, list[str]]) -> None:
    """The address follows the figure a moment later."""
    said = None
    for _ in range(200):
        said = parse_qs(urlsplit(seen.page.url).query)
        if said == expected:
            return
        seen.page.wait_for_timeout(100)
    assert said == expected


def test_from_the_index_to_a_figure_that_follows_the_keyboard(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/")
    seen.page.get_by_role("link", name="Scans").click()
    before = figure(seen)
    handle = seen.page.locator(".noUi-handle").nth(1)  # the time constant
    handle.focus()
    assert "Time constant" in handle.get_attribute("aria-label")
    seen.page.keyboard.press("ArrowRight")
    after = figure(seen, lambda now: now["sum"] != before["sum"])
    assert "τ = 48" in after["names"] and "τ = 48" not in before["names"]
    address_says(seen, {"tau": ["48"]})
    wide = seen.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1280


def test_another_op_is_chosen_by_keyboard_and_brings_its_controls(seen: Any) -> None:
    open_view(seen, "?L=32&backend=torch")
    operation = seen.page.get_by_label("Operation")
    operation.focus()
    operation.press_sequentially("ssd")
    assert operation.input_value() == "ssd"
    assert "B[t]ᵀ" in figure(seen, lambda now: "H 2" in now["title"])["title"]
    seen.page.get_by_label("P, head width").wait_for()  # the controls may follow the figure
    assert not seen.page.get_by_label("Direction").is_visible()
    seen.page.get_by_text("As attention").click()
    figure(seen, lambda now: now["names"] == [None])
    address_says(seen, {"op": ["ssd"], "L": ["32"], "backend": ["torch"], "figure": ["dual"]})


def test_the_questions_lead_to_an_op_without_the_mouse(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/which-op")
    seen.page.get_by_label("Bind symbols").focus()
    seen.page.keyboard.press("Space")
    seen.page.get_by_text("What shall happen to the vectors?").wait_for()
    seen.page.get_by_label("Find the nearest").focus()
    seen.page.keyboard.press("Space")
    see = seen.page.get_by_role("link", name="See hamming_topk at work")
    see.wait_for()
    address_says(seen, {"way": ["symbols.hamming_topk"]})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
    see.focus()
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/scans?op=hamming_topk**")
    assert "N 64" in figure(seen)["title"]


def test_the_figure_of_a_memory_op_follows_its_controls(seen: Any) -> None:
    before = open_view(seen, "?op=hamming_topk&backend=torch&flips=10&items=16")
    assert before["names"] == ["the nearest 5", "the others"]
    k = seen.page.get_by_label("k, nearest")
    k.focus()
    k.press("ArrowDown")
    k.press("Tab")
    figure(seen, lambda now: now["names"] == ["the nearest 4", "the others"])


def test_a_link_shows_the_same_again(seen: Any) -> None:
    link = "?source=text&text=a+%26+%3Cb%3E&D=3&figure=heatmap&reverse=true"
    shown = open_view(seen, link)
    assert "B 1 · L 7 · D 3" in shown["title"]
    assert seen.page.get_by_label("Text (UTF-8 bytes)").input_value() == "a & <b>"
    assert seen.page.get_by_label("Direction").input_value() == "Last step to first"
    address_says(seen, parse_qs(link[1:]))


def test_a_link_that_does_not_fit_is_said_and_the_view_still_works(seen: Any) -> None:
    shown = open_view(seen, "?L=17&D=3&%3Cscript%3E=1")
    assert "L 256 · D 3" in shown["title"]
    card = seen.page.get_by_role("alert")
    assert "L = '17' does not fit: it takes one of 8, 16" in card.inner_text()
    assert "'<script>' is no control of this view" in card.inner_text()


def test_an_error_is_a_card_and_a_control_mends_it(seen: Any) -> None:
    seen.page.goto(f"{seen.address}/scans?backend=naive&L=65536&D=1")
    card = seen.page.get_by_role("alert")
    card.wait_for()
    assert "The backend naive cannot run this: a Python loop of 65,536 steps" in card.inner_text()
    seen.page.get_by_label("Backend").select_option("torch")
    assert "L 65,536" in figure(seen)["title"]
    assert not card.is_visible()


def test_long_work_says_where_it_is_and_can_be_cancelled(seen: Any) -> None:
    before = open_view(seen, "?L=8192&D=256")
    seen.page.get_by_role("button", name="Time all backends").click()
    cancel = seen.page.get_by_role("button", name="Cancel")
    cancel.click()
    seen.page.get_by_text("Cancelled. The picture is that of the last run").wait_for()
    assert not cancel.is_visible()
    seen.page.get_by_text("States").click()
    assert figure(seen)["sum"] == before["sum"]


def test_timing_shows_a_bar_for_each_backend(seen: Any) -> None:
    shown = open_view(seen, "?figure=time&L=64")
    assert {"naive", "torch"} <= set(shown["names"])


def test_light_and_dark(seen: Any) -> None:
    light = open_view(seen, "?L=32")
    seen.page.get_by_role("button", name="Use dark colours").click()
    dark = figure(seen, lambda now: now["paper"] != light["paper"])
    page = "getComputedStyle(document.body).backgroundColor"
    assert seen.page.evaluate(page) == "rgb(15, 19, 24)" and dark["paper"] == "#171c23"
    seen.page.reload()
    assert figure(seen, lambda now: now["paper"] == "#171c23")
    seen.page.get_by_role("button", name="Use light colours").click()
    assert figure(seen, lambda now: now["paper"] == "#ffffff")


def test_a_dark_system_gives_a_dark_page(seen: Any) -> None:
    seen.page.emulate_media(color_scheme="dark")
    open_view(seen, "?L=32")
    assert figure(seen, lambda now: now["paper"] == "#171c23")


def test_a_resize_that_comes_after_a_figure_is_gone_is_no_error(seen: Any) -> None:
    open_view(seen, "?L=32&D=3")
    late = f"({FIND})().forEach((e) => {{ Plotly.purge(e); Plotly.relayout(e, {{width: 300}}); }})"
    seen.page.evaluate(late)


def test_what_a_reader_takes_away(seen: Any, tmp_path: Path) -> None:
    open_view(seen, "?L=32&D=3")
    csv = _download(seen, "Data (CSV)", tmp_path)
    assert len(csv.read_text().splitlines()) == 33 and csv.name == "scans.csv"
    page = _download(seen, "Figure (HTML)", tmp_path)
    assert "plotly.js" in page.read_text(encoding="utf-8")
    picture = _download(seen, "Figure (PNG)", tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000
    seen.page.get_by_role("button", name="Copy as Python").click()
    seen.page.get_by_text("setup = ScanSetup(L=32, D=3)").wait_for()
    seen.page.get_by_role("button", name="Copy", exact=True).click()
    seen.page.get_by_role("button", name="Copied").wait_for()
    assert "Scans(L=32, D=3)" in seen.page.evaluate("navigator.clipboard.readText()")


def test_a_study_is_run_from_the_page_and_filtered(
    seen: Any, stored: Callable[..., Path], served_home: Path
) -> None:
    quick = {"length": 8, "batch": 1, "backend": "torch"}
    stored(
        {"baseline": [None], "task.width=4": [None]},
        under=served_home,
        study="quick",
        title="How wide is too wide?",
        preset=None,
        task="scan",
        budget=quick,
        seeds=(0,),
        grid={"task.width": [2, 4]},
    )
    seen.page.goto(f"{seen.address}/ablations?study=quick&figure=table")
    seen.page.get_by_text("quick has not been run yet.").wait_for()
    seen.page.get_by_role("button", name="Run the study").click()
    seen.page.get_by_role("button", name="Cancel").wait_for()
    outcome = seen.page.get_by_text("1 change to the baseline: 1 without a clear difference.")
    outcome.wait_for(timeout=240_000)  # it runs behind everything else on this machine
    assert figure(seen)["title"] == "How wide is too wide?"
    seen.page.get_by_text("Effects", exact=True).click()
    figure(seen, lambda now: "not clear" in now["names"])
    seen.page.get_by_label("Metric").select_option("relative error against the loop in float64")
    address_says(seen, {"study": ["quick"], "metric": ["error"]})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280


def _download(seen: Any, name: str, folder: Path) -> Path:
    with seen.page.expect_download() as coming:
        seen.page.get_by_role("button", name=name).click()
    kept = folder / coming.value.suggested_filename
    coming.value.save_as(kept)
    return kept
