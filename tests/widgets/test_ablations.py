"""The Ablations view without a browser: what is shown, filtered, compared, run and cancelled."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
import pytest

from marslab.lab.ablation import Results
from marslab.lab.ablation.apart import Progress
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.run import record
from marslab.lab.ablation.store import Store
from marslab.widgets.frame import address, exports
from marslab.widgets.views import Ablations
from marslab.widgets.views.ablations import reading, running

Stored = Callable[..., Path]


def shown(**state: object) -> Ablations:
    """The view as a notebook cell shows it."""
    view = Ablations(**state)
    view.__panel__()
    assert view.wait(60)
    return view


def column(view: Ablations, name: str) -> list[Any]:
    return view.table()[name].tolist()


def rows(view: Ablations) -> list[str]:
    return column(view, "variant")


def widget(view: Ablations, label: str) -> Any:
    found: list[Any] = list(view.__panel__().select(pn.widgets.Widget))
    return next(each for each in found if each.label == label)


def notice(view: Ablations) -> str:
    assert view._notice.visible and not view._alert.visible
    return str(view._notice.object)


def test_an_empty_home_shows_a_friendly_sentence() -> None:
    view = shown()
    assert view.study == "digits-scan-parts" and not view._shown.visible
    assert "has not been run yet. “Run the study” makes its 15 runs" in notice(view)


def test_without_any_study_the_page_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "known", list)
    view = shown()
    assert "marslab ablate digits-scan --off ssm.enabled" in notice(view)
    view.run()
    assert not view._busy.visible


@pytest.mark.parametrize("figure", Ablations.choices.values())
def test_each_figure_has_its_numbers(figure: str, stored: Stored) -> None:
    stored()
    view = shown(study="parts", figure=figure)
    assert view._shown.visible and view.draw().data
    table = pd.read_csv(exports.csv(view))
    assert {"baseline", "ssm.enabled=false"} <= set(table["variant"])
    expected = {"effects": 3, "cost": 3, "curves": 18, "table": 9}
    assert len(table) == expected[figure]


def test_the_readouts_count_what_is_clear(stored: Stored) -> None:
    stored()
    facts = {label: value for label, value, _ in shown(study="parts").readouts()}
    assert facts == {
        "runs": "9 of 9",
        "baseline": "95.0 %",
        "clearly better": "0",
        "clearly worse": "1",
    }


def test_filters_take_variants_settings_and_seeds_away(stored: Stored) -> None:
    stored()
    view = shown(study="parts")
    view.setting = "ssm.d_state"
    assert rows(view) == ["baseline", "ssm.d_state=1"]
    view.param.update(setting="", variants="ssm.enabled=false")
    assert rows(view) == ["baseline", "ssm.enabled=false"]
    view.param.update(variants="", seeds="0|2")
    assert column(view, "runs") == [2, 2, 2]
    assert column(view, "mean")[0] == pytest.approx(0.945)
    view.figure = "table"
    assert set(column(view, "seed")) == {0, 2}


def test_two_variants_are_compared_by_taking_one_as_the_base(stored: Stored) -> None:
    stored()
    view = shown(study="parts", base="ssm.d_state=1", variants="ssm.enabled=false")
    assert rows(view) == ["ssm.d_state=1", "ssm.enabled=false"]
    assert column(view, "difference")[1] == pytest.approx(0.71 - (0.95 + 0.93 + 0.95) / 3)
    assert [trace.name for trace in view.draw().data] == ["one run", "baseline", "clearly worse"]  # pyright: ignore


def test_two_studies_are_compared(stored: Stored) -> None:
    stored()
    lower = {"baseline": [0.5] * 3, "ssm.enabled=false": [0.4] * 3, "ssm.d_state=1": [0.3] * 3}
    stored(lower, study="wider", budget={"epochs": 3})
    view = shown(study="parts", beside="wider")
    assert rows(view)[3:] == [f"wider: {name}" for name in lower]
    assert column(view, "difference")[3] == pytest.approx(0.5 - 0.95)
    view.figure = "table"
    assert len(view.table()) == 18


def test_studies_that_measure_different_things_are_refused_in_a_sentence(stored: Stored) -> None:
    stored()
    view = shown(study="parts", beside="scan-backends")
    assert view._alert.visible and "compare studies of the same task" in str(view._alert.object)


def test_the_controls_offer_what_the_study_has(stored: Stored) -> None:
    stored()
    view = shown(study="parts")
    assert list(widget(view, "Metric").options.values()) == ["held_out", "loss"]
    assert widget(view, "Only changes of").options["ssm.d_state"] == "ssm.d_state"
    assert widget(view, "Only these seeds").options == ["0", "1", "2"]
    widget(view, "Metric").value = "loss"
    assert view.metric == "loss" and column(view, "mean")[0] == pytest.approx(0.05)
    widget(view, "Only these seeds").value = ["1"]
    assert view.seeds == "1" and column(view, "mean")[0] == pytest.approx(0.04)
    widget(view, "Metric").value = "held_out"
    assert view.metric == ""  # the main metric stays out of the address


def test_the_state_is_in_the_address(stored: Stored) -> None:
    stored()
    state = {"study": "parts", "metric": "loss", "seeds": "0|1", "figure": "curves"}
    there, back = shown(**state), Ablations()
    query = address.write(there, there.state)
    assert address.read(back, back.state, query) == []
    assert {name: getattr(back, name) for name in state} == state


def test_a_link_with_names_that_are_not_there_is_said(stored: Stored) -> None:
    stored()
    view = Ablations(study="parts", metric="los", setting="<b>")
    view.complain([])
    told = str(view._notice.object)
    assert "there is no metric &#x27;los&#x27;. Did you mean &#x27;loss&#x27;?" in told
    assert "there is no setting in this study &#x27;&lt;b&gt;&#x27;" in told
    view.__panel__()
    assert view.wait(60) and rows(view)[0] == "baseline"


def test_a_damaged_study_is_a_card(stored: Stored) -> None:
    (stored() / "study.json").write_text("{")
    view = shown(study="parts")
    assert view._alert.visible and "is no JSON" in str(view._alert.object)


def test_the_python_names_the_study_and_gives_the_view_again(stored: Stored) -> None:
    stored()
    view = shown(study="parts", metric="loss", variants="ssm.d_state=1")
    code = view.code()
    compile(code, "copied", "exec")
    assert 'Results.load("parts")' in code and 'results.summary("loss")' in code
    assert 'Ablations(study="parts", metric="loss", variants="ssm.d_state=1")' in code


def test_titles_are_escaped(stored: Stored) -> None:
    stored(title="<b>bold</b>")
    title: Any = shown(study="parts").draw().layout
    assert title.title.text == "&lt;b&gt;bold&lt;/b&gt;"


def fake(steps: int, gate: threading.Event | None = None) -> Callable[..., None]:
    """In place of run_apart: keeps `steps` runs, one after the other, and then waits for `gate`."""

    def run_apart(study: Any, tell: Callable[[Progress], None], **_: object) -> None:
        jobs, store = plan(study).jobs, Store.named(study.study)
        tell(Progress(0, len(jobs), ""))
        for at, job in enumerate(jobs[:steps], 1):
            store.write(record(job, status="done", metrics={"held_out": 0.5, "loss": 0.5}))
            tell(Progress(at, len(jobs), f"{job.variant}, seed {job.seed}: done"))
        while gate is not None and not gate.wait(0.01):
            tell(Progress(steps, len(jobs), ""))

    return run_apart


def test_a_run_fills_the_page(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = dict.fromkeys(["baseline", "ssm.enabled=false", "ssm.d_state=1"], [None] * 3)
    stored(nothing)
    monkeypatch.setattr(running, "run_apart", fake(9))
    view = shown(study="parts")
    assert "parts has not been run yet" in notice(view)
    lines: list[str] = []
    monkeypatch.setattr(
        view, "_line", type("Line", (), {"__setattr__": lambda s, n, v: lines.append(v)})()
    )
    view.run()
    assert view.wait(60)
    assert any("9 of 9 runs · ssm.d_state=1, seed 2: done" in line for line in lines)
    assert "2 changes to the baseline: 2 without a clear difference." in notice(view)
    assert view._shown.visible and column(view, "runs") == [3, 3, 3]
    assert Results.load("parts").complete


@pytest.mark.parametrize("steps", [0, 2])
def test_a_cancelled_run_keeps_what_was_done(
    steps: int, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(dict.fromkeys(["baseline", "ssm.enabled=false", "ssm.d_state=1"], [None] * 3))
    gate = threading.Event()
    monkeypatch.setattr(running, "run_apart", fake(steps, gate))
    view = shown(study="parts")
    view.run()
    thread = view._work._thread
    while len(Results.load("parts").runs) < steps:
        assert thread is not None and thread.is_alive()
    view.cancel()
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive() and not gate.is_set()
    assert view.wait(60) and "The runs that ended are kept" in notice(view)
    assert len(Results.load("parts").runs) == steps and running._running.acquire(timeout=1)
    running._running.release()
