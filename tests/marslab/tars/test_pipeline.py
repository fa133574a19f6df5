"""The whole training of TARS on a tiny model: every stage, killed and gone on with."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import marslab
from marslab import checkpoint
from marslab.config import override
from marslab.errors import UserError
from marslab.learning.language import state
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.learning.tars import brain, scoring
from marslab.learning.tars import pipeline as module
from marslab.learning.tars.data import DataConfig, build_table
from marslab.learning.tars.pipeline import Pipeline
from marslab.learning.tars.plan import (
    EmbeddingPlan,
    TarsTraining,
    TernaryPlan,
    Validation,
    default_phases,
    training_of,
)
from marslab.learning.tars.scoring import Reply, accuracy, exact, held_out, observations, replies
from marslab.learning.tars.table import ExampleTable, TableSource
from marslab.learning.tars.validation import RULES, exit_table
from marslab.systems.registry import load_file
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thought import Run
from marslab.tasks.reasoning import problems
from marslab.text import Cp1251Tokenizer
from marslab.thinking.law import relative_step

from tars_models import SMALL, small

SUMS = {"add": 1.0}


def tiny_training() -> TarsTraining:
    plan = LanguagePlan(
        tuple(
            Phase(each.name, 2, 1e-3, lengths=(96,), tokens=192, train=each.train, loss=each.loss)
            for each in default_phases()
        ),
        ema=0.5,
    )
    return TarsTraining(
        data=DataConfig(count=60),
        embedding=EmbeddingPlan(width=16, layers=1, steps=2, tokens=192),
        brain=plan,
        ternary=TernaryPlan(steps=1, tokens=192),
        validation=Validation(problems=6, exits=4),
    )


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model does not end its answers: it is cut off early."""
    monkeypatch.setattr(scoring, "MOST", 4)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> TarsTraining:
    """A plan of few steps, and a reflex that is not trained."""
    training = tiny_training()
    config = override(TarsConfig(), SMALL)
    monkeypatch.setattr(module, "training_of", lambda preset: (config, training))
    monkeypatch.setattr(module, "train_reflex", lambda seed, config: (Reflex(config), Scores()))
    monkeypatch.setattr(brain.BrainStage, "quick_scores", lambda self, model: {"all": 0.0})
    monkeypatch.setattr(brain, "transfer_embedding", lambda *given, **how: None)
    return training


def Reflex(config: Any) -> Any:
    from marslab.systems.tars.reflex import ReflexCore

    return ReflexCore(config).eval()


class Scores:
    def _asdict(self) -> dict[str, float]:
        return {"intent": 0.5}


def made(folder: Path, told: list | None = None) -> Pipeline:
    return Pipeline("tars-tiny", folder, tell=(told if told is not None else []).append)


