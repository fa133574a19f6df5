"""The page: one file that needs nothing else, with every figure, floor and condition in it."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from marslab.lab.bench.report import Report, read, write
from marslab.widgets import bench_page
from marslab.widgets.figures import colour

DATA = Path(str(files("marslab.data"))) / "bench"


def figures(html: str) -> list[dict]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found[1])


def test_bars_show_medians_and_peers_share_a_colour(report: Report) -> None:
    (data,) = [looks["light"]["data"] for looks in figures(bench_page.page([report]))]
    bars = {trace["name"]: trace for trace in data if trace["type"] == "bar"}
    assert {name: bar["x"][0] for name, bar in bars.items()} == {
        "torch.add": 9.0,
        "numba": 10.0,
        "torch": 40.0,
        "numpy <loop>": 80.0,
    }
    assert bars["numpy <loop>"]["marker"]["color"] == colour("peer")
    assert bars["numba"]["marker"]["color"] == colour("numba")
    assert bars["torch"]["error_x"]["array"][0] == 1.0


def test_the_page_holds_everything_once(report: Report) -> None:
    html = bench_page.page([report, report])
    assert len(figures(html)) == 2
    assert {"light", "dark"} == set(figures(html)[0])
    assert html.count("plotly.js v") == 1
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", html)
    assert 'id="figure-1"' in html
    assert "goal &gt;= 0.9 x the speed of torch.add: reached, 0.9" in html
    assert "numba moves 20.1 GB/s, the stream 40 GB/s" in html
    assert "scipy lfilter: not installed" in html


def test_a_run_that_a_device_ended_says_so(report: Report) -> None:
    broken = replace(report, complete=False)
    assert "The run was cut short: some rows are missing." in bench_page.page([broken])
    broken.conditions["broke"] = "an <error>, after warp"
    assert "The device broke down (an &lt;error&gt;, after warp)" in bench_page.page([broken])


def test_names_are_escaped(report: Report) -> None:
    html = bench_page.page([report])
    assert "a &lt;b&gt; machine" in html
    assert "a <b> machine" not in html


def test_a_floor_of_arithmetic_is_named_so(report: Report) -> None:
    hard = replace(report, rows=[replace(report.rows[0], bound="arithmetic")])
    html = bench_page.page([hard])
    assert "arithmetic floor 5 ms" in html
    assert "memory floor" not in html


@pytest.mark.parametrize("name", ["linear_scan-h200.json", "linear_scan-epyc-2-cores.json"])
def test_measured_reports_of_the_first_format_are_drawn(name: str) -> None:
    html = bench_page.page([read(DATA / name)])
    assert "linear_scan bfloat16" in html
    assert "memory floor" in html


def test_written_from_files(report: Report, tmp_path: Path) -> None:
    source = write(report, tmp_path)
    assert bench_page.main([str(source), str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("arguments", [[], ["one.json"]])
def test_too_few_arguments_show_the_usage(arguments, capsys) -> None:
    assert bench_page.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ")


def test_a_file_that_is_none_is_said(tmp_path: Path, capsys) -> None:
    assert bench_page.main([str(tmp_path / "none.json"), str(tmp_path / "page.html")]) == 2
    assert "name a file of marslab bench" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
