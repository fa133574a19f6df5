"""Ratios by hand, the round trip through JSON, and the sentences for files that are none."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from marslab.errors import UserError
from marslab.lab.bench import ops, table
from marslab.lab.bench.cases import Case, Goal
from marslab.lab.bench.report import Absent, Report, Row, from_json, read, write


def test_ratios(report: Report) -> None:
    row = report.rows[0]
    numba, torch_, _, add = row.figures
    assert row.to_floor(numba) == 2.0
    assert numba.gb_s == pytest.approx(numba.bytes / 0.010 / 1e9)
    assert row.speed(numba, "torch.add") == 0.9
    assert row.speed(add, "torch.add") == 1.0
    assert row.speed(numba, "torch") == 4.0
    assert row.speed(torch_, "nothing") is None
    assert row.measures == ["torch.add"]
    assert row.best() is numba
    assert row.best("torch") is torch_
    assert row.best("numpy <loop>") is None


def test_what_was_measured_later_joins_its_row(report: Report) -> None:
    row = report.rows[0]
    later = replace(row, figures=row.figures[:1], absent=[])
    assert row.joined(later).figures == [*row.figures, row.figures[0]]
    assert row.joined(later).absent == row.absent


def test_round_trip(report: Report) -> None:
    assert from_json(report.to_json()) == report
    found = json.loads(report.to_json())
    assert found["kind"] == "bench"
    assert found["schema"] == 2


def test_written_under_op_device_and_moment(report: Report, tmp_path: Path) -> None:
    path = write(report, tmp_path / "new")
    assert path.name == "linear_scan-cpu-20260102T030405Z.json"
    assert read(path) == report
    several = replace(report, ops=["linear_scan", "ssd"])
    assert write(several, tmp_path).name == "2-ops-cpu-20260102T030405Z.json"


FIRST = """{"kind": "bench", "schema": 1, "op": "linear_scan", "device": "cpu", "complete": true,
"conditions": {"machine": "one"}, "rows": [{"case": {"op": "linear_scan", "B": 4, "L": 4096,
"D": 1024, "dtype": "float32", "direction": "fwd"}, "floor_ms": 5.0, "goal_ms": 6.0,
"figures": [], "absent": []}]}"""


def test_the_first_format_is_still_read() -> None:
    found = from_json(FIRST)
    assert found.ops == ["linear_scan"]
    (row,) = found.rows
    assert row.case.title == "linear_scan float32 B4 L4096 D1024 fwd"
    assert (row.floor_ms, row.bound) == (5.0, "memory")
    assert row.goals == [Goal(ms=6.0), Goal(speed=0.9, beside="torch.add")]
    assert from_json(FIRST.replace("6.0", "null").replace("4096", "8")).rows[0].goals == []


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("{", "is not JSON"),
        ("[]", "is not a bench file"),
        ('{"kind": "trace", "schema": 1}', "is not a bench file"),
        ('{"kind": "bench", "schema": 99}', "has format 99 of a bench, this marslab reads 2"),
        ('{"kind": "bench", "schema": 1}', "damaged part .'rows'."),
        ('{"kind": "bench", "schema": 1, "rows": [{"case": {"op": "x"}}]}', "damaged part"),
        ('{"kind": "bench", "schema": 1, "rows": 5}', "damaged part"),
        ('{"kind": "bench", "schema": 2}', "damaged part .'rows'."),
        ('{"kind": "bench", "schema": 2, "rows": [{"case": {"op": "x"}}]}', "damaged part"),
    ],
)
def test_what_is_no_report_is_said(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"^old.json .*{sentence}"):
        from_json(text, "old.json")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name a file of marslab bench"):
        read(tmp_path / "none.json")


def test_only_our_own_failures_count(report: Report) -> None:
    gone = [
        Absent("triton", "ours", "no CUDA device"),
        Absent("torch", "ours", "wrong result", failed=True),
        Absent("fla", "peer", "wrong result", failed=True),
    ]
    broken = replace(report, rows=[replace(report.rows[0], absent=gone)])
    assert broken.failed == ["linear_scan float32 B4 L4096 D1024 fwd: torch: wrong result"]


def test_goals_are_judged_on_our_best(report: Report) -> None:
    row = report.rows[0]
    assert table.verdict(row) == "goal >= 0.9 x the speed of torch.add: reached, 0.9"
    timed = replace(row, goals=[Goal(ms=9.0), *row.goals])
    assert table.verdict(timed).startswith("goal <= 9 ms: not reached, 10.0000; goal >= 0.9")
    assert table.verdict(replace(row, figures=[])) == ""


def test_a_goal_may_name_one_of_ours(report: Report) -> None:
    row = report.rows[0]
    named = replace(row, goals=[Goal(ms=41.0, of="torch"), Goal(ms=1.0, of="triton")])
    assert table.verdict(named) == "torch: goal <= 41 ms: reached, 40.0000"
    beside = replace(row, goals=[Goal(speed=20.0, beside="torch", of="numba")])
    words = "numba: goal >= 20 x the speed of torch: not reached, 4"
    assert table.verdict(beside) == words
    assert beside.measures == ["torch.add", "torch"]
    assert table.verdict(replace(row, goals=[Goal(speed=2.0, beside="triton")])) == ""


def test_goals_belong_to_a_size_a_direction_and_a_machine() -> None:
    case = Case("linear_scan", {"B": 8, "L": 4096, "D": 2048}, "bfloat16", "fwd+bwd")
    op = ops.find("linear_scan")
    assert [goal.ms for goal in op.goals(case, "NVIDIA H200")] == [0.30]
    assert op.goals(case, "NVIDIA A100") == []
    assert op.goals(replace(case, sizes={"B": 7, "L": 4096, "D": 2048}), "NVIDIA H200") == []
    assert [g.ms for g in op.goals(replace(case, direction="fwd"), "NVIDIA H200")] == [0.108]


def test_ours_stand_beside_the_stream(report: Report) -> None:
    row = report.rows[0]
    assert table.rate(row, 40.0) == "numba moves 20.1 GB/s, the stream 40 GB/s"
    assert table.rate(row, None) == ""
    assert table.rate(replace(row, figures=row.figures[2:]), 40.0) == ""


def test_the_table_says_who_is_missing_and_under_which_conditions(report: Report) -> None:
    console = Console(width=120, record=True, file=StringIO())
    table.show(replace(report, complete=False), console)
    text = console.export_text()
    assert "no figure for scipy lfilter: not installed: pip install scipy (all rows)" in text
    assert "machine: a <b> machine" in text
    assert "numpy <loop> (peer)" in text
    assert "Cut short" in text
    assert "peak MiB" in text  # one of them was counted


def test_a_table_without_rows_still_prints(report: Report) -> None:
    console = Console(width=120, record=True, file=StringIO())
    table.show(replace(report, rows=[Row(report.rows[0].case, 1.0)]), console)
    assert "floor 1.000 ms" in console.export_text()
