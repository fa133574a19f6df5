"""The results of a study as a table for a terminal, and as JSON for programs."""

import json
import math
from dataclasses import asdict
from typing import Any

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.results import Results

WIDTH = 120  # columns of a table that goes to a file or a pipe


def show(results: Results) -> None:
    """Print one row for each variant, with 95 % intervals over the seeds."""
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, width=WIDTH)
    metric, rows = results.metric, results.summary().to_dict("records")
    way = "more" if metric.more_is_better else "less"
    unit = {"share": "in %", "": "", metric.name: ""}.get(metric.unit, f"in {metric.unit}")
    drawn = Table()
    for name in ("variant", "n", f"{metric.name} {unit}".strip(), "to the baseline"):
        drawn.add_column(name, overflow="fold", no_wrap=name == "n")
    for name in ("seconds", "parameters", "verdict"):
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*_cells(row, metric))
    console.print(results.study.title or results.study.study, soft_wrap=True)
    told = (
        f"{metric.title}, {way} is better: mean [95 % bootstrap interval over n seeds],"
        " difference seed by seed [95 % interval of Student]"
    )
    console.print(told, soft_wrap=True)
    console.print(drawn)


def as_json(results: Results) -> str:
    """Return the summary and all runs as JSON; what is no number is null."""
    rows = [
        {name: _plain(value) for name, value in row.items()}
        for row in results.summary().to_dict("records")
    ]
    found = {
        "study": results.study.to_dict(),
        "folder": str(results.folder),
        "metric": asdict(results.metric),
        "complete": results.complete,
        "summary": rows,
        "runs": [asdict(run) for run in results.runs],
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)


def _cells(row: dict[Any, Any], metric: Metric) -> list[str]:
    share = metric.unit == "share"
    scale, form = (100.0, "{:.1f}") if share else (1.0, "{:.4g}")
    mean = _interval(row, ("mean", "low", "high"), scale, form)
    apart = _interval(row, ("difference", "difference_low", "difference_high"), scale, "{:+.3g}")
    return [
        row["variant"],
        str(row["runs"]),
        mean,
        apart,
        _number(row["seconds"], 1.0, "{:.1f}"),
        f"{row['parameters']:,}",
        row["verdict"],
    ]


def _interval(row: dict[Any, Any], names: tuple[str, str, str], scale: float, form: str) -> str:
    mean, low, high = (_number(row[name], scale, form) for name in names)
    return mean if mean == "-" or low == "-" else f"{mean} [{low}, {high}]"


def _number(value: float, scale: float, form: str) -> str:
    return "-" if math.isnan(value) else form.format(scale * value)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
