"""`marslab progress | hint | solution | reset`."""

import json
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from marslab.errors import UserError
from marslab.lab.course import commands, records
from marslab.lab.course.registry import Exercise


def call(command: Callable[..., None], *args: str) -> Result:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner().invoke(app, args)


def test_progress_lists_every_exercise(scan: Exercise) -> None:
    records.note(scan, passed=False)
    told = call(commands.progress)
    assert told.exit_code == 0
    for word in ("01_from_loop_to_scan", "scan.1", "A scan as a loop", "tried once"):
        assert word in told.stdout
    assert told.stdout.endswith("0 of 1 exercises solved\n")


def test_progress_as_json(scan: Exercise) -> None:
    records.note(scan, passed=True)
    (row,) = json.loads(call(commands.progress, "--json").stdout)
    assert row.pop("first_passed").endswith("+00:00")
    assert row == {
        "exercise": "scan.1",
        "tries": 1,
        "hints": 0,
        "passed": True,
        "name": "my_scan",
        "notebook": "01_from_loop_to_scan",
        "title": "A scan as a loop",
        "state": "solved",
    }


def test_hint(scan: Exercise) -> None:
    assert call(commands.hint, "scan.1").stdout == "hint 1 of 2: write the loop over t\n"
    assert records.read("scan.1").hints == 1


def test_solution_is_plain_where_it_is_not_a_terminal(scan: Exercise) -> None:
    told = call(commands.solution, "scan.1").stdout
    assert told.startswith("def my_scan(a: Tensor, b: Tensor) -> Tensor:\n    ")
    assert "\x1b" not in told


def test_solution_has_colours_on_a_terminal(
    scan: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in call(commands.solution, "scan.1").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in call(commands.solution, "scan.1").stdout


def test_reset_keeps_the_old_record(scan: Exercise) -> None:
    records.note(scan, passed=True)
    told = call(commands.reset, "scan.1")
    kept = records.folder() / "scan.1.json.bak"
    assert told.stdout == f"scan.1: forgotten, the old record is kept as {kept}\n"
    assert json.loads(kept.read_text())["passed"]
    assert records.read("scan.1").state == "not started"
    again = call(commands.reset, "scan.1")
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "scan.1: nothing to forget, it was never tried\n"


def test_reset_of_everything(scan: Exercise) -> None:
    records.note(scan, passed=True)
    assert "scan.1.json.bak" in call(commands.reset, "--all").stdout
    assert call(commands.reset, "--all").output == ""


@pytest.mark.usefixtures("scan")
@pytest.mark.parametrize("args", [[], ["scan.1", "--all"]])
def test_reset_of_nothing_or_of_both_is_a_mistake(args: list[str]) -> None:
    error = call(commands.reset, *args).exception
    assert isinstance(error, UserError)
    assert str(error) == "reset takes one exercise, as scan.1, or --all for every one"


@pytest.mark.usefixtures("scan")
@pytest.mark.parametrize("command", [commands.hint, commands.solution, commands.reset])
def test_an_unknown_exercise_is_a_mistake(command: Callable[..., None]) -> None:
    error = call(command, "scan.2").exception
    assert isinstance(error, UserError)
    assert "Did you mean 'scan.1'?" in str(error)
