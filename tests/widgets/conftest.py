"""A served copy of the dashboards, once for all tests of this folder, and its reader."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from marslab.lab.ablation import Study
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.results import described
from marslab.lab.ablation.run import record
from marslab.lab.ablation.store import Store
from marslab.widgets.frame.exports import FIND


@pytest.fixture(scope="session")
def served_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The MARSLAB_HOME of the dashboard server."""
    return tmp_path_factory.mktemp("dash-home")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, served_home: Path) -> Iterator[str]:
    """The address of a dashboard server in a process of its own, without the last slash."""
    log = tmp_path_factory.mktemp("dash") / "log.txt"
    there = os.environ | {"MARSLAB_HOME": str(served_home)}
    command = [sys.executable, "-m", "marslab.widgets", "--port", "0", "--no-browser"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=there
        ) as server,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), log.read_text()
        yield address.rstrip("/")
        server.terminate()


FIGURE = f"""() => {{
  {FIND}
  const e = found.find((e) => e.offsetParent !== null && e.data && e.data.length);
  if (!e) return null;
  const bar = (e.data[0].colorbar || {{}}).title || {{}};
  return {{title: e.layout.title.text, names: e.data.map((t) => t.name),
          kinds: e.data.map((t) => t.type), x: e.data.map((t) => Array.from(t.x || [])),
          y: e.data.map((t) => Array.from(t.y || [])), bar: bar.text || '',
          ticks: Array.from(e.layout.xaxis.ticktext || []), paper: e.layout.paper_bgcolor,
          texts: JSON.stringify(e.data[0].text || null)}};
}}"""


class Seen:
    """A page, and what it did that it must not do."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def figure(self, until: Callable[[Any], bool] = bool) -> dict[str, Any]:
        """The figure on the page, once it is as `until` wants it."""
        found = None
        for _ in range(600):
            found = self.page.evaluate(FIGURE)
            if found and until(found):
                return found
            self.page.wait_for_timeout(100)
        raise AssertionError(f"the figure did not come to be as expected: {str(found)[:500]}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:")):
            self.outside.append(request.url)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@pytest.fixture(scope="module")
def reader(browser: Any) -> Iterator[Any]:
    """One browser profile, so that the scripts of the pages are fetched once."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    context.set_default_timeout(60_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def seen(
    request: pytest.FixtureRequest, reader: Any, served: str, tmp_path: Path
) -> Iterator[Seen]:
    """A fresh page, 1280 x 720; afterwards no error was on its console and no request left it."""
    seen = Seen(reader.new_page(), served)
    failed = request.session.testsfailed
    yield seen
    if request.session.testsfailed > failed:
        seen.page.screenshot(path=tmp_path / "failed.png")
    seen.page.evaluate("localStorage.clear()")
    seen.page.close()
    assert seen.outside == []
    assert seen.errors == []


Scores = Mapping[str, Sequence[float | str | None]]
GRID = {"ssm.enabled": [True, False], "ssm.d_state": [8, 1]}
SCORES: Scores = {
    "baseline": [0.95, 0.96, 0.94],
    "ssm.enabled=false": [0.71, 0.72, 0.70],
    "ssm.d_state=1": [0.95, 0.93, 0.95],
}


@pytest.fixture
def stored() -> Callable[..., Path]:
    """A function that stores a study of made-up scores and gives its folder.

    In place of a score: a text for a run that failed so, None for one that was not made.
    """

    def make(scores: Scores = SCORES, under: Path | None = None, **fields: Any) -> Path:
        given: dict[str, Any] = {"study": "parts", "title": "What do parts bring?", "grid": GRID}
        given |= {"preset": "digits-scan", "budget": {"epochs": 2}} | fields
        made = plan(Study(**given))
        store = Store.named(made.study.study, under)
        store.write_study(described(made))
        for job in made.jobs:
            score = scores[job.variant][made.study.seeds.index(job.seed)]
            if isinstance(score, str):
                store.write(record(job, status="failed", error=score, trace=f"Trace of {score}"))
            elif score is not None:
                found = {"metrics": {"held_out": score, "loss": 1 - score}, "parameters": 1234}
                curve = [[1.0, score / 2], [2.0, score]]
                store.write(record(job, status="done", seconds=1.5, curve=curve, **found))
        return store.folder

    return make
