"""The HDC retrieval view: against a memory that is built by hand, and against theory."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from marslab.memory.hdc import band, expected_accuracy, seeded
from marslab.widgets.frame import address, exports
from marslab.widgets.views import VIEWS, HdcView
from marslab.widgets.views.hdc import HdcSetup, answers, run
from marslab.widgets.views.hdc.run import TRIALS, _memory

NAMES = list(HdcView.choices.values())
SMALL: dict[str, Any] = {"dim": 256, "others": 10, "codes": 50}


def shown(**state: object) -> HdcView:
    """The view as a notebook cell shows it."""
    view = HdcView(**state)
    view.__panel__()
    assert view.wait(60)
    return view


def set_and_wait(view: HdcView, **state: object) -> None:
    view.param.update(state)
    assert view.wait(60)


@pytest.mark.parametrize("vsa", ["MAP", "BSC", "HRR", "FHRR"])
def test_the_memory_is_the_sum_of_what_was_typed(vsa: str) -> None:
    """By hand: bind by plain tensor arithmetic, add, take the key off, compare."""
    setup = HdcSetup("a: x\nb: y\nc: x", "c", vsa=vsa, bits=32, others=10, dim=512, codes=20)  # pyright: ignore[reportArgumentType]
    with seeded(0) as random:
        pairs = _memory(setup, random)
    assert pairs.values.tolist() == [0, 1, 0, *range(2, 12)] and len(pairs.keys) == 14
    keys, codes = pairs.keys.as_subclass(torch.Tensor), pairs.codebook
    if vsa == "HRR":
        spectra = torch.fft.fft(keys[:13]) * torch.fft.fft(codes[pairs.values])
        read = torch.fft.ifft(torch.fft.fft(keys[2]).conj() * spectra.sum(0)).real
    else:
        signs = 1 - 2 * keys.float() if vsa == "BSC" else keys
        total = (signs[:13] * codes[pairs.values]).sum(0)
        read = signs[2].conj() * (total.sgn() if vsa == "BSC" else total)
    beside = (read @ codes.conj().mT).real / read.norm() / codes.norm(dim=-1)
    found = run(setup).asked
    torch.testing.assert_close(torch.tensor(found.cosines), beside, atol=1e-4, rtol=0)
    assert found.values == ["x", "y"] and found.wanted == found.found == 0


def test_most_strangers_are_rejected_and_most_keys_found() -> None:
    right, rejected = 0, 0
    for seed in range(60):
        known = run(HdcSetup(seed=seed)).asked
        right += known.found == known.wanted
        rejected += run(HdcSetup(seed=seed, ask="Atlantis")).asked.found is None
    assert right >= 57 and rejected >= 57  # 99 % of strangers by the rule


def test_the_confusion_agrees_with_theory_and_rows_add_up() -> None:
    setup = HdcSetup(others=100, dim=1024, codes=50, flipped=0.1)
    found = run(setup, "confusion")
    assert found.confusion is not None and np.allclose(found.confusion.sum(1), 1)
    assert found.confusion.shape == (8, 10)
    right = np.diag(found.confusion[:, :8]).mean()
    low, high = band(found.asked.expected, 8 * TRIALS)
    assert right <= high  # a rejection counts as not found
    assert right + found.confusion[:, -1].mean() >= low
    silent = run(HdcSetup(flipped=0.5, dim=64), "confusion").confusion
    assert silent is not None and silent[:, -1].mean() > 0.8


@pytest.mark.parametrize("figure", ["capacity", "noise"])
def test_dots_lie_in_the_band_of_the_line(figure: str) -> None:
    setup = HdcSetup(**SMALL, vsa="FHRR", bits=1)
    recall = getattr(run(setup, figure), figure)
    inside = [
        low - 0.01 <= share <= high + 0.01
        for low, share, high in zip(recall.low, recall.measured, recall.high, strict=True)
    ]
    assert sum(inside) >= len(inside) - 1 and len(inside) >= 6
    assert all(np.diff(recall.expected) <= 1e-9) and recall.expected[-1] < 0.5
    n = setup.stored if figure == "noise" else 1
    assert recall.expected[0] == pytest.approx(
        expected_accuracy(n, 50, 256, bits=1, vsa="FHRR"), abs=1e-6
    )


def test_every_figure_has_its_table_and_is_worked_out_once() -> None:
    view = shown(**SMALL)
    sizes = {"similarity": 50, "confusion": 8}
    for name in NAMES:
        set_and_wait(view, figure=name)
        assert view.pictured == name and not view._alert.visible
        figure: Any = view.draw()
        table = pd.read_csv(exports.csv(view))
        assert view._plot.object == figure and len(table) == sizes.get(name, len(table)) > 1
        assert answers.READ[name][:30] in str(view._card.object)
    before = view.result
    set_and_wait(view, figure="confusion")
    assert view.result is before
    set_and_wait(view, seed=1)
    assert view.result is not before and view.result.capacity is None
    view.figure = "capacity"
    view.cancel()
    view.wait(60)
    assert view.pictured == "similarity" and len(pd.read_csv(exports.csv(view))) == 50


def test_the_answer_is_told_right_wrong_or_rejected() -> None:
    view = shown(dim=512, others=10, codes=50)
    assert ": right." in answers.answer_sentence(view.result)
    assert view.readouts()[0][1] == "Tokyo" and view.readouts()[1][1] == "18 pairs"
    set_and_wait(view, ask="Atlantis")
    assert "Rejected, rightly" in str(view._card.object) and view.readouts()[0][1] == "none"
    set_and_wait(view, ask="Peru", flipped=0.5)
    assert "Rejected, though “Lima” is stored" in str(view._card.object)
    asked = view.result.asked
    for wanted, told in ((0, "wrong, “Paris” is stored"), (None, "was never stored")):
        lied = view.result._replace(asked=asked._replace(wanted=wanted, found=4))
        assert told in answers.answer_sentence(lied) and "Cairo" in answers.answer_sentence(lied)


def test_what_is_typed_is_escaped_and_wrong_lines_are_a_card() -> None:
    evil = "</script><b>evil</b>"
    view = shown(pairs=f"{evil}: {evil}", ask=evil, **SMALL)
    for name in ("similarity", "confusion"):
        set_and_wait(view, figure=name)
        page = exports.html(view).getvalue()
        assert evil not in page and 'src="http' not in page
    assert "<b>evil" not in str(view._card.object) + str(view._facts.object)
    set_and_wait(view, pairs="no pair here")
    assert "is no pair: write it as key: value" in str(view._alert.object)
    assert "pairs='no pair here'" in view.code() and view._card.object == ""
    set_and_wait(view, pairs="a: b\na: c")
    assert "stands in two lines" in str(view._alert.object)


def test_the_state_is_in_the_address_and_wrong_values_are_refused() -> None:
    view = HdcView(pairs="a & b: <c>", ask="x", vsa="BSC", dim=64, flipped=0.25, figure="noise")
    again, link = HdcView(), address.write(view, view.state)
    assert address.read(again, again.state, link) == []
    assert {n: getattr(again, n) for n in view.state} == {n: getattr(view, n) for n in view.state}
    assert len(address.read(again, again.state, "?vsa=VTB&dim=63&seed=-1")) == 3
    wrongs: list[dict[str, Any]] = [{"vsa": "VTB"}, {"dim": 63}, {"bits": 3}, {"ask": " "}]
    lines = "\n".join(f"{at}: v" for at in range(13))
    for wrong in [*wrongs, {"pairs": ""}, {"pairs": lines}, {"pairs": "a: b" * 200}, {"seed": -1}]:
        with pytest.raises(ValueError):
            HdcSetup(**wrong)


def test_bits_are_one_in_bsc_and_their_slider_says_so() -> None:
    view = HdcView(**SMALL)
    (slider,) = [widget for widget in view.controls() if str(widget.name).startswith("Bits")] or [
        widget for widget in view.controls() if "Bits" in str(getattr(widget, "label", ""))
    ]
    assert not slider.disabled
    view.vsa = "BSC"
    assert slider.disabled and view.setup().precision == 1
    assert run(view.setup()).asked.size == 32 and HdcView in VIEWS
    assert run(HdcSetup(**SMALL, vsa="FHRR", bits=4)).asked.size == 256


@pytest.mark.slow
def test_the_python_gives_the_same_numbers(tmp_path: Path) -> None:
    view = shown(pairs='it\'s "this": x', ask='it\'s "this"', figure="noise", **SMALL)
    program = tmp_path / "again.py"
    program.write_text(view.code() + "\nprint(cosines, found.noise.measured, sep='\\n')\n")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=120
    )
    cosines, measured = (ast.literal_eval(line) for line in done.stdout.splitlines())
    assert cosines == view.result.asked.cosines and measured == view.result.noise.measured
