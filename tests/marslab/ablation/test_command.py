"""The command: what it prints and where, its exit codes, its sentences."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from marslab import home
from marslab.errors import UserError
from marslab.lab.ablation import command, pool
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.run import run
from marslab.lab.ablation.tasks import Task

app = typer.Typer()
app.command()(command.ablate)
STUDY = """
study: tiny-study
title: Does it add up?
task: tiny
budget: {wait: 0}
seeds: [0, 1]
grid:
  task.width: [1, 2]
"""


@pytest.fixture
def file(tmp_path: Path, tiny: Task, here: list[str]) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return str(path)


def invoke(*arguments: str):
    return CliRunner().invoke(app, [*arguments, "--no-page", "--no-report"])


def test_a_study_is_run_and_told(file: str, here: list[str]) -> None:
    done = invoke(file)
    assert done.exit_code == 0, done.output
    assert "Does it add up?" in done.stdout and "task.width=2" in done.stdout
    assert "verdict" in done.stdout and "seed 0" not in done.stdout
    assert "4/4 task.width=2, seed 1: " in done.stderr
    assert len(here) == 4
    again = invoke(file)
    assert again.stdout == done.stdout and len(here) == 4


def test_json_alone_is_on_stdout(file: str) -> None:
    found = json.loads(invoke(file, "--json", "--seeds=1", "--budget", "wait=0.001").stdout)
    assert found["study"]["seeds"] == [0] and found["study"]["budget"] == {"wait": 0.001}
    assert [row["variant"] for row in found["summary"]] == ["baseline", "task.width=2"]


def test_a_failed_run_is_told_and_tried_again(file: str, here: list[str]) -> None:
    Path(file).write_text(STUDY.replace("task.width: [1, 2]", "task.act: [score, raise]"))
    done = invoke(file)
    assert done.exit_code == 1
    assert "2 of 4 runs failed: --retry tries again" in done.stderr
    assert "failed: ArithmeticError: a sum that fails" in " ".join(done.stderr.split())
    assert "failed:" in done.stdout
    assert invoke(file, "--retry").exit_code == 1
    assert len(here) == 6


def test_fresh_keeps_the_old_runs_aside(file: str, here: list[str]) -> None:
    invoke(file)
    done = invoke(file, "--fresh")
    (aside,) = (home.home() / "studies" / "tiny-study").glob("runs-before-*")
    assert f"the runs there were are now in {aside}" in done.stderr
    assert len(here) == 8


def test_ctrl_c_keeps_what_is_done(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(jobs: Iterable[Job], workers: int, tell: pool.Tell) -> None:
        for job in jobs:
            tell(run(job))
            raise KeyboardInterrupt

    monkeypatch.setattr(pool, "run_here", interrupted)
    done = invoke(file)
    assert done.exit_code == 130
    assert "stopped: 1 of 4 runs are kept, the same command goes on" in done.stderr
    done = invoke(file)
    assert "2/4 " in done.stderr and "1/4 " not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gone.yaml"], "the study gone.yaml cannot be read"),
        (["digits-scan"], "digits-scan is a preset: say what to change"),
        (["digits-scan-partz"], "Did you mean 'digits-scan-parts'?"),
        (["digits-scan-parts", "--off=ssm.gate"], "there is no preset 'digits-scan-parts'"),
        (["digits-scan", "--off=ssm.gat"], "Did you mean 'ssm.gate'?"),
        (["digits-scan", "--set=ssm.d_state=8,0"], "ssm.d_state must be positive, got 0"),
        (["digits-scan", "--off=ssm.gate", "--budget=epoch=3"], "Did you mean 'epochs'?"),
        (["digits-scan", "--off=ssm.gate", "--budget=epochs=1,2"], "one value, got 2"),
        (["digits-scan", "--off=ssm.gate", "--seeds=0"], "seeds must be at least 1, got 0"),
        (["digits-scan-parts", "--workers=0"], "workers must be at least 1, got 0"),
        (["digits-scan-parts", "--dask=2", "--scheduler=x"], "give dask or scheduler"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], told: str) -> None:
    done = invoke(*arguments)
    assert isinstance(done.exception, UserError) and done.exception.exit_code == 2
    assert told in str(done.exception) and "\n" not in str(done.exception)
    assert not (home.home() / "studies").exists()


def test_dask_names_its_extra(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = invoke(file, "--dask=1")
    assert isinstance(done.exception, UserError) and done.exception.exit_code == 3
    assert str(done.exception) == "distributed is not installed: pip install 'marslab[cluster]'"


def test_what_is_drawn_is_named_and_what_fails_is_told(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = importlib.import_module("marslab.lab.ablation.report")

    def written(folder: Path, out: Path) -> Path:
        assert folder == home.home() / "studies" / "tiny-study"
        return out

    def broken(command: list[str], **options: object) -> subprocess.CompletedProcess:
        return subprocess.CompletedProcess(command, 1, "", "Traceback\nOSError: disk full\n")

    monkeypatch.setattr(report, "write", written)
    monkeypatch.setattr(command.subprocess, "run", broken)
    done = CliRunner().invoke(app, [file])
    assert done.exit_code == 0
    assert "no page: OSError: disk full" in done.stderr
    assert "tiny-study/tiny-study.ipynb" in done.stderr and ".html" not in done.stderr


def test_the_lab_is_light_and_offers_ablate() -> None:
    code = (
        "import sys; from marslab.lab import ablate; import marslab.lab.ablation.command;"
        "print(ablate.__name__, sorted({'torch', 'pandas', 'scipy', 'pydantic', 'numba',"
        " 'distributed', 'plotly', 'papermill', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout == "ablate []\n", done.stderr
