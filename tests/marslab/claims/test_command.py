"""`marslab claims`: the ledger as text, JSON and Markdown; exit codes; a failure in plain words."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marslab import cli
from marslab.lab.claims import command, ledger, printing, running
from marslab.lab.claims.ledger import Run
from marslab.lab.claims.schema import Claim

Ran = tuple[int, str, str]
NOTHING: dict[str, Any] = {"verdict": "", "says": "", "figures": None}


@pytest.fixture
def claims(
    toys: dict[str, Claim],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ran]:
    """Call `marslab claims` with arguments, in this process, on three toy claims."""

    def call(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["marslab", "claims", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code, told = ended.value.code, capsys.readouterr()
        return (code if isinstance(code, int) else 0, told.out, told.err)

    return call


def test_the_ledger_is_printed(claims: Callable[..., Ran], run_of: Callable[..., Run]) -> None:
    ledger.keep(run_of(verdict="does not hold", says="It grows faster.", figures={"exponent": 1.9}))
    code, out, err = claims()
    assert code == 0
    assert "DOES NOT HOLD  toy-exponent" in out and "exponent = 1.9" in out
    assert "It grows faster." in out and "a machine, 2026-11-22, run toy-exponent-2026" in out
    assert "NOT MEASURED YET  toy-pair" in out
    assert "CANNOT BE TESTED HERE  toy-far" in out and "no such machine" in out
    assert err == "does not hold 1, cannot be tested here 1, not measured yet 1\n"


@pytest.mark.parametrize(("verdict", "code"), [("holds", 0), ("partly", 0), ("does not hold", 1)])
def test_strict_fails_on_what_does_not_hold(
    claims: Callable[..., Ran], run_of: Callable[..., Run], verdict: str, code: int
) -> None:
    ledger.keep(run_of(verdict=verdict))
    assert claims("--strict")[0] == code
    assert claims()[0] == 0
    assert claims("toy-pair", "--strict")[0] == 0  # the one that fails was not asked for


def test_a_stale_verdict_says_so(
    claims: Callable[..., Ran], run_of: Callable[..., Run], tmp_path: Path
) -> None:
    ledger.keep(run_of())
    assert "HOLDS  toy-exponent" in claims()[1]
    (tmp_path / "data" / "toy.json").write_text("changed", "utf-8")
    code, out, err = claims()
    assert "HOLDS (STALE)  toy-exponent" in out and "stale 1" in err and code == 0
    assert json.loads(claims("--json")[1])[0]["stale"] is True
    assert "| holds (stale) |" in claims("--markdown")[1]


def test_json_has_all_of_it(claims: Callable[..., Ran], run_of: Callable[..., Run]) -> None:
    run = run_of()
    ledger.keep(run)
    code, out, _ = claims("--json", "toy-exponent", "toy-far")
    first, far = json.loads(out)
    assert code == 0 and first["verdict"] == "holds" and far["verdict"] == "cannot be tested here"
    assert first["last"]["id"] == run.id and first["last"]["figures"] == {
        "exponent": 1,
        "rounds": 9,
    }
    assert first["rule"] == ["exponent: holds if <= 1.15, partly if <= 1.4"]
    assert first["last"]["machine"] and first["last"]["date"] and first["last"]["seconds"] == 1.5


def test_markdown_has_a_table_for_each_system(
    claims: Callable[..., Ran], run_of: Callable[..., Run], tmp_path: Path
) -> None:
    ledger.keep(run_of(says="A | in words."))
    ledger.keep(run_of(id="later", ran="2026-11-23T09:00:00+00:00", error="it broke", **NOTHING))
    out = claims("--markdown")[1]
    assert [line for line in out.splitlines() if line.startswith("## ")] == [
        "## TARS", "## MARS", "## CRSM",
    ]  # fmt: skip
    rows = [line for line in out.splitlines() if line.startswith("| toy")]
    assert len(rows) == 3 and all(row.count(" | ") == len(printing.COLUMNS) - 1 for row in rows)
    assert "failed: it broke" in out and "holds (last run failed)" in out
    file = tmp_path / "ledger.md"
    code, printed, err = claims("--markdown", "--out", str(file))
    assert (code, printed) == (0, "") and file.read_text("utf-8") == out and "written:" in err


def test_a_run_that_fails_is_exit_1_and_no_verdict(
    claims: Callable[..., Ran], run_of: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run_claims(ids: list[str], told: Callable[[Run], None]) -> list[Run]:
        asked.append(ids)
        runs = [run_of(id, id=f"{id}-new", **changes) for id, changes in plan.items() if id in ids]
        for run in runs:
            ledger.keep(run)
            told(run)
        return runs

    monkeypatch.setattr(running, "run_claims", run_claims)
    plan = {"toy-exponent": {"error": "it broke", **NOTHING}, "toy-pair": {}}
    code, out, err = claims("--run")
    assert code == 1 and asked == [["toy-exponent", "toy-pair"]]
    assert "1/2 toy-exponent: failed: it broke (1.5 s)" in err
    assert "NOT MEASURED YET (LAST RUN FAILED)  toy-exponent" in out and "HOLDS  toy-pair" in out
    assert claims("--run", "toy-pair")[0] == 0 and asked[-1] == ["toy-pair"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("toy-exponnt",), "there is no claim 'toy-exponnt'. Did you mean 'toy-exponent'?"),
        (("--json", "--markdown"), "choose one"),
        (("--run", "toy-far"), "toy-far cannot be tested here: There is no such machine here."),
        (("--ship",), "the ledger ships from a checkout"),
    ],
)
def test_mistakes_are_one_sentence(
    claims: Callable[..., Ran], arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = claims(*arguments)
    last = err.splitlines()[-1]
    assert code == 2 and last.startswith("marslab: ") and told in last


def test_a_damaged_file_is_told_on_stderr(
    claims: Callable[..., Ran], run_of: Callable[..., Run]
) -> None:
    (ledger.keep(run_of()).parent / "zz.json").write_text("{", "utf-8")
    code, out, err = claims("--json")
    assert code == 0 and len(json.loads(out)) == 3 and "zz.json cannot be read" in err


def test_the_width_is_kept(run_of: Callable[..., Run]) -> None:
    ledger.keep(run_of())
    told = printing.listing(ledger.standings()[0], 60)
    assert max(len(line) for line in told.splitlines()) <= 60
    assert command.WIDEST <= 100
