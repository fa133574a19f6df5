"""MARS's promise for ARC-AGI, beside what a small one solves of the smallest tasks."""

import json
from importlib.resources import files
from typing import Any

from marslab.lab.claims.outcome import Outcome

FILE = "mars-arc-mini-runs.json"
MODEL, WITHOUT, COPIED = "mars-arc-mini", "without the reasoner, 12 epochs", "copied"


def grids() -> Outcome:
    """Whole grids that are right at the second attempt, of tasks without a grid above 6 by 6."""
    text = (files("marslab.data") / "checkpoints" / FILE).read_text("utf-8")
    found = json.loads(text)
    runs: dict[str, Any] = {run["model"]: run for run in found["runs"]}
    mars, without, copied = (runs[name] for name in (MODEL, WITHOUT, COPIED))
    figures = {
        "learned_grids": mars["learned_attempt_2"],
        "unseen_grids": mars["unseen_attempt_2"],
        "learned_cells": mars["learned_cells"],
        "learned_cells_without_reasoner": without["learned_cells"],
        "learned_cells_copied": copied["learned_cells"],
    }
    says = (
        f"Trained on the demonstrations of {mars['learned_tasks']} small tasks, mars-arc-mini "
        f"solves {figures['learned_grids']:.0%} of their {mars['learned_grids']} tests in two "
        f"attempts, and {figures['unseen_grids']:.0%} of {mars['unseen_grids']} of tasks that it "
        "did not learn. That is one seed of a model of 97,115 parameters; the design "
        "names no split, no size and no protocol (M22)."
    )
    told = f"Read from data/checkpoints/{FILE}: {says}"
    return Outcome(figures, told, found["machine"], f"{found['date']}T00:00:00Z")
