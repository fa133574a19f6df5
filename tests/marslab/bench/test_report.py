"""Ratios by hand, the round trip through JSON, and the sentences for files that are none."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from marslab.errors import UserError
from marslab.lab.bench import table
from marslab.lab.bench.cases import Case
from marslab.lab.bench.report import Absent, Report, Row, from_json, read, write


def test_ratios(report: Report) -> None:
    row = report.rows[0]
    numba, torch_, _, add = row.figures
    assert row.to_floor(numba) == 2.0
    assert numba.gb_s == pytest.approx(row.case.bytes / 0.010 / 1e9)
    # the states add 32 KiB to 192 MiB
    assert row.of_add(numba) == pytest.approx(9 / 10, rel=1e-3)
    assert row.of_add(add) == 1.0
    assert row.of_add(torch_) == pytest.approx(9 / 40, rel=1e-3)


def test_no_yardstick_no_ratio(report: Report) -> None:
    row = replace(report.rows[0], figures=report.rows[0].figures[:2])
    assert row.of_add(row.figures[0]) is None


def test_round_trip(report: Report) -> None:
    assert from_json(report.to_json()) == report
    found = json.loads(report.to_json())
    assert found["kind"] == "bench"
    assert found["schema"] == 1


def test_written_under_op_device_and_moment(report: Report, tmp_path: Path) -> None:
    path = write(report, tmp_path / "new")
    assert path.name == "linear_scan-cpu-20260102T030405Z.json"
    assert read(path) == report


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("{", "is not JSON"),
        ("[]", "is not a bench file"),
        ('{"kind": "trace", "schema": 1}', "is not a bench file"),
        ('{"kind": "bench", "schema": 99}', "has format 99 of a bench, this marslab reads 1"),
        ('{"kind": "bench", "schema": 1}', "damaged part .'rows'."),
        ('{"kind": "bench", "schema": 1, "rows": [{"case": {"op": "x"}}]}', "damaged part"),
        ('{"kind": "bench", "schema": 1, "rows": 5}', "damaged part"),
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
    assert table.verdict(row) == "goal >= 0.9 of torch.add: reached, 0.90"
    timed = replace(row, goal_ms=9.0)
    assert table.verdict(timed).startswith("goal <= 9 ms: not reached, 10.0000; goal >= 0.9")
    assert table.verdict(replace(row, figures=[])) == ""


def test_goals_belong_to_a_size_and_a_machine() -> None:
    case = Case("linear_scan", 8, 4096, 2048, "bfloat16", "fwd+bwd")
    assert case.goal_ms("NVIDIA H200") == 0.30
    assert case.goal_ms("NVIDIA A100") is None
    assert replace(case, B=7).goal_ms("NVIDIA H200") is None


def test_the_table_says_who_is_missing_and_under_which_conditions(report: Report) -> None:
    console = Console(width=120, record=True, file=StringIO())
    table.show(replace(report, complete=False), console)
    text = console.export_text()
    assert "no figure for scipy lfilter: not installed: pip install scipy (all rows)" in text
    assert "machine: a <b> machine" in text
    assert "numpy <loop> (peer)" in text
    assert "Cut short" in text


def test_a_table_without_rows_still_prints(report: Report) -> None:
    console = Console(width=120, record=True, file=StringIO())
    table.show(replace(report, rows=[Row(report.rows[0].case, 1.0)]), console)
    assert "floor 1.000 ms" in console.export_text()
