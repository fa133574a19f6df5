"""Worker processes of a study: what dies, dies alone; what hangs, ends."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab.ablation import RunRecord, Study
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.execute import Place
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.pool import run_here

Made = Callable[..., Study]
ACTS = ["score", "kill", "raise", "die_once", "loop"]


@pytest.mark.slow
def test_each_failure_is_that_of_its_own_run(study: Made, tmp_path: Path) -> None:
    budget = {"seconds": 5.0, "folder": str(tmp_path)}
    results = ablate(study({"task.act": ACTS}, seeds=(0,), budget=budget), workers=2)
    assert results.complete and results.problems == []
    told = {run.changes.get("task.act", "score"): run.error for run in results.runs}
    assert told == {
        "score": None,
        "kill": "the process died (signal 9), twice",
        "raise": "ArithmeticError: a sum that fails",
        "die_once": None,  # tried again when all others were done
        "loop": "it took longer than budget.seconds = 5 s",
    }


@pytest.mark.slow
def test_what_hears_no_limit_is_killed(study: Made) -> None:
    awake, asleep = plan(study({"task.act": ["score", "sleep"]}, seeds=(0,))).jobs
    found: list[RunRecord] = []
    jobs = [awake, dataclasses.replace(asleep, seconds=0.1), awake]
    run_here(jobs, 1, found.append, grace=3.0)
    assert [run.status for run in found] == ["done", "failed", "done"]
    assert found[1].error == "it took longer than budget.seconds = 0.1 s and was killed"


SCRIPT = """
from marslab.lab import ablate
from marslab.lab.ablation import Study
small = {"length": 8, "width": 2, "batch": 1}
made = ablate(Study("s", task="scan", budget=small, seeds=(0,), grid={"task.backend": ["torch"]}))
print(made.complete, made.runs[0].status)
"""


@pytest.mark.slow
def test_a_script_without_a_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert "no worker comes up: the process died (exit code 1) as it started" in last
    assert last.endswith("a script that starts workers outside of `if __name__ == '__main__':`")


@pytest.mark.slow
def test_an_interactive_session_runs_a_study(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "IPython", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip().splitlines()[-1:] == ["True done"], done.stderr


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (Place(workers=0), "workers must be at least 1, got 0"),
        (Place(dask=-1), "dask must be at least 1, got -1"),
        (Place(workers=2, dask=2), "give workers or dask, not all of them"),
    ],
)
def test_a_place_that_is_none_is_told(place: Place, told: str) -> None:
    with pytest.raises(UserError, match=told):
        place.check()
