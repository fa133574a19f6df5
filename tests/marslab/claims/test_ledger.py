"""No verdict without its run: the types see to it, and the newest run wins."""

import json
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path
from typing import Any

import pytest

from marslab import home
from marslab.errors import UserError
from marslab.lab.claims import ledger
from marslab.lab.claims.ledger import Run, Standing
from marslab.lab.claims.schema import Claim

Make = Callable[..., Run]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"machine": ""},
        {"machine": None},
        {"date": ""},
        {"date": None},
        {"date": "2026-11-22T09:00:00"},
        {"date": "yesterday"},
        {"ran": ""},
        {"seconds": None},
        {"seconds": -1.0},
        {"seconds": math.nan},
        {"figures": None},
        {"figures": {}},
        {"figures": {"exponent": math.nan}},
        {"figures": {"exponent": None}},
        {"verdict": ""},
        {"verdict": "seems so"},
        {"verdict": "not measured yet"},
        {"says": ""},
        {"code": ""},
        {"terms": ""},
        {"error": "it broke"},
    ],
    ids=str,
)
def test_a_verdict_needs_all_of_its_run(run_of: Make, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a run of 'toy-exponent' needs its"):
        run_of(**changes)


def test_nothing_of_a_run_can_be_left_out(run_of: Make) -> None:
    whole = asdict(run_of())
    needed = ("id", "claim", "machine", "date", "ran", "seconds", "code", "terms")
    for name in needed:
        with pytest.raises(TypeError, match=name):
            Run(**{key: value for key, value in whole.items() if key != name})


def test_a_verdict_cannot_be_set(run_of: Make, toys: dict[str, Claim]) -> None:
    standing = Standing(toys["toy-exponent"])
    assert standing.verdict == "not measured yet" and not standing.stale
    with pytest.raises((FrozenInstanceError, AttributeError)):
        standing.verdict = "holds"  # pyright: ignore[reportAttributeAccessIssue]
    assert Standing(toys["toy-far"]).verdict == "cannot be tested here"
    assert Standing(toys["toy-far"]).says == "There is no such machine here."


def test_an_error_is_no_verdict(run_of: Make, toys: dict[str, Claim]) -> None:
    nothing = {"verdict": "", "says": "", "figures": None}
    broke = run_of(error="it broke", **nothing)
    ledger.keep(broke)
    (standing,), problems = ledger.standings(["toy-exponent"])
    assert problems == [] and standing.failed == broke
    assert standing.run is None and standing.verdict == "not measured yet"


def test_the_newer_run_wins(run_of: Make, tmp_path: Path) -> None:
    shipped = run_of(id="old")
    newer = run_of(id="new", ran="2026-11-22T08:00:00-02:00", verdict="does not hold")
    older = run_of(id="older", ran="2026-11-21T09:00:00+00:00", verdict="partly")
    path = tmp_path / "data" / "ledger.json"
    path.write_text(json.dumps({**home.stamp("ledger"), "runs": [asdict(shipped)]}), "utf-8")
    ledger.keep(older)
    assert _verdict() == "holds"
    ledger.keep(newer)
    assert _verdict() == "does not hold"
    (standing, *_), _ = ledger.standings()
    assert standing.run == newer and newer.machine and newer.date


def test_a_later_error_stands_beside_the_verdict_and_an_earlier_one_is_past(run_of: Make) -> None:
    nothing = {"verdict": "", "says": "", "figures": None, "error": "it broke"}
    ledger.keep(run_of(id="bad", ran="2026-11-21T09:00:00+00:00", **nothing))
    ledger.keep(run_of(id="good"))
    (standing, *_), _ = ledger.standings()
    assert standing.verdict == "holds" and standing.failed is None
    ledger.keep(run_of(id="worse", ran="2026-11-25T09:00:00+00:00", **nothing))
    (standing, *_), _ = ledger.standings()
    assert standing.verdict == "holds" and standing.failed is not None


def test_no_run_is_replaced(run_of: Make) -> None:
    paths = [ledger.keep(run_of(id=f"run-{i}")) for i in range(3)]
    assert len(set(paths)) == 3 and all(path.is_file() for path in paths)
    runs, _ = ledger.own_runs()
    assert [run.id for run in runs] == ["run-0", "run-1", "run-2"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "is not a claim-run file"),
        ('{"kind": "claim-run", "schema": 9}', "format 9"),
        ('{"kind": "claim-run", "schema": 1, "run": {"id": "x"}}', "damaged run"),
        ('{"kind": "claim-run", "schema": 1}', "damaged run"),
    ],
)
def test_a_damaged_file_is_told_and_hides_nothing(run_of: Make, text: str, told: str) -> None:
    path = ledger.keep(run_of())
    (path.parent / "zz.json").write_text(text, "utf-8")
    found, problems = ledger.standings()
    assert found[0].verdict == "holds"
    assert len(problems) == 1 and told in problems[0] and "zz.json" in problems[0]


def test_a_shipped_ledger_holds_the_newest_verdicts(run_of: Make, tmp_path: Path) -> None:
    ledger.keep(run_of())
    ledger.keep(run_of("toy-pair", id="pair", ran="2026-11-24T09:00:00+00:00"))
    path = tmp_path / "data" / "ledger.json"
    with pytest.raises(UserError, match="from a checkout"):
        ledger.ship(ledger.standings()[0])
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    ledger.ship(ledger.standings()[0])
    assert [run.id for run in ledger.shipped_runs(path)] == [run_of().id, "pair"]


def test_the_home_of_the_user_is_not_in_the_ledger(run_of: Make) -> None:
    stored = json.loads(ledger.keep(run_of()).read_text("utf-8"))
    assert set(stored) == {"kind", "schema", "run"} and set(stored["run"]) == set(asdict(run_of()))


def test_a_run_of_a_claim_that_is_gone_is_left_out(run_of: Make) -> None:
    ledger.keep(replace(run_of(), claim="long-gone"))
    found, problems = ledger.standings()
    assert problems == [] and all(each.run is None for each in found)


def _verdict() -> str:
    (standing, *_), _ = ledger.standings()
    return standing.verdict
