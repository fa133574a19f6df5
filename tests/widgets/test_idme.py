"""The IDME view: controls, figures, tables, card, address and exports."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
import pytest

from marslab.widgets.frame import address, exports
from marslab.widgets.views import VIEWS, IdmeView, trained
from marslab.widgets.views.idme import IdmeSetup, answers

NAMES = list(IdmeView.choices.values())
NANO: dict[str, Any] = {"model": "tars-nano", "question": "23+58=?"}
TURNING: dict[str, Any] = {"source": "turning"}


def shown(**state: object) -> IdmeView:
    """The view as a notebook cell shows it."""
    view = IdmeView(**state)
    view.__panel__()
    assert view.wait(60)
    return view


def set_and_wait(view: IdmeView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(60)


def test_every_figure_has_its_table() -> None:
    view = shown(**NANO)
    record = view.result.record
    rounds = len(record.rounds)
    winners = sum(one.winner >= 0 for one in record.rounds)
    sizes = {"candidates": 3 * rounds, "pool": rounds, "efficiencies": record.last}
    sizes |= {"mask": rounds, "hankel": rounds, "path": winners + 1}
    for name in NAMES:
        set_and_wait(view, figure=name)
        figure: Any = view.draw()
        assert len(pd.read_csv(exports.csv(view))) == sizes[name] and figure.data
        assert view._plot.object == figure and not view._alert.visible
    sum_ = sum(answers.efficiencies(view.result)["earned"].tolist())
    assert sum_ == pytest.approx(sum(one.gain for one in record.rounds))
    assert answers.barred(view.result).iloc[0, 1:].tolist().count("tried now") == 3


def test_the_card_tells_answers_stop_loops_and_growth() -> None:
    view = shown(**NANO)
    said = str(view._card.object)
    assert view.result.answers.off in said and "rounds went by without a winner" in said
    assert "Fewer than 3 blocks were left before rounds" in said
    set_and_wait(view, **TURNING, angle=120)
    told = str(view._card.object)
    assert "round 6: cycle, period 3 steps; round 7" in told and "Pool on" not in told
    set_and_wait(view, grow=False, angle=5)
    assert "growth is switched off" in str(view._card.object)
    assert view.readouts()[1][1] == "empty pool" and view.readouts()[0][1] == "6 of 40"
    set_and_wait(view, rounds=3)
    assert "All 3 rounds are spent." in str(view._card.object)
    assert "was never full" in str(view._card.object)


def test_what_is_typed_is_escaped() -> None:
    evil = "</script><b>evil</b>"
    view = shown(**NANO | {"question": evil, "rounds": 2})
    for name in NAMES:
        set_and_wait(view, figure=name)
        page = exports.html(view).getvalue()
        assert evil not in page and 'src="http' not in page
    assert "<b>evil" not in str(view._card.object) + str(view._facts.object)


def test_an_empty_question_is_a_card_and_the_python_still_stands() -> None:
    view = shown(**TURNING)
    set_and_wait(view, question="  ")
    assert "The question is empty" in str(view._alert.object) and "question='  '" in view.code()
    assert not view._shown.visible and view._card.object == ""
    set_and_wait(view, question="a")
    assert view._shown.visible and "A state that turns" in str(view._card.object)


def test_the_state_is_in_the_address_and_wrong_values_are_refused() -> None:
    view = IdmeView(question="a & <b>", min_step=1e-4, auditor=False, seed=7, angle=120, **TURNING)
    again, link = IdmeView(), address.write(view, view.state)
    assert address.read(again, again.state, link) == []
    assert {n: getattr(again, n) for n in view.state} == {n: getattr(view, n) for n in view.state}
    told = address.read(again, again.state, f"?question={'x' * 201}&seed=-1&candidates=7")
    assert len(told) == 3 and "takes a shorter text" in told[0]
    wrongs: list[dict[str, Any]] = [{"question": "x" * 201}, {"rounds": 0}, {"seed": 10**4}]
    for wrong in [*wrongs, {"model": "x"}, {"min_step": 2.0}, {"source": "x"}, {"angle": 181}]:
        with pytest.raises(ValueError):
            IdmeSetup(**wrong)


def test_only_controls_that_act_are_shown() -> None:
    view = IdmeView(**NANO)
    inside = {str(w.label or w.name).split(":")[0]: w for w in view.controls()}

    def visible() -> set[str]:
        return {name for name, widget in inside.items() if widget.visible}

    asks = visible()
    assert {"Question", "Model"} <= asks and not {"Seed", "Angle of a step (degrees)"} & asks
    view.pool = "fresh"
    assert "Seed" in visible()
    view.param.update(source="turning", grow=False)
    turns = visible()
    assert "Angle of a step (degrees)" in turns
    assert not {"Question", "Model", "Blocks", "Blocks added at once"} & turns
    assert IdmeView in VIEWS


def test_the_largest_model_comes_first_and_every_one_is_offered() -> None:
    assert IdmeView().model == trained.names()[0]
    fields: list[Any] = list(shown(**TURNING).__panel__().select(pn.widgets.Select))
    offered = next(field for field in fields if field.label == "Model").options
    assert list(offered) == trained.names()


@pytest.mark.slow
def test_the_python_gives_the_same_numbers(tmp_path: Path) -> None:
    asked = {"question": 'it\'s "this"', "rounds": 3, "candidates": 2, "figure": "hankel"}
    view = shown(**NANO | asked)
    program = tmp_path / "again.py"
    told = "\nprint([one.tried for one in rounds], tuple(answers), len(events), sep='\\n')\n"
    program.write_text(view.code() + told)
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=120
    )
    tried, said, count = (ast.literal_eval(line) for line in done.stdout.splitlines())
    assert tried == [one.tried for one in view.result.record.rounds] and count == 3
    assert said == tuple(view.result.answers)
