"""The Integral auditor view: its thoughts and answers against the model, its page."""

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
import pytest
import torch

from marslab.learning.tars import scoring
from marslab.learning.tars.scoring import Reply, accuracy, held_out, observations, replies
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.generation import Generation, Sampling
from marslab.systems.tars.system import Tars
from marslab.systems.tars.thinking import Thinker
from marslab.thinking import MetaAuditor
from marslab.widgets.frame import address, exports
from marslab.widgets.views import VIEWS, AuditorView, trained
from marslab.widgets.views.auditor import AuditorSetup, asking, run, tables
from marslab.widgets.views.auditor.setup import MAX_QUESTION, THRESHOLDS

PLAIN: dict[str, Any] = {"source": "curve", "noise": 0.0}


def shown(**state: object) -> AuditorView:
    """The view as a notebook cell shows it."""
    view = AuditorView(**state)
    view.__panel__()
    assert view.wait(120)
    return view


def set_and_wait(view: AuditorView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(120)


def by_name(view: AuditorView) -> dict[str, Any]:
    figure: Any = view.draw()
    return {trace.name: trace for trace in figure.data}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Tars:
    """An untrained TARS of six waves in place of the shipped one; its answers have 4 bytes."""
    model = Tars(TarsConfig(d_model=32)).eval().requires_grad_(False)
    monkeypatch.setattr(trained, "tars", lambda name: model)
    monkeypatch.setattr(scoring, "MOST", 4)
    return model


def test_a_thought_is_that_of_the_model_and_its_answers_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "MOST", 4)
    found = run(AuditorSetup(question="12+34=?", rule="printed", model="tars-nano"))
    tars = trained.tars("tars-nano")
    seen = observations(tars.lm, tars.tokenizer, ["12+34=?"])[0]
    thought = found.thought
    assert thought is not None and len(thought.events) == 6
    assert found.shown.f[0].tolist() == pytest.approx([float(each.step) for each in seen])
    meta = MetaAuditor().trail(thought.task)
    verdicts = [meta.add(float(each.step)) for each in seen]
    assert thought.events["p"].tolist() == pytest.approx([each.p for each in verdicts])
    assert thought.events["reason"].tolist() == [each.reason for each in verdicts]
    assert thought.events["p"].tolist() == pytest.approx(found.shown.p[0].tolist())
    for waves, text in thought.answers.items():
        fixed = replace(tars.config.exits, rule="fixed")
        thinking = Thinker(tars.lm, fixed).think(tars.prompt("12+34=?"), most_waves=waves)
        writing = Generation(tars.lm, thinking.state, Sampling(max_bytes=4))
        _ = list(writing)
        assert tars.tokenizer.decode(writing.ids) == text
    assert thought.answers[6] == "2+4="


def test_answers_are_there_for_every_threshold_of_the_slider(small: Tars) -> None:
    for rule in ("ours", "printed"):
        view = shown(rule=rule)
        for threshold in THRESHOLDS:
            set_and_wait(view, threshold=threshold)
            assert not view._alert.visible and view._shown.visible


def test_a_batch_is_right_where_a_count_by_hand_says_so(small: Tars) -> None:
    said: list[str] = []
    setup = AuditorSetup(source="batch", size=20, rule="printed", seed=3, model="tars-nano")
    found = run(setup, said.append)
    assert "Thinking about problem 20 of 20" in said
    problems = held_out(20, {"add": 1.0, "sub": 1.0}, 3)
    batch = found.batch
    assert batch is not None and batch.problems == problems
    frame = tables.problems(found, 0.5)
    given = replies(
        small.lm, small.tokenizer, [each.prompt for each in problems], frame["wave"].tolist()
    )
    assert frame["answer"].tolist() == [each.text for each in given]
    assert sum(frame["right"]) / 20 == accuracy(problems, given)["all"]
    seen = observations(small.lm, small.tokenizer, [problems[7].prompt])[0]
    logs = [each.logits.log_softmax(-1) for each in seen if each.logits is not None]
    entropy = [float(-(each.exp() * each).sum()) for each in logs]
    assert batch.entropy[7].tolist() == pytest.approx(entropy, rel=1e-4)
    at = tables.sweep(found, 0.5).set_index("threshold").loc[0.5]
    assert at["wave"] == frame["wave"].mean() and at["fired"] == frame["fired"].mean()


