"""The course itself: an executed notebook is a test of what it says."""

import json
from pathlib import Path

import pytest

from marslab.lab import engine, notebooks

ROOT = notebooks.shipped()
NAMES = notebooks.names()
START, *LATER = NAMES


def test_every_notebook_is_in_step_with_its_source() -> None:
    assert NAMES, "there is no notebook to test"
    assert notebooks.in_step() == [], "run `marslab nb build`"


@pytest.mark.parametrize("name", NAMES)
def test_no_notebook_carries_outputs(name: str) -> None:
    cells = json.loads((ROOT / f"{name}.ipynb").read_text("utf-8"))["cells"]
    ran = [
        cell["source"]
        for cell in cells
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])
    ]
    assert ran == []


@pytest.mark.parametrize(
    "name", [START, *(pytest.param(name, marks=pytest.mark.slow) for name in LATER)]
)
def test_every_notebook_runs(name: str, tmp_path: Path) -> None:
    (result,) = engine.run([name], output_dir=tmp_path)
    assert result.failure is None, (
        f"\n{name}, In [{result.failure.count}]\n\n{result.failure.source}\n\n"
        f"{result.failure.traceback}"
    )
    warned = [
        (joined, output["text"])
        for joined, outputs in _outputs(tmp_path / f"{name}.ipynb")
        for output in outputs
        if output.get("name") == "stderr"
    ]
    assert warned == [], "a reader should see no warning"


def _outputs(path: Path) -> list[tuple[str, list[dict]]]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [
        (notebooks.joined(cell), cell["outputs"]) for cell in cells if cell["cell_type"] == "code"
    ]


@pytest.mark.slow
def test_the_start_notebook_runs_in_a_real_kernel() -> None:
    (result,) = engine.run(["0"], engine="kernel")
    assert result.failure is None, result.failure.traceback
