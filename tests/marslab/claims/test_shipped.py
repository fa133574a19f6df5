"""The course's own claims and the ledger that ships with them: form, links, cheap ones again."""

import json
import re
from importlib import import_module

import pytest

from marslab.lab import sources
from marslab.lab.catalogue import catalogue
from marslab.lab.claims import digest, ledger
from marslab.lab.claims.measuring import judged
from marslab.lab.claims.printing import markdown
from marslab.lab.claims.rules import UNTESTABLE, judge
from marslab.lab.claims.schema import claims
from marslab.lab.notebooks import names, shipped

CLAIMS = claims()
TESTED = [claim for claim in CLAIMS.values() if not claim.cannot]
RUNS = {run.claim: run for run in ledger.shipped_runs()}
MEASURED = sorted(id for id, run in RUNS.items() if run.verdict != UNTESTABLE)
# Measured again here: they take no times, and less than a second each.
CHEAP = [
    "mars-printed-block", "mars-selective-level", "tars-endless-context", "tars-wkv-memory",
    "mmrec-clamp", "mmrec-add-back", "mmrec-log-products", "mmrec-decay-init",
    "mmrec-memory-bound-gpu",
]  # fmt: skip


def test_the_catalogue_names_claims_that_there_are() -> None:
    named = {id for row in catalogue()["rows"] for id in row["claims"]}
    assert named <= set(CLAIMS)


@pytest.mark.parametrize("claim", TESTED, ids=lambda claim: claim.id)
def test_what_a_claim_names_is_there(claim) -> None:
    assert claim.notebook in names()
    assert all(sources.sources(name) for name in claim.code)
    module, _, name = claim.run.partition(":")
    assert callable(getattr(import_module(module), name))
    assert module.startswith("marslab.lab.claims.runs.")


@pytest.mark.parametrize("id", MEASURED)
def test_a_shipped_verdict_is_what_the_rule_says(id: str) -> None:
    run, claim = RUNS[id], CLAIMS[id]
    assert run.figures is not None and set(run.figures) == {name for name, _ in claim.figures}
    assert run.terms == digest.terms_of(claim), "measure again: rule or test have changed"
    assert run.verdict == judge(claim.rule, run.figures)
    assert run.seconds <= 60 and len(run.says) < 400


def test_every_claim_that_can_be_tested_is_measured() -> None:
    assert set(RUNS) == {claim.id for claim in TESTED}
    assert {RUNS[id].verdict for id in MEASURED} == {"holds", "partly", "does not hold"}


def test_a_run_that_found_nothing_to_measure_with_says_so() -> None:
    for id in RUNS.keys() - set(MEASURED):
        run = RUNS[id]
        assert run.terms == digest.terms_of(CLAIMS[id]), "measure again: rule or test have changed"
        assert run.figures is None and "this machine" in run.says


def test_the_ledger_prints_what_fails_as_plainly_as_what_holds() -> None:
    text = markdown(ledger.standings()[0])
    for run in RUNS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| {run.claim} "))
        assert f"| {run.verdict}" in row and run.machine in row and run.date[:10] in row


@pytest.mark.parametrize("id", CHEAP)
def test_a_cheap_claim_measured_again_gives_the_shipped_figures(id: str) -> None:
    claim, shipped = CLAIMS[id], RUNS[id].figures
    assert shipped is not None
    module, _, name = claim.run.partition(":")
    outcome = getattr(import_module(module), name)()
    assert judged(claim, outcome) == RUNS[id].verdict
    for figure, value in outcome.figures.items():
        assert value == pytest.approx(shipped[figure], rel=1e-3, abs=1e-6)


def test_a_claim_is_shown_where_it_says() -> None:
    """Where a notebook of the course's parts stores a claim's figure, the claim names it."""
    stored: dict[str, set[str]] = {}
    for name in names():
        for cell in json.loads((shipped() / f"{name}.ipynb").read_text("utf-8"))["cells"]:
            source = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
            for id in re.findall(r'^\s*claim\("([^"]+)"', source, re.MULTILINE):
                stored.setdefault(id, set()).add(name)
    assert len(stored) >= 8
    assert {id for id, where in stored.items() if CLAIMS[id].notebook not in where} == set()