def test_each_answer_goes_to_its_problem_and_its_wave(
    small: Tars, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(lm: object, tokenizer: object, prompts: list[str], waves: list[int]) -> list[Reply]:
        return [
            Reply(f"{prompt} {wave}", wave) for prompt, wave in zip(prompts, waves, strict=True)
        ]

    monkeypatch.setattr(asking, "replies", told)
    monkeypatch.setattr(asking, "SIDE_BY_SIDE", 2)
    prompts, lines = ["1", "22", "3", "44", "5", "6", "7"], []
    wanted = [{5, 6}, {6}, {2, 6}, {5, 6}, {6}, {2, 6}, {6}]
    said = asking.answers(small, prompts, wanted, lines.append)
    for prompt, waves, found in zip(prompts, wanted, said, strict=True):
        assert found == {wave: f"{prompt} {wave}" for wave in waves}
    assert lines[0] == "Answering, 0 of 11 done" and lines[-1] == "Answering, 9 of 11 done"


def test_a_cancelled_batch_stops_at_its_next_line(small: Tars) -> None:
    class Enough(Exception):
        pass

    for last in ("Thinking about problem 3 of 20", "Answering, 0 of 20 done"):

        def say(line: str, last: str = last) -> None:
            if line == last:
                raise Enough

        with pytest.raises(Enough):
            asking.batch(AuditorSetup(source="batch", size=20), say)


def test_right_answers_move_the_readouts(small: Tars, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "check", lambda problem, text: "1" in problem.prompt)
    view = shown(source="batch", size=20)
    share = sum("1" in each.prompt for each in view.result.batch.problems) / 20
    told = {label: value for label, value, _ in view.readouts()}
    assert told["Right"] == told["All waves"] == f"{share:.1%}" and 0 < share < 1
    frame = pd.read_csv(exports.csv(view))
    right, wrong = (frame.loc[frame["right"] == each, "p"].to_numpy() for each in (True, False))
    pairs = [(a > b) + 0.5 * (a == b) for a in right for b in wrong]
    assert float(told["AUC of p"]) == pytest.approx(sum(pairs) / len(pairs), abs=0.005)
    dots = by_name(view)
    assert sorted(dots["right"].x) == pytest.approx(sorted(right))
    assert sorted(dots["wrong"].x) == pytest.approx(sorted(wrong))
    set_and_wait(view, figure="sweep")
    assert set(by_name(view)) == {"stops at the threshold", "all waves"} and len(view.table()) == 20


def test_the_slider_moves_the_ring_and_runs_nothing() -> None:
    view = shown(p=1.3, **PLAIN)
    before = view.result
    assert by_name(view)["the auditor stops"].x == (5,)
    set_and_wait(view, threshold=1.4)
    assert "the auditor stops" not in by_name(view) and view.result is before
    assert dict(row[:2] for row in view.readouts())["Auditor stops"] == "never"
    assert "stops 0.0% of the draws at p &gt; 1.4" in str(view._card.object)


def test_every_figure_has_its_table(small: Tars) -> None:
    sizes = {"question": [6, 6, 7], "curve": [12, 12, 12], "batch": [20, 20]}
    for source, rows in sizes.items():
        view = shown(source=source, size=20)
        for name, size in zip(view.offered.values(), rows, strict=True):
            set_and_wait(view, figure=name)
            assert len(pd.read_csv(exports.csv(view))) == size and view.drawn == name
            assert view._plot.object == view.draw() and not view._alert.visible


def test_a_figure_of_another_source_gives_way_to_the_first(small: Tars) -> None:
    view = shown(source="curve", figure="draws")
    set_and_wait(view, source="question")
    assert view.drawn == view.pictured == "steps" and "steps" in by_name(view)


def test_what_is_typed_is_escaped(small: Tars) -> None:
    evil = "</script><b>evil</b>"
    view = shown(question=evil)
    for name in view.offered.values():
        set_and_wait(view, figure=name)
        page = exports.html(view).getvalue()
        assert evil not in page and 'src="http' not in page
    assert "<b>evil" not in str(view._card.object) + str(view._facts.object)


def test_an_empty_question_is_a_card_and_the_python_still_stands(small: Tars) -> None:
    view = shown()
    set_and_wait(view, question="  ")
    assert "The question is empty" in str(view._alert.object) and "question='  '" in view.code()
    assert not view._shown.visible and view._card.object == ""
    set_and_wait(view, question="a <day>?")
    assert view._shown.visible and "a &lt;day&gt;?" in str(view._card.object)


def test_the_state_is_in_the_address_and_what_does_not_fit_is_refused() -> None:
    view, again = AuditorView(source="curve", p=0.8, noise=0.05, threshold=1.4), AuditorView()
    link = address.write(view, view.state)
    assert address.read(again, again.state, link) == []
    assert {n: getattr(again, n) for n in view.state} == {n: getattr(view, n) for n in view.state}
    told = address.read(again, again.state, f"?question={'x' * 301}&threshold=7&seed=-1")
    assert len(told) == 3 and "takes a shorter text" in told[0]
    wrongs: list[dict[str, Any]] = [{"source": "x"}, {"model": "x"}, {"rule": "x"}, {"law": "x"}]
    wrongs += [{"p": 3.0}, {"q": 0.1}, {"noise": 2.0}, {"length": 4}, {"size": 1}, {"seed": -1}]
    for wrong in [*wrongs, {"question": "x" * 301}, {"question": " "}]:
        with pytest.raises(ValueError):
            AuditorSetup(**wrong)


def test_controls_of_another_source_are_hidden() -> None:
    view = shown(source="curve")
    inside: list[Any] = list(view.__panel__().select(pn.widgets.Widget))
    named = {widget.label: widget for widget in inside if widget.label}
    assert named["Question"].max_length == MAX_QUESTION
    assert named["p of the curve"].visible and not named["q of the curve"].visible
    assert not named["Model"].visible and named["Threshold of p"].visible
    set_and_wait(view, law="factor")
    assert named["q of the curve"].visible and not named["p of the curve"].visible
    assert AuditorView in VIEWS


def test_shipped_models_come_with_the_largest_first() -> None:
    assert "tars-nano" in trained.names() and trained.families("tars-nano") == {"add": 1, "sub": 1}
    sizes = [sum(p.numel() for p in trained.tars(name).parameters()) for name in trained.names()]
    assert sizes == sorted(sizes, reverse=True)
    assert not any(p.requires_grad for p in trained.tars(trained.names()[0]).parameters())


@pytest.mark.slow
def test_the_trained_model_is_right_where_its_card_says_so_and_the_python_agrees(
    tmp_path: Path,
) -> None:
    view = shown(source="batch", size=20, model="tars-nano", threshold=0.5, figure="sweep")
    problems = held_out(20, {"add": 1.0, "sub": 1.0})
    tars = trained.tars("tars-nano")
    whole = accuracy(problems, replies(tars.lm, tars.tokenizer, [p.prompt for p in problems]))
    told = {label: value for label, value, _ in view.readouts()}
    assert told["All waves"] == f"{whole['all']:.1%}" and whole["all"] > 0.7
    program = tmp_path / "again.py"
    program.write_text(view.code() + "\nprint(found.shown.f.tolist(), exits.wave.tolist())\n")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=300
    )
    f, waves = ast.literal_eval(f"[{done.stdout.strip().replace('] [', '], [')}]")
    # Another process may sum in another order: its number of threads is its own.
    assert torch.allclose(torch.tensor(f).double(), view.result.shown.f, rtol=1e-3)
    assert waves == view.result.shown.stops(0.5).wave.tolist()
