"""A study that is killed, and killed again, ends complete; a cluster finds the same figures."""

import importlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from marslab.lab.ablation import Results
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.tasks import Task

JOBS = Path(__file__).parent / "jobs"
PATIENCE = 600.0  # seconds; a limit for what hangs, not a measurement
KILLS = 5


def start(home: Path) -> subprocess.Popen:
    command = [sys.executable, str(JOBS / "study_script.py"), str(home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def kept(home: Path) -> dict[str, bytes]:
    folder = home / "studies" / "short-runs" / "runs"
    return {file.name: file.read_bytes() for file in folder.glob("*.json")}


def kill_when(process: subprocess.Popen, home: Path, results: int) -> None:
    """Kill the process and its workers as soon as so many results are there."""
    end = time.monotonic() + PATIENCE
    while len(kept(home)) < results:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end, "no progress"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)


def figures(results: Results) -> list[tuple[Any, ...]]:
    return [(run.id, run.variant, run.seed, run.metrics, run.curve) for run in results.runs]


@pytest.mark.slow
def test_a_killed_study_ends_complete_and_a_cluster_agrees(tmp_path: Path, tiny: Task) -> None:
    study = importlib.import_module("study_script").STUDY
    jobs = plan(study).jobs
    assert len(jobs) == 24
    home, after = tmp_path / "killed", {}
    for moment in sorted(random.Random(7).sample(range(1, 21), KILLS)):
        before = kept(home)
        with start(home) as process:
            kill_when(process, home, moment)
        after = kept(home)
        assert before.items() <= after.items()  # nothing lost, nothing done twice
    with start(home) as one, start(home) as other:  # and two at once on what is left
        told = [process.communicate(timeout=PATIENCE)[0].split() for process in (one, other)]
    assert [complete for _, complete in told] == ["True", "True"]
    found = kept(home)
    assert after.items() <= found.items()
    assert sorted(found) == sorted(f"{job.id}.json" for job in jobs)

    results = ablate(study, home=home)  # nothing is left to do
    assert kept(home) == found and results.problems == []
    assert [(run.variant, run.seed, run.status) for run in results.runs] == [
        (job.variant, job.seed, "done") for job in jobs
    ]
    pytest.importorskip("distributed", reason="pip install 'marslab[cluster]'")
    assert figures(ablate(study, home=tmp_path / "dask", dask=2)) == figures(results)
