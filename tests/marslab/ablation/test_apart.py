"""A study in a process of its own: it steps back behind others, and ends when it is told to."""

import os
from pathlib import Path

import psutil
import pytest

from marslab.errors import UserError
from marslab.lab.ablation import Results, Study
from marslab.lab.ablation.apart import NICE, Progress, run_apart

QUICK = Study(
    "quick",
    task="scan",
    budget={"backend": "torch", "length": 8, "batch": 1},
    grid={"task.width": [2, 4, 8]},
    seeds=(0,),
)


class Enough(Exception):
    pass


@pytest.mark.slow
def test_it_reports_steps_back_and_ends_at_once_with_what_was_done(tmp_path: Path) -> None:
    seen: list[Progress] = []
    nice: set[int] = set()

    def tell(progress: Progress) -> None:
        seen.append(progress)
        nice.update(child.nice() for child in psutil.Process().children(recursive=True))
        if progress.done == 1:
            raise Enough

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(Enough):
        run_apart(QUICK, tell, home=tmp_path, workers=1)
    assert Progress(0, 3, "") in seen
    assert seen[-1] == Progress(1, 3, "baseline, seed 0: done")
    assert max(nice) == min(19, os.nice(0) + NICE)
    left = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
    assert psutil.wait_procs(left, timeout=120)[1] == []
    kept = Results.load("quick", tmp_path)
    assert kept.runs[0].metrics["error"] is not None and not kept.complete


@pytest.mark.slow
def test_a_study_that_cannot_be_run_is_a_sentence(tmp_path: Path) -> None:
    wrong = QUICK.replaced(budget={"length": -1})
    with pytest.raises(UserError, match="study quick: length must be positive, got -1"):
        run_apart(wrong, lambda progress: None, home=tmp_path)


@pytest.mark.slow
def test_a_process_that_dies_is_a_sentence(tmp_path: Path) -> None:
    def kill(progress: Progress) -> None:
        for child in psutil.Process().children():  # others are multiprocessing's own
            if "marslab.lab.ablation.apart" in child.cmdline():
                child.kill()

    with pytest.raises(UserError, match="ended early .*: what was done is kept"):
        run_apart(QUICK, kill, home=tmp_path)
