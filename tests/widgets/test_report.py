"""The report of a study: an executed notebook with its words, figures and numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marslab.errors import UserError
from marslab.lab import notebooks
from marslab.lab.ablation import report

ROOT = notebooks.shipped() / "reports"


def test_the_template_is_in_step_with_its_source_and_carries_no_output() -> None:
    assert notebooks.names(ROOT) == [report.TEMPLATE]
    assert notebooks.in_step(ROOT) == [], "run `marslab nb build --root notebooks/reports`"
    assert '"outputs": []' in (ROOT / f"{report.TEMPLATE}.ipynb").read_text("utf-8")


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no study in .*: run it first"):
        report.write(tmp_path, tmp_path / "report.ipynb")


@pytest.mark.slow
def test_the_report_is_an_executed_notebook(stored: Callable[..., Path], tmp_path: Path) -> None:
    failing = {
        "baseline": [0.95, 0.96, 0.94],
        "ssm.enabled=false": [0.71, 0.72, "<b>no memory</b>"],
        "ssm.d_state=1": [0.95, 0.93, 0.95],
    }
    folder = stored(failing, title="What do *parts* & <i>bits</i> bring?")
    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    out = report.write(folder, tmp_path / "deep" / "report.ipynb")
    assert out == tmp_path / "deep" / "report.ipynb"
    cells = json.loads(out.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o["output_type"] in ("error", "stream")]
    data = [output.get("data", {}) for output in outputs]
    assert sum("application/vnd.plotly.v1+json" in each for each in data) == 2
    told = "".join(_text(each.get("text/markdown", "")) for each in data)
    assert "Without ssm the held-out accuracy is 71.5 %: worse by" in told
    assert "1 of 9 runs failed" in told and "&lt;b&gt;no memory" in told
    assert "marslab ablate parts.yaml --fresh" in told and "processor" in told
    assert "&lt;i&gt;bits" in told
    typed = [line for line in told.splitlines() if "<i>" in line]
    assert typed and all(line.startswith("    title:") for line in typed)  # code, shown as it is
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before
    assert len(list(folder.rglob("*"))) == len(before) + 1  # and the folder of the runs


def _text(lines: Any) -> str:
    return lines if isinstance(lines, str) else "".join(lines)
