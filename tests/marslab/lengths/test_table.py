"""The table of lengths: written and read, its curves, and what is found in them."""

import json
import math
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from marslab.errors import UserError
from marslab.lab.lengths import command
from marslab.lab.lengths.findings import (
    Growth,
    growth,
    learned,
    times_faster_reading,
    times_faster_stepping,
    times_smaller,
)
from marslab.lab.lengths.plan import FUSED, LAYERS, MARS, RIVAL, WRITTEN_OUT, LengthsPlan, Stack
from marslab.lab.lengths.table import LengthsTable, assembled, parse_table, read_table
from marslab.layers.mars_block import MarsBlockConfig

app = typer.Typer()
app.command()(command.lengths)


def test_it_is_read_as_it_was_written(toy: LengthsTable, tmp_path: Path) -> None:
    toy.write(tmp_path / "table.json")
    assert read_table(tmp_path / "table.json") == toy


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "lengths", "schema": 2, "conditions": {}}']
)
def test_what_is_no_table(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="here is no table of lengths: measure one with"):
        parse_table(text, "here")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("readings", "ms", [1.0, 0.0]),
        ("readings", "ms", []),
        ("readings", "ms", ["1"]),
        ("readings", "lengths", 3),
        ("steppings", "ms", [-1.0]),
        ("lessons", "losses", []),
    ],
)
def test_a_row_that_was_not_measured_makes_no_table(
    toy: LengthsTable, part: str, field: str, value: object
) -> None:
    found = json.loads(toy.to_json())
    found[part][0][field] = value
    with pytest.raises(UserError, match="here is no table of lengths"):
        parse_table(json.dumps(found), "here")


def test_a_curve_is_of_medians_and_of_what_was_measured(toy: LengthsTable) -> None:
    assert toy.curve("ssd")[4096] == pytest.approx(4.096)
    assert toy.curve("ssd", "kept_bytes") == {n: 7 * n for n in (1024, 2048, 4096)}
    assert toy.curve(MARS, part="model")[2048] == 2048
    with pytest.raises(UserError, match="there is no kind of layer 'sdd'. Did you mean 'ssd'?"):
        toy.curve("sdd")


def test_lines_are_those_that_a_figure_takes(toy: LengthsTable) -> None:
    from marslab.widgets.figures.log_lines import log_lines

    lines, lengths = toy.lines("ms")
    assert lengths == list(LAYERS["ssd"]) and list(lines) == list(LAYERS)
    assert math.isnan(lines[WRITTEN_OUT][-1]) and lines[FUSED][-1] > 0
    figure = log_lines(lines, lengths, x_title="length (steps)", y_title="time (ms)")
    assert [line.name for line in figure.data] == list(LAYERS)  # pyright: ignore


@pytest.mark.parametrize(
    ("kind", "power", "first", "last"),
    [("ssd", 1.0, 4096, 32768), (WRITTEN_OUT, 2.0, 1024, 8192), (FUSED, 1.9, 4096, 32768)],
)
def test_the_fit_finds_the_power_beside_fixed_costs_and_an_outlier(
    toy: LengthsTable, kind: str, power: float, first: int, last: int
) -> None:
    found = growth(toy.curve(kind))
    assert found == Growth(pytest.approx(power), first, last)  # pyright: ignore


def test_a_power_of_one_length_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"needs two lengths of at least 128, got \[1024\]"):
        growth({64: 1.0, 1024: 2.0})


def test_ratios_are_the_rivals_over_ours(toy: LengthsTable) -> None:
    assert times_faster_reading(toy) == {512: 2, 2048: 4, 8192: 8, 32768: 16}
    assert times_faster_stepping(toy, 1) == {512: 0.5, 2048: 1, 8192: 2, 32768: 4}
    assert times_faster_stepping(toy, 8)[512] == 4
    assert times_smaller(toy)[512] == (4 * 960 + 5120) / (4 * 1000 + 3000)


def test_equal_loss_is_the_lowest_that_every_run_reaches(toy: LengthsTable) -> None:
    loss, seconds, epochs = learned(toy)
    assert loss == 1.0
    assert epochs == {MARS: [2, 2, 2], RIVAL: [2, 3, 2]}
    assert seconds == {MARS: [20, 20, 20], RIVAL: [30, 40, 30]}


def test_it_is_printed_whole(toy: LengthsTable, tmp_path: Path) -> None:
    toy.write(tmp_path / "table.json")
    ran = CliRunner().invoke(app, [str(tmp_path / "table.json")])
    assert ran.exit_code == 0, ran.output
    line = next(line for line in ran.output.splitlines() if "fused attention" in line)
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells[-1] == "1.90 from 4,096 on" and cells[-2] == f"{1e-3 * 32768**1.9:,.4g}"
    told = (
        "transformer: 30.0 s (2), 40.0 s (3), 30.0 s (2) of learning digits (epochs) to a held-out"
    )
    assert f"{told} loss of 1.00" in ran.output
    told = CliRunner().invoke(app, [str(tmp_path / "table.json"), "--json"])
    assert parse_table(told.output, "it") == toy


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["a.json", "--run"], "not both"), (["--out", "b.json"], "there is nothing new here")],
)
def test_options_that_clash(arguments: list[str], sentence: str) -> None:
    ran = CliRunner().invoke(app, arguments)
    assert isinstance(ran.exception, UserError) and sentence in str(ran.exception)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"rounds": 0}, "rounds must be positive, got 0"),
        ({"slow": 0.0}, "slow must be positive"),
        ({"seeds": ()}, "seeds must name at least one number"),
        ({"models": {MARS: Stack(8, 1, MarsBlockConfig())}}, f"a {MARS} and a {RIVAL}"),
    ],
)
def test_plans_that_make_no_sense(wrong: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        LengthsPlan(**wrong)


def test_an_empty_table_is_made_of_nothing() -> None:
    assert assembled({}, [], [], []).kinds() == []
