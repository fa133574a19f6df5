"""What the Ablations view says in words and gives as tables."""

from typing import Any

import pandas as pd

from marslab.lab.ablation import Results, words
from marslab.lab.ablation.metrics import Metric
from marslab.widgets import study_figures


def facts(whole: Results, shown: Results, metric: Metric) -> list[tuple[str, str, str]]:
    """The figures above the plot: the runs, the score of the base, and how many are clear."""
    records: Any = shown.summary(metric.name).to_dict("records")
    first, *others = records
    mean = metric.told(first["mean"]) if first["runs"] else "-"
    told = [_runs_fact(whole)]
    told.append((first["variant"], mean, f"{metric.title}, mean over the seeds"))
    for way in ("better", "worse"):
        clear = [row for row in others if words.kind(row["verdict"]) == way]
        named = ", ".join(row["variant"] for row in clear) or "no variant is"
        told.append((f"clearly {way}", str(len(clear)), named))
    return told


def not_yet(results: Results) -> str:
    """Say what a click on the button would run."""
    variants = words.counted(len(results.variants), "variant")
    seeds = words.counted(len(results.study.seeds), "seed")
    return (
        f"{results.study.study} has not been run yet. “Run the study” makes its"
        f" {words.counted(len(results.ids), 'run')}: {variants}, {seeds} each."
    )


def _runs_fact(results: Results) -> tuple[str, str, str]:
    failed = f", {len(results.failed)} failed" if results.failed else ""
    hint = " ".join(words.shortfall(results)) or "Every run is done."
    hint = "\n".join([hint, *(words.failure(each) for each in results.failed[:5])])
    return "runs", f"{len(results.runs)} of {len(results.ids)}{failed}", hint


def runs(results: Results) -> pd.DataFrame:
    """One row for each run, under the names that its variant has now."""
    names = {run: variant.name for variant in results.variants for run in variant.runs}
    frame = results.frame().assign(variant=[names[run.id] for run in results.runs])
    return frame.drop(columns="study").assign(error=[run.error for run in results.runs])


def short(frame: pd.DataFrame, results: Results) -> pd.DataFrame:
    """The columns that a reader needs: what was changed is in the name of the variant."""
    metrics = [metric.name for metric in results.metrics]
    names = ["variant", "seed", "status", *metrics, "seconds", "parameters"]
    return frame.reindex(columns=names + ["error"] * bool(results.failed))


def points(results: Results) -> pd.DataFrame:
    """One row for each epoch of each run."""
    score = results.curve.name
    rows = [
        {"variant": name, "seed": run.seed, "epoch": x, score: y}
        for name, runs in study_figures.done(results).items()
        for run in runs
        for x, y in run.curve
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", score])
