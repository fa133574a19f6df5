"""A small ledger to work with; the shipped one and the user's stay untouched."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marslab.lab import sources
from marslab.lab.claims import digest, ledger, schema
from marslab.lab.claims.ledger import Run
from marslab.lab.claims.schema import Claim

TEXT = """
claims:
  - id: toy-exponent
    system: MARS
    source: a section
    promise: It grows as the length.
    number: 1
    test: It is counted.
    run: marslab.lab.claims.outcome:exponent
    rule: {metric: exponent, holds: "<= 1.15", partly: "<= 1.4"}
    figures: {exponent: the power, rounds: how often}
    code: [marslab.kernels.roofline, data/toy.json]
    notebook: 01_from_loop_to_scan
    shows: a cell
  - id: toy-pair
    system: TARS
    source: another section
    promise: Both are small.
    test: Both are looked at.
    run: marslab.lab.claims.outcome:pair
    timed: true
    rule:
      - {metric: a, holds: "== 0"}
      - {metric: b, holds: "< 1"}
    figures: {a: one, b: the other}
    code: []
  - id: toy-far
    system: CRSM
    source: a third
    promise: It is fast on another machine.
    test: It would be timed there.
    cannot: There is no such machine here.
"""


@pytest.fixture
def text() -> str:
    """A claims file of three claims."""
    return TEXT


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Claim]]:
    """Three claims in place of the course's, and an empty shipped ledger."""
    read = schema.read_claims(TEXT, "toys.yaml")
    data = tmp_path / "data"
    data.mkdir()
    (data / "toy.json").write_text("{}", "utf-8")
    sources.sources.cache_clear()
    monkeypatch.setattr(sources, "files", lambda _: data)
    for module in (schema, ledger):
        monkeypatch.setattr(module, "claims", lambda: read)
    monkeypatch.setattr(ledger, "ledger_path", lambda: data / "ledger.json")
    yield read
    sources.sources.cache_clear()


@pytest.fixture
def run_of(toys: dict[str, Claim]) -> Callable[..., Run]:
    """A function (claim id, **changes) -> a good run of it, as of today's code."""

    def make(claim: str = "toy-exponent", /, **changes: Any) -> Run:
        figures = {"exponent": 1.0, "rounds": 9} if claim == "toy-exponent" else {"a": 0, "b": 0.5}
        known: dict[str, Any] = {
            "id": f"{claim}-20261122T090000Z-abcd",
            "claim": claim,
            "machine": "a machine",
            "date": "2026-11-22T09:00:00+00:00",
            "ran": "2026-11-22T09:00:00+00:00",
            "seconds": 1.5,
            "code": digest.code_of(toys[claim]),
            "terms": digest.terms_of(toys[claim]),
            "verdict": "holds",
            "says": "It grows as the length does.",
            "figures": figures,
        }
        return Run(**(known | changes))

    return make
