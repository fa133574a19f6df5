"""The training of MARS: it learns, it goes on where it was stopped, it tells what does not fit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from marslab import checkpoint
from marslab.errors import UserError
from marslab.lab import train_command
from marslab.layers.mars_block import MarsBlockConfig
from marslab.learning.mars import MarsTrainer, train_mars
from marslab.learning.mars_plan import MarsTraining, load_task
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.model import MarsModel
from marslab.systems.registry import load_file
from marslab.tasks import Split, load_digits_sequences
from marslab.thinking.recursion import ReasonerConfig

RUN = CliRunner()


def tiny(**parts: Any) -> MarsConfig:
    settings: dict[str, Any] = {
        "block": MarsBlockConfig(d_state=4, heads=2, expand=1),
        "hdc": HdcConfig(dim=64, banks=2),
        "reasoner": ReasonerConfig(max_depth=3, latent_steps=1, layers=1),
    }
    return MarsConfig(16, 1, 10, input="pixels", patch=4, **(settings | parts))


def plan(**settings: Any) -> MarsTraining:
    return MarsTraining(**({"epochs": 3, "depth": 2, "lr": 1e-2, "memory_from": 1} | settings))


def some(count: int = 200) -> Split:
    split = load_digits_sequences()
    return Split(split.train_x[:count], split.train_y[:count], split.test_x, split.test_y)


def test_it_learns_and_tells_each_epoch(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    trainer = MarsTrainer(tiny(), plan(epochs=6), load_digits_sequences(), tmp_path)
    outcome = trainer.run(told.append)
    assert outcome.reason == "finished" and [r["epoch"] for r in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1]["losses"]["answer"] < 0.5 * told[0]["losses"]["answer"]
    assert outcome.scores["held_out"] > 0.7  # chance is 0.1
    assert {f"depth_{k}" for k in (1, 2, 3)} <= set(outcome.scores)
    assert 1 <= outcome.scores["ponder"] <= 3
    assert told[-1]["step"] == 6 * 23 * 2  # a step of the optimizer for each refinement
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6 and json.loads(lines[-1])["held_out"] == told[-1]["held_out"]


def test_the_memory_is_empty_at_first_and_written_whole_at_the_end(tmp_path: Path) -> None:
    split = some()
    trainer = MarsTrainer(tiny(), plan(memory_from=2), split, tmp_path)
    memory = trainer.model.memory
    assert memory is not None
    trainer.advance()
    trainer.advance()
    assert not memory.state.any()
    trainer.advance()
    features = trainer.model.features(split.train_x).detach()
    written = memory.superpose(split.train_y, features).detach()
    torch.testing.assert_close(memory.state, written, rtol=1e-3, atol=1e-3)


def test_stopped_and_gone_on_with_is_bit_for_bit_the_same(tmp_path: Path) -> None:
    whole = MarsTrainer(tiny(), plan(), some(), tmp_path / "whole")
    whole.run()
    for done in (1, 2, 3):
        part = MarsTrainer(tiny(), plan(), some(), tmp_path / "parts")
        outcome = part.run(seconds=1e-9)
        assert outcome.epoch == done
        assert outcome.reason == ("finished" if done == 3 else "seconds")
    one, two = whole.model.state_dict(), part.model.state_dict()  # pyright: ignore
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(UserError, match="holds a training with another training and seed"):
        MarsTrainer(tiny(), plan(lr=1e-3), some(), tmp_path / "parts", seed=1)


def test_a_loss_that_is_not_finite_is_told(tmp_path: Path) -> None:
    split = some()
    split.train_x[7] = float("nan")
    with pytest.raises(UserError, match="the loss is no longer finite at step"):
        MarsTrainer(tiny(), plan(), split, tmp_path).run()


def test_without_a_reasoner_there_is_one_step_a_batch(tmp_path: Path) -> None:
    parts = {"reasoner": ReasonerConfig(enabled=False), "hdc": HdcConfig(enabled=False)}
    trainer = MarsTrainer(tiny(**parts), plan(epochs=1), some(), tmp_path)
    outcome = trainer.run()
    assert trainer.step == 4 and set(outcome.scores) == {"held_out"}


def test_a_training_ends_in_a_model_that_is_loaded_by_name_of_its_file(tmp_path: Path) -> None:
    how: dict[str, Any] = {"patch": 4, "layers": 1, "d_model": 16, "hdc.dim": 64}
    outcome = train_mars("mars-edge", tmp_path, changes=how, epochs=1)
    path = tmp_path / "mars-edge.safetensors"
    header = checkpoint.read_header(path)
    assert header["system"] == "mars" and header["scores"] == outcome.scores
    model = load_file(path)
    assert isinstance(model, MarsModel) and model.memory is not None and not model.training
    split = load_digits_sequences()
    right = (model(split.test_x).argmax(-1) == split.test_y).double().mean().item()
    assert right == pytest.approx(outcome.scores["held_out"], abs=1e-4)


def test_the_names_are_bytes_and_their_class_a_language() -> None:
    config = MarsConfig(16, 1, 25, input="bytes", block=MarsBlockConfig(heads=2))
    split = load_task(MarsTraining(task="names"), config)
    assert split.train_x.dtype == torch.int64 and int(split.train_y.max()) == 24
    assert set(split.test_y.tolist()) <= set(split.train_y.tolist())


@pytest.mark.parametrize(
    ("preset", "told"),
    [
        ("tars-mini", "tars-mini is a preset of tars, not of mars"),
        ("mars-v4", "this preset has no data of its own"),
        ("mars-huge", "there is no preset 'mars-huge'"),
    ],
)
def test_what_cannot_be_trained_is_told(preset: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        train_mars(preset, tmp_path)
    with pytest.raises(UserError, match="has 10 classes and pixels; the preset has n_classes 3"):
        load_task(MarsTraining(), MarsConfig(n_classes=3, input="pixels"))
    for bad in ({"lr": 0}, {"depth": 0}, {"memory_from": -1}):
        with pytest.raises(ValueError, match="must"):
            MarsTraining(**bad)  # pyright: ignore


def test_the_command_trains_and_tells(tmp_path: Path) -> None:
    words = ["mars", "--preset", "mars-edge", "--out", str(tmp_path), "--device", "cpu"]
    found = RUN.invoke(train_command.app, [*words, "--seconds", "0.001", "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == {
        "folder": str(tmp_path),
        "epoch": 1,
        "reason": "seconds",
        "scores": {},
    }
    assert "epoch 1: loss" in found.stderr
    bad = RUN.invoke(train_command.app, [*words, "--seconds", "0"])
    assert isinstance(bad.exception, UserError) and "--seconds must be" in str(bad.exception)
