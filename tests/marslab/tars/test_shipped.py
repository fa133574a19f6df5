"""The trained TARS that ship: they answer what they never saw, as their cards say."""

import json
from importlib.resources import files
from typing import Any

import pytest

import marslab
from marslab.learning.tars.scoring import accuracy, held_out, replies
from marslab.systems.tars.system import Tars
from marslab.tasks.reasoning import check, problems

FAMILIES = {"add": 1.0, "sub": 1.0}


@pytest.fixture(scope="module", params=["tars-mini", "tars-nano"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def tars(name: str) -> Tars:
    model = marslab.load(name)
    assert isinstance(model, Tars)
    return model


@pytest.fixture(scope="module")
def card(name: str) -> dict[str, Any]:
    text = (files("marslab.data") / "checkpoints" / f"{name}.json").read_text("utf-8")
    return json.loads(text)


def test_its_header_says_what_its_card_says(name: str, card: dict[str, Any]) -> None:
    record = next(m for m in marslab.models() if m.name == name)
    assert record.bytes <= 8 << 20 and record.licence == "MIT" and record.system == "tars"
    assert record.scores["two_digits"] == pytest.approx(card["two_digits"]["all"], abs=1e-4)
    assert record.scores["held_out"] == pytest.approx(card["held_out"]["all"], abs=1e-4)
    assert [each["event"] for each in card["log"]].count("step") > 5


def test_it_solves_problems_that_it_never_saw(tars: Tars, card: dict[str, Any]) -> None:
    """60 of the held-out sums and differences; an untrained model solves none."""
    asked = held_out(60, FAMILIES)
    given = replies(tars.lm, tars.tokenizer, [each.prompt for each in asked])
    expected = (card["held_out"]["add"] + card["held_out"]["sub"]) / 2
    assert accuracy(asked, given)["all"] >= expected - 0.15
    assert expected > 0.85 and card["two_digits"]["all"] > 0.95
    trained = {each.digest for each in problems(0, 3000, families=FAMILIES)}
    assert trained.isdisjoint(each.digest for each in asked)


def test_it_can_be_asked(tars: Tars) -> None:
    hello = tars.ask("Привет!")
    assert hello.tier == "reflex" and hello.waves == 0
    answer = tars.ask("Сколько будет 21+34?", reflexes=False)
    assert answer.tier in ("brain", "omega") and answer.waves >= 1
    assert check("21+34=?", str(answer)), str(answer)


def test_its_table_of_exits_names_a_winner(card: dict[str, Any]) -> None:
    rows = {row["rule"]: row for row in card["exits"]}
    assert {"fixed 1", "fixed 6", "auditor", "entropy", "halting", "small_step"} <= set(rows)
    assert rows["fixed 6"]["accuracy"] > rows["fixed 1"]["accuracy"]
