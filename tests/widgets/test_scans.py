"""The Scans view without a browser: its questions, its answers, its exports."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import pytest
import torch

from marslab.kernels import linear_scan
from marslab.lab.catalogue import catalogue
from marslab.widgets.frame import exports
from marslab.widgets.views import VIEWS, Scans
from marslab.widgets.views.scans import OPS, ScanSetup, register, run, time_backends
from marslab.widgets.views.scans.setup import obstacles


def shown(**state: object) -> Scans:
    """The view as a notebook cell shows it."""
    view = Scans(**state)
    view.__panel__()
    return view


def set_and_wait(view: Scans, **state: object) -> None:
    view.param.update(state)
    assert view.wait(60)


def traces(view: Scans) -> list[Any]:
    figure: Any = view.draw()
    return list(figure.data)


def inside(view: Scans, kind: type[Any]) -> list[Any]:
    return list(view.__panel__().select(kind))


def sentence(view: Scans) -> str:
    assert view._alert.visible
    return str(view._alert.object)


@pytest.mark.parametrize("source", ["random", "text", "digit"])
@pytest.mark.parametrize("reverse", [False, True])
def test_every_input_is_scanned_as_the_loop_says(source: str, reverse: bool) -> None:
    setup = ScanSetup(source=source, L=20, B=2, tau=4.0, reverse=reverse, dtype="float64")
    result = run(setup)
    a, b = result.operands.a, result.operands.b
    assert tuple(a.shape) == setup.shape == tuple(result.h.shape)
    expected = linear_scan(a, b, reverse=reverse, backend="naive")
    torch.testing.assert_close(result.h, expected, rtol=1e-12, atol=1e-12)
    assert result.error is not None and result.error < 1e-12


def test_text_enters_as_its_utf8_bytes() -> None:
    given = OPS["linear_scan"].operands(ScanSetup(source="text", text="aé", D=3))
    assert given.x is not None
    assert given.x[:, 0].tolist() == [97 / 255, 0xC3 / 255, 0xA9 / 255]
    assert given.ticks == ["a", "c3", "a9"]


def test_a_long_time_constant_remembers_longer() -> None:
    setup = ScanSetup(D=4, L=8, tau=64.0, dtype="float64")
    operands = OPS["linear_scan"].operands(setup).operands
    taus = -1 / torch.log(operands.a[0, 0])
    assert torch.all(taus.diff() > 0)
    assert taus[0].item() == pytest.approx(1) and taus[-1].item() == pytest.approx(64)


def test_a_deliberately_wrong_kernel_shows_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    op = OPS["linear_scan"]

    def wrong(*operands, backend, **options):
        h = linear_scan(*operands, backend=backend, **options)
        return h if backend == "naive" else h + 0.01

    monkeypatch.setitem(OPS, "linear_scan", op._replace(function=wrong))
    error = run(ScanSetup(L=16, backend="torch")).error
    assert error is not None and error > 1e-3


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"source": "tape"}, r"unknown source 'tape'; choose from \['random', 'text', 'digit'\]"),
        ({"dtype": "int8"}, "unknown dtype 'int8'; choose from"),
        ({"source": "text", "text": ""}, "type at least one character"),
        ({"text": "x" * 1001}, "1,001 characters; the view takes up to 1,000"),
        ({"B": 0}, "B, L, D and tau must be positive, got 0, 256, 8 and 32.0"),
        ({"B": 64, "L": 65536, "D": 8}, "33,554,432 elements; the view takes up to 8,388,608"),
    ],
)
def test_an_impossible_question_is_refused_in_one_sentence(asked: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ScanSetup(**asked)


def test_a_backend_that_cannot_serve_says_why() -> None:
    why = obstacles(ScanSetup(L=32768, D=1), ("naive", "torch"))
    assert "Python loop of 32,768 steps" in why["naive"] and why["torch"] == ""
    with pytest.raises(ValueError, match="backend naive cannot run this: a Python loop"):
        run(ScanSetup(L=32768, D=1, backend="naive"))
    with pytest.raises(ValueError, match="linear_scan has no backend 'cuda': it has"):
        run(ScanSetup(backend="cuda"))


def test_an_op_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'linear_scan' is registered already"):
        register(OPS["linear_scan"])


def test_moving_a_control_changes_the_figure() -> None:
    view = shown(L=32)
    before = traces(view)
    set_and_wait(view, tau=2.0)
    assert not np.allclose(before[-2].y, traces(view)[-2].y)
    assert view._plot.object == view.draw()
    assert not view._busy.visible


def test_timings_come_when_a_figure_needs_them_and_hold_every_backend() -> None:
    view = shown(L=32)
    assert view.result.timings is None
    set_and_wait(view, figure="time")
    ours = {name for name, why in obstacles(view.setup(), OPS[view.op].backends).items() if not why}
    assert set(view.table()["backend"]) == ours >= {"naive", "torch"}
    assert [trace.name for trace in traces(view) if trace.type == "bar"] == [
        name for name in OPS[view.op].backends if name in ours
    ]
    set_and_wait(view, figure="roofline")
    assert "GB/s" in traces(view)[0].name


def test_an_error_is_a_card_and_the_next_change_takes_it_away() -> None:
    view = shown(L=32)
    set_and_wait(view, source="text", text="")
    assert "type at least one character" in sentence(view)
    assert not view._shown.visible
    set_and_wait(view, text="<b>hello</b>")
    assert not view._alert.visible and view._shown.visible


def test_an_error_in_the_drawing_is_a_card_too(monkeypatch: pytest.MonkeyPatch) -> None:
    view = shown(L=32)
    monkeypatch.setattr(Scans, "draw", lambda self: 1 / 0)
    set_and_wait(view, figure="heatmap")
    assert "could not be worked out (ZeroDivisionError" in sentence(view)


def test_a_cancelled_run_keeps_the_last_picture() -> None:
    view = shown(L=32)
    kept = view.result
    view.time(runs=100_000, seconds=60.0)
    view.cancel()
    assert view.wait(60)
    assert view.result is kept and not view._busy.visible
    assert "Cancelled" in str(view._notice.object) and view._notice.visible


def test_timing_stops_at_the_first_report_after_a_cancel() -> None:
    class Enough(Exception):
        pass

    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if "run 3" in line:
            raise Enough

    with pytest.raises(Enough):
        time_backends(ScanSetup(L=8, D=2), say, runs=1000)
    assert lines[-1] == "Timing naive: run 3 of 1000"
    assert time_backends(ScanSetup(L=8, D=2), runs=1).runs  # nobody holds the lock


def test_csv_has_the_numbers_of_the_figure() -> None:
    view = shown(L=32, D=3, dtype="float64")
    table = pd.read_csv(exports.csv(view))
    assert list(table.columns[:2]) == ["step", "x"] and len(table) == 32
    assert np.allclose(table.iloc[:, 2:], view.result.result.h[0])


def test_html_needs_no_network() -> None:
    page = exports.html(shown(L=32, source="text", text="</script><b>")).getvalue()
    assert "plotly.js v" in page and 'src="http' not in page
    assert "h[t]" in page and "</script><b>" not in page


@pytest.mark.slow
def test_the_python_gives_the_same_numbers(tmp_path: Path) -> None:
    view = shown(source="text", text='it\'s "this"\n\\ that', tau=4.0, D=3, reverse=True)
    program = tmp_path / "again.py"
    program.write_text(view.code() + "\nprint(*h.flatten().tolist())\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=120
    )
    again = torch.tensor([float(x) for x in done.stdout.split()])
    torch.testing.assert_close(again, view.result.result.h.flatten(), rtol=0, atol=0)


def test_a_closed_backend_is_greyed_out_with_its_reason() -> None:
    view = shown(L=32)
    select = next(w for w in inside(view, pn.widgets.Select) if w.label == "Backend")
    why = obstacles(view.setup(), OPS[view.op].backends)
    assert select.disabled_options == [name for name, reason in why.items() if reason]
    set_and_wait(view, L=65536, D=1)
    assert "naive" in select.disabled_options
    set_and_wait(view, L=64, backend="naive")
    assert select.value == "naive" and "naive" not in select.disabled_options


def test_every_view_says_what_it_is() -> None:
    for view in VIEWS:
        assert view.slug and view.title and view.sentence.endswith(".")
        assert set(view.choices.values()) == set(view.param.figure.objects)


def test_views_and_catalogue_name_the_same_dashboards() -> None:
    named = {row["dashboard"] for row in catalogue()["rows"]} - {None, ""}
    assert named == {view.slug for view in VIEWS}


def test_every_control_has_a_label() -> None:
    from panel.widgets import Widget

    view = shown(L=32)
    group = inside(view, pn.widgets.RadioButtonGroup)[0]  # has its label above it
    parts = {
        id(part) for slider in inside(view, pn.widgets.DiscreteSlider) for part in slider.select()
    }
    named = [w for w in inside(view, Widget) if w is not group and id(w) not in parts]
    named += inside(view, pn.widgets.DiscreteSlider)
    assert len(named) > 10 and all(widget.label for widget in named)


def test_setup_and_view_have_the_same_defaults() -> None:
    assert Scans().setup() == ScanSetup()


def test_the_shipped_report_of_an_op_is_one_of_its_figures() -> None:
    view = shown(op="wkv7", L=16, figure="floors")
    assert "On an H200, beside peers" in view.offered
    names = {trace.name for trace in traces(view)}
    assert {"triton", "goal"} <= names
    table = view.table()
    assert set(table["kind"]) >= {"ours", "goal"}
    assert min(table["times the floor"].tolist()) >= 1
    set_and_wait(view, op="decay_product")  # nothing ships of it: back to its first picture
    assert "floors" not in view.offered.values() and view.drawn != "floors"
