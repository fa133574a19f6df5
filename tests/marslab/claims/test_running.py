"""A run that raises, dies or hangs is an error with a place in the ledger, and takes none along."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from marslab import workers
from marslab.errors import UserError
from marslab.lab.claims import ledger, measuring, running, schema
from marslab.lab.claims.outcome import Outcome

JOBS = Path(__file__).parent / "jobs"


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(JOBS))
    found = importlib.import_module("claim_runs")
    monkeypatch.setattr(running, "measured", found.measured)
    return found


def test_each_run_stands_by_itself(jobs: Any) -> None:
    todo = ["mmrec-clamp", "mmrec-core-scan", "mmrec-add-back", "mmrec-decay-init"]
    seen: list[str] = []
    runs = running.run_claims([*todo, "mmrec-clamp"], lambda run: seen.append(run.claim))
    assert [run.claim for run in runs] == todo and sorted(seen) == sorted(todo)
    raised, died, cannot, well = runs
    assert raised.error == "ValueError: the figures are odd" and not raised.verdict
    assert died.error == "the process died (exit code 3)" and not died.verdict
    assert cannot.verdict == "cannot be tested here" and cannot.says == "there is no GPU"
    assert well.verdict == "partly" and well.figures == jobs.OUTCOME["figures"]
    assert all(run.machine and run.date and run.id.startswith(run.claim) for run in runs)
    stored, problems = ledger.own_runs()
    assert problems == [] and {run.id for run in stored} == {run.id for run in runs}


def test_the_claim_after_one_that_died_is_measured(
    jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "cores", lambda: 1)
    died, well = running.run_claims(["mmrec-core-scan", "mmrec-decay-init"])
    assert died.error and well.verdict == "partly"


def test_a_run_that_hangs_is_stopped(jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LIMIT", 0.5)
    (run,) = running.run_claims(["mars-duality"])
    assert run.error == "it took longer than 0.5 s and was stopped"


def test_whoever_waits_can_stop_it(jobs: Any) -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    with pytest.raises(Enough):
        running.run_claims(["mars-duality"], on_wait=stop)
    assert ledger.own_runs() == ([], [])


def test_timed_claims_have_nothing_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[tuple[set[bool], int]] = []
    monkeypatch.setattr(
        running,
        "_measure",
        lambda claims, most, settle, on_wait: groups.append(({c.timed for c in claims}, most)),
    )
    with pytest.raises(KeyError):
        running.run_claims([c.id for c in schema.claims().values() if not c.cannot])
    assert groups == [({False}, workers.cores()), ({True}, 1)]


def test_a_claim_without_a_test_is_not_run() -> None:
    with pytest.raises(UserError, match="mars-hdc-826x cannot be tested here: The figure compares"):
        running.run_claims(["mars-hdc-826x"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"wrong_steps": None}, "wrong_steps is None"),
        ({"wrong_steps": float("nan")}, "wrong_steps is nan"),
        ({"more": 1}, "differ in the figures more"),
    ],
)
def test_figures_that_the_claim_does_not_list_are_no_verdict(
    change: dict[str, Any], told: str
) -> None:
    found = schema.find("mmrec-add-back")
    figures = {name: 0 for name, _ in found.figures}
    assert measuring.judged(found, Outcome(figures, "so")) == "holds"
    with pytest.raises(ValueError, match=told):
        measuring.judged(found, Outcome(figures | change, "so"))


def test_a_figure_left_out_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="differ in the figures at_minus_3"):
        measuring.judged(schema.find("mmrec-add-back"), Outcome({"wrong_steps": 0}, "so"))


def test_a_real_claim_in_a_real_worker() -> None:
    (run,) = running.run_claims(["mmrec-decay-init"])
    assert run.verdict == "does not hold" and run.figures is not None
    assert run.figures["half_life"] == pytest.approx(68.97, abs=0.01)
    (standing,), _ = ledger.standings(["mmrec-decay-init"])
    assert standing.run == run and not standing.stale
