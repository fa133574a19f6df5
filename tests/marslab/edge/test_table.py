"""The edge table: it is written and read, measured whole, and printed."""

import json
from pathlib import Path

import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner

from marslab.errors import UserError
from marslab.lab.edge import command, making, measure
from marslab.lab.edge.plan import PLANS, EdgePlan
from marslab.lab.edge.table import EdgeRow, EdgeTable, parse_table, read_table, shipped_table

app = typer.Typer()
app.command()(command.edge)
NAMES = [
    *("fp32", "int8, dynamic", "int8, static", "int8, trained", "pruned", "pruned rows"),
    *("pruned, int8 trained", "distilled", "distilled, int8 static"),
]


def row(name: str = "fp32", runtime: str = "torch", **changes) -> EdgeRow:
    known = {
        "parameters": 100,
        "zeros": 0.0,
        "file_bytes": 4000,
        "packed_bytes": 3000,
        "accuracy": (0.9, 0.8),
        "ms_median": 2.0,
        "ms_p99": 3.0,
        "difference": 0.0,
    }
    return EdgeRow(name, runtime, **known | changes)


def toy() -> EdgeTable:
    plan = {"preset": "toy", "overrides": {}, "student": {}, "seeds": [0, 1]}
    told = {"machine": "a machine", "threads": 1, "torch": "2", "onnxruntime": "1"}
    told |= {"date": "2026-11-28T00:00:00Z", "method": "by turns", "plan": plan}
    small = row("small", file_bytes=1000, ms_median=1.0, accuracy=(0.8, 0.8))
    return EdgeTable(told, (row(), small))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    toy().write(tmp_path / "table.json")
    assert read_table(tmp_path / "table.json") == toy()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "edge", "schema": 2, "rows": []}'])
def test_what_is_no_table(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="here is no edge table"):
        parse_table(text, "here")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path / "none.json")


def test_a_row_is_found_by_its_name() -> None:
    assert toy().row("small", "torch").mean_accuracy == pytest.approx(0.8)
    with pytest.raises(UserError, match=r"no row 'smal \(torch\)'. Did you mean 'small \(torch\)'"):
        toy().row("smal", "torch")


def test_ratios_are_to_fp32(tmp_path: Path) -> None:
    toy().write(tmp_path / "table.json")
    ran = CliRunner().invoke(app, [str(tmp_path / "table.json")])
    assert ran.exit_code == 0, ran.output
    line = next(line for line in ran.output.splitlines() if "small (torch)" in line)
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells == ["small (torch)", "1", "3", "4.00", "1.000", "3.000", "2.00", "80.0%", "+5.0"]
    told = CliRunner().invoke(app, [str(tmp_path / "table.json"), "--json"])
    assert json.loads(told.output)["rows"][1]["file_bytes"] == 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["a.json", "--run"], "not both"), (["--out", "b.json"], "there is nothing new here")],
)
def test_options_that_clash(arguments: list[str], sentence: str) -> None:
    ran = CliRunner().invoke(app, arguments)
    assert isinstance(ran.exception, UserError) and sentence in str(ran.exception)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"share": 1.0},
        {"seeds": ()},
        {"repeats": 0},
        {"fine_lr": 0},
        {"student_epochs": 0},
    ],
)
def test_plans_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EdgePlan(**wrong)


def test_calls_take_turns() -> None:
    order: list[str] = []

    class Noted(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            order.append(f"{self.name}{int(x)}")
            return x

    calls = {name: Noted(name) for name in "ab"}
    taken = measure.latencies(calls, torch.arange(3.0)[:, None], 4)
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 4, "b": 4}
    assert order[-8:] == ["a2", "a2", "b2", "b2", "a0", "a0", "b0", "b0"]


@pytest.mark.parametrize("preset", PLANS)
def test_the_shipped_table_is_whole(preset: str) -> None:
    found = shipped_table(preset)
    assert found.conditions["plan"]["preset"] == preset
    assert {row.name for row in found.rows} == set(NAMES)
    assert found.conditions["threads"] == 1 and found.conditions["plan"]["repeats"] >= 100
    seeds = found.conditions["plan"]["seeds"]
    assert len(seeds) == 3 and all(len(row.accuracy) == len(seeds) for row in found.rows)
    assert all(0 < row.ms_median <= row.ms_p99 for row in found.rows)
    assert found.row("fp32", "onnxruntime").difference < 1e-4
    assert found.row("pruned", "onnxruntime").zeros == pytest.approx(0.5, abs=1e-3)


def test_a_preset_without_a_table() -> None:
    ran = CliRunner().invoke(app, ["mars-min"])
    assert isinstance(ran.exception, UserError) and "mars-mini" in str(ran.exception)
    with pytest.raises(UserError, match="no shipped edge table 'mars-v4'"):
        shipped_table("mars-v4")


@pytest.mark.slow
@pytest.mark.parametrize("preset", PLANS)
def test_a_quick_one_is_measured(preset: str) -> None:
    for name in ("torchao", "onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason=f"needs {name}: pip install 'marslab[edge]'")
    plan = making.quick(PLANS[preset])
    seen: list[int] = []
    found = measure.edge_table(plan, seen.append)
    assert seen == [1]
    assert [row.name for row in found.rows if row.runtime == "onnxruntime"] == [
        name for name in NAMES if name != "int8, dynamic"
    ]
    bytes_of = {row.name: row.file_bytes for row in found.rows if row.runtime == "onnxruntime"}
    assert bytes_of["int8, trained"] < bytes_of["fp32"] and bytes_of["distilled"] < bytes_of["fp32"]
    assert bytes_of["pruned"] == bytes_of["fp32"]
    assert found.row("pruned", "onnxruntime").zeros == pytest.approx(0.5, abs=0.01)
    assert found.row("int8, static", "onnxruntime").zeros is None
    assert found.row("pruned", "onnxruntime").packed_bytes < 0.9 * bytes_of["fp32"]
    assert all(row.difference < 1e-4 for row in found.rows if "int8" not in row.name)
    assert all(row.difference < 0.5 for row in found.rows)
