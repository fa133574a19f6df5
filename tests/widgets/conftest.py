"""A served copy of the dashboards and a browser; both once for all tests of this folder."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marslab.lab.doctor import chromium

# The browser's own calls home would be counted as ours.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard server in a process of its own, without the last slash."""
    log = tmp_path_factory.mktemp("dash") / "log.txt"
    command = [sys.executable, "-m", "marslab.widgets", "--port", "0", "--no-browser"]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as server,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), log.read_text()
        yield address.rstrip("/")
        server.terminate()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, headless; without one the test is skipped."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium or Chrome is on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


class Seen:
    """A page, and what it did that it must not do."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def _request(self, request: Any) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:")):
            self.outside.append(request.url)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@pytest.fixture(scope="session")
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
