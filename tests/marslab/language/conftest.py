"""The tiny model of jobs/, known here and to the processes that are started from here."""

import importlib
from pathlib import Path
from typing import Any

import pytest

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(JOBS)
    return importlib.import_module("tiny_language")
