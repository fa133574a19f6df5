"""The Continual learning view: its figures against the library, its page, its Python."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
import pytest
import torch

from marslab.learning.continual import Budget, Ewc, learn_tasks, make_method, mlp
from marslab.learning.continual.methods import METHODS
from marslab.tasks.continual import split_digits
from marslab.widgets.frame import address, exports
from marslab.widgets.views import VIEWS, ContinualView
from marslab.widgets.views.continual import ContinualSetup, run
from marslab.widgets.views.continual.answers import METHOD_NAMES
from marslab.widgets.views.continual.controls import LABELS, SCENARIO_NAMES
from marslab.widgets.views.continual.setup import STRENGTH_OF, VALUES

QUICK: dict[str, Any] = {"epochs": 1}


def shown(**state: object) -> ContinualView:
    """The view as a notebook cell shows it."""
    view = ContinualView(**(QUICK | state))
    view.__panel__()
    assert view.wait(120)
    return view


def set_and_wait(view: ContinualView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(120)


def told(view: ContinualView) -> dict[str, str]:
    return {label: value for label, value, _ in view.readouts()}


def test_watching_changes_nothing() -> None:
    found = run(ContinualSetup(lam=30, seed=3, epochs=2))
    scenario = split_digits()
    for name, strength in (("ewc", 30.0), ("naive", None), ("joint", None)):
        torch.manual_seed(3)
        method = make_method(name, strength, seed=3)
        plain = learn_tasks(scenario, mlp(scenario), method, Budget(epochs=2), seed=3)
        watched = found.learned[name]
        assert torch.equal(watched.found.R, plain.R) and watched.found.memory == plain.memory
        assert torch.equal(watched.found.untrained, plain.untrained)
        ends = [watched.steps.index(end) for end in watched.ends]
        assert torch.equal(watched.accuracy[ends], plain.R)
        assert torch.equal(watched.accuracy[0], plain.untrained)
        if isinstance(method, Ewc):
            springs = [fisher["1.weight"].sum(0) for fisher, _ in method.springs]
            torch.testing.assert_close(watched.importance, torch.stack(springs))


def test_the_seed_of_others_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    run(ContinualSetup(method="naive", epochs=1))
    assert torch.equal(torch.randn(3), expected)


def test_naive_and_joint_are_learned_once() -> None:
    said: list[str] = []
    first = run(ContinualSetup(method="replay", epochs=1), said.append)
    assert {line.split(",")[0] for line in said} == {"replay", "naive", "joint"}
    assert said[-1] == "joint, task 5 of 5, 100%"
    said.clear()
    again = run(ContinualSetup(method="lwf", epochs=1), said.append, first)
    assert {line.split(",")[0] for line in said} == {"lwf"}
    assert again.learned["joint"] is first.learned["joint"] and "replay" not in again.learned
    other = run(ContinualSetup(method="naive", epochs=1, seed=1), said.append, first)
    assert list(other.learned) == ["naive", "joint"]
    assert other.learned["naive"] is not first.learned["naive"]


def test_a_cancelled_run_stops_at_its_next_line() -> None:
    class Enough(Exception):
        pass

    def say(line: str) -> None:
        if line.startswith("naive, task 2"):
            raise Enough

    with pytest.raises(Enough):
        run(ContinualSetup(method="replay", epochs=1), say)


def test_readouts_are_the_scores_and_the_card_has_all_three() -> None:
    view = shown(method="replay", kept=20)
    scores = view.result.learned["replay"].found.scores
    assert told(view)["Average"] == f"{scores.average:.1%}"
    assert told(view)["BWT"].replace("−", "-") == f"{scores.bwt:+.2f}"
    assert told(view)["Keeps"] == f"{20 * (64 * 4 + 8 + 10) / 1000:.1f} kB"
    text = str(view._card.object)
    assert all(f"<dt>{name}</dt>" in text for name in ("replay, examples = 20", "naive", "joint"))
    figure: Any = view.draw()
    assert "replay, examples = 20" in figure.layout.title.text


def test_every_figure_has_its_table_and_every_side_its_figure() -> None:
    view = shown(method="naive")
    readings = sum(len(each.steps) for each in view.result.learned.values())
    sizes = {"matrix": 2 * 25, "course": readings, "scores": 2, "pixels": 2 * 5 * 64}
    for name, rows in sizes.items():
        set_and_wait(view, figure=name)
        assert len(pd.read_csv(exports.csv(view))) == rows and not view._alert.visible
    set_and_wait(view, figure="matrix", side="joint")
    figure: Any = view.draw()
    joint = view.result.learned["joint"].found.R
    assert figure.data[0].z[4][0] == joint[4, 0].item() and "joint" in figure.layout.title.text
    assert view.result.learned["naive"].found.R[4, 0] != joint[4, 0]


def test_only_the_strength_of_the_method_is_shown() -> None:
    assert set(STRENGTH_OF) == {name for name, entry in METHODS.items() if entry.strength}
    assert set(VALUES) == set(LABELS) == set(STRENGTH_OF.values())
    assert set(METHOD_NAMES) == set(METHODS) and ContinualView in VIEWS
    for name, field in STRENGTH_OF.items():
        own = METHODS[name].strength
        assert ContinualSetup(method=name).strength == own and own in VALUES[field]
    view = ContinualView()
    widgets: list[Any] = [w for w in pn.Column(*view.controls()).select(pn.widgets.Widget)]
    named = {widget.label: widget for widget in widgets}
    for method in METHODS:
        view.method = method
        seen = {field for field, label in LABELS.items() if named[label].visible}
        assert seen == {STRENGTH_OF[method]} if method in STRENGTH_OF else not seen
    assert set(SCENARIO_NAMES.values()) == set(ContinualView.param.scenario.objects)


def test_the_state_is_in_the_address_and_what_does_not_fit_is_refused() -> None:
    view, again = ContinualView(method="si", c=0.3, seed=4, side="joint"), ContinualView()
    link = address.write(view, view.state)
    assert address.read(again, again.state, link) == []
    assert {n: getattr(again, n) for n in view.state} == {n: getattr(view, n) for n in view.state}
    assert len(address.read(again, again.state, "?method=ewd&lam=7&seed=-1")) == 3
    wrongs: list[dict[str, Any]] = [{"scenario": "x"}, {"method": "x"}, {"lam": -1}, {"share": 0}]
    for wrong in [*wrongs, {"epochs": 99}, {"seed": -1}, {"kept": 0}]:
        with pytest.raises(ValueError, match="must be"):
            ContinualSetup(**wrong)


@pytest.mark.slow
def test_every_method_and_every_scenario_runs() -> None:
    known = None
    for method in METHODS:
        known = run(ContinualSetup(method=method, epochs=1), known=known)
        first = known.learned[method].found.R[0, 0]
        assert first > (
            0.2 if method == "reptile" else 0.8
        )  # it goes a third of the way; chance: 0.1
    for scenario in SCENARIO_NAMES.values():
        found = run(ContinualSetup(scenario, "naive", epochs=1))
        assert found.learned["joint"].found.scores.average > 0.4
        assert set(found.learned) == {"naive", "joint"} and len(found.tasks) == 5


@pytest.mark.slow
def test_the_python_gives_the_same_scores(tmp_path: Path) -> None:
    view = shown(method="replay", kept=50, figure="course", side="naive")
    program = tmp_path / "again.py"
    program.write_text(view.code() + "\nprint(*scores['replay'])\n")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=300
    )
    expected = view.result.learned["replay"].found.scores
    assert [float(x) for x in done.stdout.split()] == pytest.approx(list(expected), abs=0.02)
    assert "side='naive'" in view.code() and "kept=50" in view.code()
