"""`marslab ask` and `marslab train`, as a person types them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

from marslab import checkpoint
from marslab.config import override
from marslab.errors import UserError
from marslab.home import home
from marslab.lab import ask as asking
from marslab.lab import train_command
from marslab.learning.tars import pipeline
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.system import Tars
from marslab.tracing import Trace

from tars_models import SMALL

APP = typer.Typer()
APP.command()(asking.ask)
RUN = CliRunner()


@pytest.fixture
def trained(tmp_path: Path) -> str:
    torch.manual_seed(0)
    config = override(TarsConfig(), SMALL)
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(
        path,
        Tars(config).to(torch.bfloat16),
        system="tars",
        preset="tars-tiny",
        config=config,
        extra={"stored": "bfloat16"},
    )
    return str(path)


def asked(*words: str, **how: Any) -> Any:
    found = RUN.invoke(APP, list(words), **how)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_a_question_has_an_answer_a_table_and_a_trace(trained: str, tmp_path: Path) -> None:
    kept = str(tmp_path / "run.trace")
    words = ["What is 2+2?", "--checkpoint", trained, "--no-quick", "--max-bytes", "3"]
    shown = asked(*words, "--trace", kept).stdout
    assert "measured" in shown and "tier" in shown and "ended by" in shown
    assert "auditor" in Trace.load(kept).names()
    assert (home() / "memory" / "store.sqlite").is_file()


def test_json_and_russian(trained: str) -> None:
    words = ["--checkpoint", trained, "--no-memory", "--no-quick", "--max-bytes", "3"]
    found = json.loads(asked("Сколько будет 2+2?", *words, "--json").stdout)
    assert found["tier"] in ("brain", "omega") and found["walkthrough"]["волн"]
    assert "измерено" in asked("Сколько будет 2+2?", *words).stdout
    assert not (home() / "memory").exists()


def test_questions_come_line_by_line(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--checkpoint", trained, "--no-memory", "--no-quick", "--max-bytes", "2", "--json"]
    shown = asked(*words, input="2+2\n\n3+3\n").stdout
    assert len(shown.splitlines()) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n"))
    assert list(asking._lines()) == ["one"]


def test_what_cannot_be_asked_is_told() -> None:
    with pytest.raises(UserError, match="there is no trained model 'tars-huge'.*train tars"):
        asked("2+2", "--model", "tars-huge")
    with pytest.raises(UserError, match="this model cannot be asked"):
        asked("2+2", "--model", "digits-scan")


def test_training_tells_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Told:
        def __init__(self, preset: str, folder: Path, **how: Any) -> None:
            given.update(preset=preset, folder=folder, **how)
            self.tell = how["tell"]

        def run(self, only: str | None, seconds: float | None) -> pipeline.Progress:
            given.update(only=only, seconds=seconds)
            losses = {"loss": 1.5, "next_byte": 1.25}
            step = {"event": "step", "phase": "brain.1", "step": 7, "losses": losses, "lr": 1e-3}
            self.tell(step | {"tokens_per_second": 1234.0})
            self.tell({"event": "stage", "stage": "brain"})
            return pipeline.Progress(("data",), given.get("reason", "seconds"))

    monkeypatch.setattr(pipeline, "Pipeline", Told)
    words = ["tars", "--out", str(tmp_path), "--phase", "brain.1", "--seconds", "5", "--json"]
    found = RUN.invoke(train_command.app, [*words, "--device", "cpu"])
    assert json.loads(found.stdout) == {
        "folder": str(tmp_path),
        "done": ["data"],
        "reason": "seconds",
    }
    assert (given["preset"], given["only"], given["seconds"]) == ("tars-mini", "brain.1", 5.0)
    assert "brain.1 step 7: loss 1.5000, next byte 1.2500" in found.stderr
    given["reason"] = "interrupted"
    assert RUN.invoke(train_command.app, ["tars", "--out", str(tmp_path)]).exit_code == 130


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seconds", "0"], "--seconds must be positive"),
        (["--device", "tpu"], "--device must be auto, cpu or cuda, got 'tpu'"),
        (["--preset", "tars-huge"], "there is no preset 'tars-huge'"),
    ],
)
def test_bad_options_are_told(words: list[str], told: str, tmp_path: Path) -> None:
    found = RUN.invoke(train_command.app, ["tars", "--out", str(tmp_path), *words])
    assert isinstance(found.exception, UserError) and told in str(found.exception)
