"""Results that ship: what is written is read, what is not whole does not ship, files agree."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from marslab.errors import UserError
from marslab.lab.ablation import Results, Study, command, shipping
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.study import find_study

Make = Callable[..., Study]
GRID = {"task.width": [1, 2]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a checkout."""
    (tmp_path / "checkout" / "data" / "studies").mkdir(parents=True)
    (tmp_path / "checkout" / "pyproject.toml").touch()
    return tmp_path / "checkout" / "data"


@pytest.fixture
def results(study: Make, here: list[str], tmp_path: Path) -> Results:
    return ablate(study(GRID, seeds=(0, 1)), home=tmp_path / "home")


def test_what_ships_is_read_as_it_was(results: Results, data: Path) -> None:
    file = results.ship(data)
    assert file == data / "studies" / "tiny-study.json"
    found = shipping.read_shipped("tiny-study", file.parent)
    assert [found.runs[run.id].metrics for run in results.runs] == [r.metrics for r in results.runs]
    assert found.values["study"] == results.study.to_dict()
    assert len(file.read_text("utf-8").splitlines()) == 2 + len(results.runs)
    assert results.ship(data).read_text("utf-8") == file.read_text("utf-8")


def test_own_results_come_before_shipped_ones(
    results: Results, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.ship(data)
    for name in ("measured", "read_shipped"):
        function = getattr(shipping, name)
        monkeypatch.setattr(
            f"marslab.lab.ablation.results.{name}",
            lambda *a, f=function: f(*a, folder=data / "studies"),
        )
    assert Results.load("tiny-study", tmp_path / "home").folder == results.folder
    shipped = Results.load("tiny-study", tmp_path / "elsewhere")
    assert shipped.folder == data / "studies" and shipped.complete
    assert shipped.summary().equals(results.summary())


def test_half_a_study_does_not_ship(results: Results, data: Path) -> None:
    (results.folder / "runs" / f"{results.ids[0]}.json").unlink()
    with pytest.raises(UserError, match="1 runs of tiny-study are not done"):
        Results.load(results.folder).ship(data)
    assert not (data / "studies" / "tiny-study.json").exists()


def test_without_a_checkout_nothing_ships(results: Results, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a study ships from a checkout"):
        results.ship(tmp_path / "site-packages" / "data")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: text[:40], "is no JSON"),
        (lambda text: text.replace('"study-results"', '"study"'), "is not a study-results file"),
        (lambda text: text.replace('"runs": [\n', '"walks": [\n'), "is damaged: runs"),
        (lambda text: text.replace('"seed": 1', '"seed": "one"'), "is damaged: seed"),
        (lambda text: text.replace('"status": "done"', '"status": "dine"'), "is damaged: .*done"),
    ],
)
def test_a_damaged_file_gets_a_sentence(
    results: Results, data: Path, damage: Callable[[str], str], says: str
) -> None:
    file = results.ship(data)
    file.write_text(damage(file.read_text("utf-8")))
    with pytest.raises(UserError, match=says):
        shipping.read_shipped("tiny-study", file.parent)


def test_an_unknown_name_gets_those_that_there_are() -> None:
    with pytest.raises(UserError, match="continual-digits"):
        shipping.read_shipped("continual-digit")


@pytest.mark.parametrize("name", shipping.measured())
def test_a_shipped_study_is_whole_and_the_one_that_its_file_describes(name: str) -> None:
    found = Results.shipped(name)
    assert found.study == find_study(name)
    assert found.complete and not found.failed
    assert len({run.code for run in found.runs}) == 1, "runs of more than one state of the code"
    assert all(run.trace is None and run.date for run in found.runs)
    text = shipping.read_shipped(name).file.read_text("utf-8")
    assert "/home/" not in text and "/tmp/" not in text and "/work/" not in text
    json.loads(text, parse_constant=lambda value: pytest.fail(f"{name} holds {value}"))


def test_the_command_shows_what_ships_and_runs_nothing(here: list[str]) -> None:
    app = typer.Typer()
    app.command()(command.ablate)
    done = CliRunner().invoke(app, ["continual-digits", "--shipped"])
    assert done.exit_code == 0 and here == []
    assert "hdc-repla" in done.stdout
    assert "65 of 65" in done.stderr and "processor: " in done.stderr
