"""MARS's claim on ARC-AGI says what stands in the file of its runs."""

import json
from pathlib import Path

from marslab.lab.claims.runs.mars_arc import FILE, grids

RUNS = Path(__file__).resolve().parents[3] / "data" / "checkpoints" / FILE


def test_the_figures_are_those_of_the_runs() -> None:
    runs = {run["model"]: run for run in json.loads(RUNS.read_text("utf-8"))["runs"]}
    found = grids()
    solved = found.figures["learned_grids"]
    assert isinstance(solved, float) and round(solved * 23) == 3
    assert found.figures["unseen_grids"] == 0
    assert found.figures["learned_cells_copied"] == runs["copied"]["learned_cells"]
    assert found.date.startswith("2026-11-29T") and "13%" in found.says and "one seed" in found.says
