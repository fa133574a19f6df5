"""The figures of a study as they are written in a table: with units, signs and dashes."""

from typing import Any

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.results import Results
from marslab.lab.ablation.words import between, missing, signed


def rows(results: Results, metric: Metric) -> list[dict[str, str]]:
    """Return one row of text for each variant, the baseline first; a dash where nothing is known.

    Units:
        seconds: of one run, the mean over the seeds
    """
    records: Any = results.summary(metric.name).to_dict("records")
    told = [_row(record, metric) for record in records]
    if not results.failed:
        for row in told:
            del row["failed"]
    return told


def _row(record: dict[str, Any], metric: Metric) -> dict[str, str]:
    mean, low, high, seconds = (record[name] for name in ("mean", "low", "high", "seconds"))
    span = (record["difference_low"], record["difference_high"])
    return {
        "variant": record["variant"],
        "mean": "-" if missing(mean) else metric.told(mean),
        "95 % interval": "-" if missing(low) else f"{metric.told(low)} to {metric.told(high)}",
        "difference": signed(record["difference"], metric),
        "its 95 % interval": between(*span, metric),
        "runs": f"{record['runs']:.0f}",
        "failed": f"{record['failed']:.0f}",
        "parameters": f"{record['parameters']:,.0f}",
        "seconds": "-" if missing(seconds) else f"{seconds:.2f}",
    }