@pytest.mark.slow
def test_every_stage_in_turn_and_nothing_twice(tiny: TarsTraining, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    ended = made(tmp_path, told).run()
    assert ended.reason == "finished" and ended.done == module.STAGES
    model = load_file(tmp_path / "tars-tiny.safetensors")
    assert isinstance(model, Tars) and not model.training
    header = checkpoint.read_header(tmp_path / "tars-tiny.safetensors")
    assert header["stored"] == "bfloat16" and header["seed"] == 0
    assert set(header["scores"]) >= {"held_out", "reflex_intent"}
    scores = json.loads((tmp_path / "tars-tiny.json").read_text(encoding="utf-8"))
    assert [record["event"] for record in scores["log"]] and scores["reflex"] == {"intent": 0.5}
    assert {row["rule"] for row in scores["exits"]} >= set(RULES)
    assert set(scores["depth"]) == {"1", "2", "3"} and len(scores["walkthrough"]) == 4
    again: list[dict[str, Any]] = []
    assert made(tmp_path, again).run().done == module.STAGES and again == []


def test_one_phase_at_a_time_is_the_same_brain(tiny: TarsTraining, tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        assert made(tmp_path / name).run("data").reason == "finished"
    made(tmp_path / "whole").run("brain")
    for phase, steps in {"brain.1": 2, "brain.2": 4, "brain.4": 8, "brain": 8}.items():
        for _ in "ab":  # the second time there is nothing left to do
            assert made(tmp_path / "parts").run(phase).reason == "finished"
        found = state.newest(tmp_path / "parts" / "brain")
        assert found is not None and found.header["step"] == steps
    one, other = (tmp_path / name / "brain.safetensors" for name in ("whole", "parts"))
    assert checkpoint.read_header(one)["sha256"] == checkpoint.read_header(other)["sha256"]


def test_exact_is_the_share_of_greedy_answers_byte_for_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A trained one, so that there are right answers and wrong ones."""
    monkeypatch.setattr(scoring, "MOST", 40)
    tars = marslab.load("tars-nano")
    assert isinstance(tars, Tars)
    asked = held_out(40, SUMS, seed=3)
    wanted = []
    for depth in (2, 6):
        given = replies(tars.lm, tars.tokenizer, [each.prompt for each in asked], depth)
        alike = [r.text == p.answer_text for r, p in zip(given, asked, strict=True)]
        wanted.append(sum(alike) / len(alike))
    shares = exact(tars.lm, tars.tokenizer, asked)
    assert [shares[1], shares[5]] == pytest.approx(wanted)
    assert 0.2 < shares[1] < shares[5]


def test_a_folder_belongs_to_one_plan(tiny: TarsTraining, tmp_path: Path) -> None:
    made(tmp_path).run("data")
    with pytest.raises(UserError, match="holds a training with another preset"):
        Pipeline("tars-other", tmp_path)
    with pytest.raises(UserError, match="with another seed"):
        Pipeline("tars-tiny", tmp_path, seed=5)


def test_unknown_stages_and_presets_are_told(tiny: TarsTraining, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no stage 'brian'. Did you mean 'brain'"):
        made(tmp_path).run("brian")
    made(tmp_path).run("data")
    with pytest.raises(UserError, match="there is no phase 'brain.9'"):
        made(tmp_path).run("brain.9")
    with pytest.raises(UserError, match="is of the system digits-scan"):
        training_of("digits-scan")


def test_the_shipped_plan_of_the_mini_preset() -> None:
    config, training = training_of("tars-mini")
    assert config.thought.memory_dim == 96
    assert [phase.name for phase in training.brain.phases] == [f"brain.{n}" for n in "1234"]
    with pytest.raises(ValueError, match="must be named brain.1"):
        TarsTraining(brain=LanguagePlan((Phase("one", 1, 1e-3),)))
    with pytest.raises(ValueError, match="facts must name phases"):
        TarsTraining(facts=("brain.7",))


def test_batches_hold_whole_examples_that_fit() -> None:
    table = build_table(DataConfig(count=80), 8)
    source, phase = TableSource(table, facts_in=("brain.4",)), Phase("brain.1", 1, 1e-3)
    first, again = (source.batch(3, 5, 64, 40, phase) for _ in "ab")
    assert torch.equal(first.ids, again.ids) and torch.equal(first.targets, again.targets)
    other = source.batch(3, 6, 64, 40, phase)
    assert not torch.equal(first.ids, other.ids)
    learned = first.targets >= 0
    assert learned.any(1).all()
    ends = first.targets.where(learned, 0).gather(1, learned.int().cumsum(1).argmax(1)[:, None])
    assert (ends == 3).all()  # every answer ends inside of its row
    assert set(first.beside) == {"task"}
    beside = source.batch(3, 5, 176, 60, Phase("brain.4", 1, 1e-3, mixture={"knowledge": 1.0}))
    shown = beside.beside["rag_mask"].any(1)
    assert shown.any() and not shown.all()
    assert torch.equal(shown, beside.beside["memory"].any(1))
    with pytest.raises(ValueError, match="the table has no part 'poems'"):
        source.batch(0, 0, 64, 2, Phase("brain.1", 1, 1e-3, mixture={"poems": 1.0}))


def test_a_table_is_saved_and_read_again(tmp_path: Path) -> None:
    table = build_table(DataConfig(count=20), 8)
    table.save(tmp_path / "table")
    again = ExampleTable.load(tmp_path / "table")
    assert again.parts == table.parts and torch.equal(again.ids, table.ids)
    assert torch.equal(again.memory, table.memory)
    (tmp_path / "table").write_bytes(b"no table")
    with pytest.raises(UserError, match="is damaged"):
        ExampleTable.load(tmp_path / "table")
    with pytest.raises(UserError, match="there is no table of examples"):
        ExampleTable.load(tmp_path / "none")


def test_no_held_out_problem_is_trained_on() -> None:
    trained = {each.digest for each in problems(0, 1500)}
    assert trained.isdisjoint(each.digest for each in held_out(300))


def test_scores_count_right_answers() -> None:
    asked = held_out(3, SUMS)
    given = [Reply(asked[0].answer_text, 1), Reply("no idea", 1), Reply(asked[2].answer_text, 2)]
    assert accuracy(asked, given) == pytest.approx({"add": 2 / 3, "all": 2 / 3})


def test_answers_side_by_side_are_those_one_by_one() -> None:
    lm, tokenizer = small(), Cp1251Tokenizer()
    prompts = ["2+2=?", "10+20=?", "3+4=?"]
    together = replies(lm, tokenizer, prompts)
    assert together == [replies(lm, tokenizer, [each])[0] for each in prompts]
    assert [each.waves for each in replies(lm, tokenizer, prompts, [1, 2, 3])] == [1, 2, 3]


def test_prompts_side_by_side_are_observed_as_one_by_one() -> None:
    lm, tokenizer = small(), Cp1251Tokenizer()
    prompts = ["2+2=?", "10+20=?"]
    together = observations(lm, tokenizer, prompts)
    for prompt, seen in zip(prompts, together, strict=True):
        run = Run(lm, torch.tensor([tokenizer.encode(f"{prompt}\n", bos=True)]))
        for found in seen:
            before, thought = run.thought.x[:, -1], run.wave()
            assert found.mean is not None and found.logits is not None
            torch.testing.assert_close(found.step, relative_step(before, thought.x[:, -1]))
            torch.testing.assert_close(found.mean, thought.mean[:, -1])
            torch.testing.assert_close(found.logits, lm.logits(thought)[:, -1])


def test_the_table_of_exit_rules_has_every_rule_and_depth() -> None:
    tars = Tars(override(TarsConfig(), SMALL)).eval()
    rows = exit_table(tars, held_out(4, SUMS))
    assert [row["rule"] for row in rows] == ["fixed 1", "fixed 2", "fixed 3", *RULES]
    assert {row["accuracy"] for row in rows} == {0.0}  # untrained, it answers nothing
    assert all(1 <= row["waves"] <= 3 and row["flops"] == row["waves"] / 3 for row in rows)
