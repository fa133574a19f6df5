"""Train a hyperdimensional classifier, and count the held-out examples that it gets."""

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.tasks import Outcome, Task, Trial
from marslab.learning.hdc import train_hdc
from marslab.learning.hdc_plan import HdcTraining


def run(trial: Trial) -> Outcome:
    """Train by the settings; the held-out examples are the same ones for every seed."""
    plan: HdcTraining = trial.settings
    score = train_hdc(plan, trial.seed)
    return Outcome(
        {"held_out": score.held_out, "train": score.train, "class_bytes": float(score.class_bytes)}
    )


TASK = Task(
    "hdc",
    "Tell classes apart by hypervectors",
    HdcTraining,
    (
        Metric("held_out", "held-out accuracy", more_is_better=True, unit="share"),
        Metric("train", "accuracy on what was trained on", more_is_better=True, unit="share"),
        Metric("class_bytes", "size of the class hypervectors", more_is_better=False, unit="B"),
    ),
    run,
    needs_preset=False,
)
