"""The runs of MARS on grids and on captions: whole, and as the README of the data tells them."""

import json
from importlib.resources import files
from statistics import mean
from typing import Any

import pytest

FOLDER = files("marslab.data")
README = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())


def runs(name: str) -> list[dict[str, Any]]:
    return json.loads((FOLDER / "checkpoints" / name).read_text(encoding="utf-8"))["runs"]


def told(*words: str) -> None:
    assert " ".join(words) in README


def test_the_captions_are_told_as_they_were_measured() -> None:
    found = runs("mars-captions-seeds.json")
    kinds = ("captions alone", "digits alone", "together")
    assert [(r["model"], r["seed"]) for r in found] == [(k, s) for k in kinds for s in (0, 1, 2)]

    def percent(model: str, name: str) -> str:
        return f"{100 * mean(r[name] for r in found if r['model'] == model):.1f} %"

    together = [percent("together", f"held_out_{part}") for part in ("digits", "captions")]
    told("reads", together[0], "of the held-out digits and", together[1], "of the captions")
    alone = [percent(f"{part} alone", "held_out") for part in ("digits", "captions")]
    told("for as many steps of it,", alone[0], "and", alone[1])
    steps = {kind: next(r["steps"] for r in found if r["model"] == kind) for kind in kinds}
    assert steps["together"] == steps["digits alone"] + steps["captions alone"]
    across = [r["digits_by_captions"] for r in found if r["model"] == "together"]
    told("in", percent("together", "digits_by_captions"), "of the cases")
    told(f"({100 * min(across):.0f} % to {100 * max(across):.0f} %)")
    told("only captions wrote in", percent("together", "captions_by_digits"))
    for way in ("digits_by_captions", "captions_by_digits"):
        assert mean(r[f"untrained_{way}"] for r in found if r["model"] == "together") < 0.15


def test_the_grids_are_told_as_they_were_measured() -> None:
    found = {r["model"]: r for r in runs("mars-arc-mini-runs.json")}
    on, off = found["mars-arc-mini"], found["without the reasoner, 12 epochs"]
    assert on["steps"] == off["steps"] and on["cpu_seconds"] // 60 == 12
    for run in (on, off):
        assert run["learned_attempt_1"] == pytest.approx(3 / 23, abs=1e-4)
        assert run["learned_attempt_2"] == run["learned_attempt_1"]
    assert [r["unseen_attempt_2"] for r in found.values()] == [0] * 4
    assert all(found[b]["learned_attempt_2"] == 0 for b in ("copied", "one_colour"))
    cells = [f"{100 * run[f'{p}_cells']:.1f} %" for run in (on, off) for p in ("learned", "unseen")]
    told("Of cells it has", cells[0], "and", cells[1], "right, without the reasoner", cells[2])
    copied = [f"{100 * found['copied'][f'{p}_cells']:.0f} %" for p in ("learned", "unseen")]
    told("and", f"{cells[3]},", "the copy", copied[0], "and", copied[1])
