"""The Waves view as a notebook cell shows it: its figures, tables, controls and address."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import pytest

from marslab.widgets.figures import wave_heatmap
from marslab.widgets.frame import address, exports
from marslab.widgets.views import VIEWS, WavesView
from marslab.widgets.views.waves import WavesSetup, answers

NAMES = ["alpha", "correction", "need", "novelty", "experts", "memory", "depth"]
NANO: dict[str, Any] = {"model": "tars-nano"}
HELD: dict[str, Any] = NANO | {"gate": "merge", "wave": 1, "value": 0.0}


def shown(**state: object) -> WavesView:
    """The view of the smallest model."""
    view = WavesView(**NANO | state)
    view.__panel__()
    assert view.wait(60)
    return view


def set_and_wait(view: WavesView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(60)


@pytest.mark.parametrize("side", ["held", "free"])
def test_every_figure_has_its_table(side: str) -> None:
    view = shown(**HELD, side=side)
    passed = answers.shown(view.result, side)
    L, A = len(passed.ids) - 1, len(passed.ids) - passed.prompt
    sizes = dict.fromkeys(("need", "novelty", "experts"), 12 * L) | {"depth": 6 * A}
    sizes |= {"alpha": 6 * L, "correction": 6 * L, "memory": 6 * L + 36}
    for name in NAMES:
        set_and_wait(view, figure=name)
        table = pd.read_csv(exports.csv(view))
        figure: Any = view.draw()
        assert len(table) == sizes[name] and figure.data and not view._alert.visible
        assert view._plot.object == figure and answers.READ[name][:20] in str(view._card.object)
        assert ("held: α = 0 in wave 1" in figure.layout.title.text) == (side == "held")


def test_the_tables_hold_the_numbers_of_the_figures() -> None:
    view = shown(figure="alpha")
    table, gates = view.table(), view.result.free.gates
    assert table["alpha"].tolist() == gates.alpha.reshape(-1).tolist()
    assert table["byte"].tolist()[:9] == ["⊢", *"47+38=?", "↵"]
    assert table["wave"].tolist()[:1] == ["1"]
    figure: Any = view.draw()
    assert np.array_equal(figure.data[0].z, gates.alpha)
    wanted = wave_heatmap(
        gates.alpha, answers.tokens(view.result.free), "123456",
        name="α (0 to 1)", middle=0.5, boundary=9, title=figure.layout.title.text, height=430,
    )  # fmt: skip
    assert figure == wanted
    blocks = answers.per_block(view.result, "free").to_dict("records")
    row = blocks[5 * len(answers.tokens(view.result.free)) + 4]
    assert [row[name] for name in ("wave", "block", "place", "byte")] == ["3", "right", 4, "3"]
    for name in ("need", "strength", "novelty"):
        assert row[name] == getattr(gates, name)[5, 4]
    assert row["math"] == gates.routing[5, 4, 4]
    depth = answers.depths(view.result, "free")
    assert "".join(depth["byte"][:20]) == "7+8=15,␣4+3+1=8,␣85⊣"


def test_holding_a_gate_is_seen_side_by_side() -> None:
    view = shown()
    labels = [label for label, *_ in view.readouts()]
    assert labels == ["Answer", "Right", "Settled", "Time"] and "<mark" not in view._card.object
    set_and_wait(view, gate="merge", wave=1, value=0.0)
    rows = {label: (value, hint) for label, value, hint in view.readouts()}
    assert rows["Answer"] == ("7+8=15, 4+3+1=8, 85", "right") and rows["Right"][0] == "yes → no"
    assert rows["With the gate held"][1] == "wrong"
    assert "From letter 3 on it is another answer." in view._card.object
    assert "α = 0 in wave 1" in view._card.object and "<mark" in view._card.object
    set_and_wait(view, wave=6, value=0.5)
    assert "The same answer; the chance of a byte moves by up to 0." in view._card.object
    set_and_wait(view, gate="novelty", wave=0, value=0.0)
    cut = next(hint for label, _, hint in view.readouts() if label == "With the gate held")
    assert cut == "wrong; cut off, it wrote no end"


def test_the_controls_of_a_gate_wait_for_one() -> None:
    view = shown()
    widgets: list[Any] = list(view.__panel__().select(pn.widgets.Widget))
    inside = {widget.label: widget for widget in widgets if widget.label}
    names = ("In", "Held at", "Figure and data")
    assert all(inside[name].disabled for name in names) and not inside["Model"].disabled
    set_and_wait(view, gate="need")
    assert not any(inside[name].disabled for name in names)
    assert inside["Question"].max_length == 120 and WavesView in VIEWS


def test_what_is_typed_is_escaped() -> None:
    evil = "</script><b>evil</b>"
    view = shown(question=evil)
    for name in NAMES:
        set_and_wait(view, figure=name)
        page = exports.html(view).getvalue()
        assert evil not in page and 'src="http' not in page
    assert "<b>evil" not in str(view._card.object) + str(view._facts.object)


def test_an_empty_question_is_a_card_and_the_python_still_stands() -> None:
    view = shown()
    set_and_wait(view, question="  ")
    assert "The question is empty" in str(view._alert.object) and "question='  '" in view.code()
    assert not view._shown.visible and view._card.object == ""
    set_and_wait(view, question="1+1=?")
    assert view._shown.visible and view.result.free.right is True


def test_the_state_is_in_the_address_and_what_does_not_fit_is_refused() -> None:
    view = WavesView(
        **HELD | {"question": "1 + 1 & <c>", "value": 0.35}, figure="depth", side="free"
    )
    again, link = WavesView(), address.write(view, view.state)
    assert address.read(again, again.state, link) == []
    assert {n: getattr(again, n) for n in view.state} == {n: getattr(view, n) for n in view.state}
    told = address.read(again, again.state, f"?question={'x' * 121}&gate=x&wave=7&value=0.33")
    assert len(told) == 4 and "takes a shorter text" in told[0]
    wrongs: list[dict[str, Any]] = [{"question": "x" * 121}, {"gate": "x"}, {"wave": 7}]
    for wrong in [*wrongs, {"model": "digits-scan"}, {"value": 1.5}]:
        with pytest.raises(ValueError):
            WavesSetup(**wrong)


@pytest.mark.slow
def test_the_python_gives_the_same_answers(tmp_path: Path) -> None:
    view = shown(**HELD, question="21+34=?", figure="depth")
    program = tmp_path / "again.py"
    program.write_text(view.code() + "\nprint(repr((free.text, held.text, free.right)))\n")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=120
    )
    free, held = view.result.free, view.result.held
    assert ast.literal_eval(done.stdout) == (free.text, held.text, free.right)
