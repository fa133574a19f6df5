"""The trained MARS that ships: it reads digits that it never saw, as its header says."""

import json
from importlib.resources import files

import pytest

import marslab
from marslab.learning.mars_plan import MarsTraining, load_task
from marslab.learning.mars_scores import scores
from marslab.systems.mars.model import MarsModel

RECORD = next(m for m in marslab.models() if m.name == "mars-mini")


def test_it_reads_held_out_digits_as_well_as_its_header_says() -> None:
    model = marslab.load("mars-mini")
    assert isinstance(model, MarsModel)
    found = scores(model, load_task(MarsTraining(), model.config), brief=True)
    assert found["held_out"] == pytest.approx(RECORD.scores["held_out"], abs=0.01)
    assert found["held_out"] > 0.9 and RECORD.bytes <= 6 << 20


def test_the_runs_beside_it_hold_its_own() -> None:
    text = (files("marslab.data") / "checkpoints" / "mars-mini-seeds.json").read_text("utf-8")
    own = [r for r in json.loads(text)["runs"] if r["model"].startswith("v4") and r["seed"] == 0]
    assert [r["held_out"] for r in own] == [RECORD.scores["held_out"]]
