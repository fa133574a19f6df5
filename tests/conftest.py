"""What every test gets: seeds, a MARSLAB_HOME of its own; for those that ask, a browser."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

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
KERNEL_TESTS = Path(__file__).parent / "kernels"


@pytest.fixture(autouse=True)
def _seed() -> None:
    random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    """A patch of its own: a test that calls `monkeypatch.undo()` must not reach the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARSLAB_HOME", str(tmp_path / "home"))
        yield


@pytest.fixture(autouse=True)
def _no_interpreter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernel tests switch Triton's interpreter on for their whole process; others may share it."""
    if not request.path.is_relative_to(KERNEL_TESTS):
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@pytest.fixture(autouse=True)
def _compiled(request: pytest.FixtureRequest) -> None:
    if request.path.is_relative_to(KERNEL_TESTS):
        request.getfixturevalue("warm_numba")


@pytest.fixture(scope="session")
def warm_numba(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile the numba kernels once; the other test processes wait and read numba's cache."""
    from marslab.kernels import linear_scan

    with FileLock(tmp_path_factory.getbasetemp().parent / "numba.lock"):
        for dtype in (torch.float32, torch.float64, torch.complex64, torch.complex128):
            a, b = (torch.ones(1, 2, 1, dtype=dtype, requires_grad=True) for _ in "ab")
            for reverse in (False, True):
                h = linear_scan(a, b, reverse=reverse, backend="numba")
                torch.autograd.grad(h, (a, b), torch.ones_like(h))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, headless; without one the test is skipped.

    For one module: Playwright's loop runs in this thread meanwhile, and no other could.
    """
    from marslab.lab.doctor import chromium

    path = chromium()
    if path is None:
        pytest.skip("no Chromium or Chrome is on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()
