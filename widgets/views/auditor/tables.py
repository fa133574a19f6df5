"""The Integral auditor view's tables: what each rule makes of the thoughts of one run."""

import pandas as pd
from sklearn.metrics import roc_auc_score

from marslab.thinking import MetaAuditor
from marslab.widgets.views.auditor.run import AuditorResult
from marslab.widgets.views.auditor.setup import RULES, THRESHOLDS

TABLES = {name: dict(MetaAuditor(name).table) for name in ("ours", "printed")}


def stops(result: AuditorResult, threshold: float) -> dict[str, int | None]:
    """The wave after which each rule stops the one thought that is shown, or None."""
    return {rule: first(result, threshold, rule) for rule in RULES}


def first(result: AuditorResult, threshold: float, rule: str) -> int | None:
    """The wave after which a rule stops the one thought that is shown, or None."""
    found = result.shown.stops(threshold, rule)
    return int(found.wave[0]) if bool(found.fired[0]) else None


def by_task(result: AuditorResult) -> dict[str, dict[str, int | None]]:
    """Where the chosen rule stops the thought with the thresholds of either table."""
    rule = result.setup.rule
    return {
        name: {task: first(result, least, rule) for task, least in table.items()}
        for name, table in TABLES.items()
    }


def waves(result: AuditorResult, threshold: float) -> pd.DataFrame:
    """The one thought, wave by wave; of a model also what the trace says."""
    shown = result.shown
    frame = pd.DataFrame(
        {
            "wave": range(1, shown.f.shape[1] + 1),
            "f": shown.f[0].tolist(),
            "p": shown.p[0].tolist(),
            "r2_power": shown.r2_power[0].tolist(),
            "q": [float(law.q[0]) for law in shown.fits],
            "r2_factor": shown.r2_geometric[0].tolist(),
        }
    )
    if result.thought is not None:
        events = result.thought.events
        for name in ("model", "reason", "threshold", "entropy", "halting"):
            frame[name] = events[name].tolist()
    found = stops(result, threshold)
    return frame.assign(**{f"{rule}_stops": frame["wave"] == found[rule] for rule in RULES})


def tasks(result: AuditorResult, threshold: float) -> pd.DataFrame:
    """Both tables of thresholds, and where they stop the thought."""
    found = by_task(result)
    return pd.DataFrame(
        {
            "task": list(found["ours"]),
            **{name: list(TABLES[name].values()) for name in TABLES},
            **{f"{name}_stops": list(found[name].values()) for name in TABLES},
        }
    )


def problems(result: AuditorResult, threshold: float) -> pd.DataFrame:
    """Each problem of the batch at its exit."""
    batch = result.batch
    assert batch is not None
    found = result.shown.stops(threshold, result.setup.rule)
    at, row = found.wave - 1, range(len(found.wave))
    exits = found.wave.tolist()
    return pd.DataFrame(
        {
            "prompt": [each.prompt for each in batch.problems],
            "family": [each.family for each in batch.problems],
            "result": [each.result for each in batch.problems],
            "wave": exits,
            "fired": found.fired.tolist(),
            "p": result.shown.p[row, at].tolist(),
            "r2_power": result.shown.r2_power[row, at].tolist(),
            "entropy": batch.entropy[row, at].tolist(),
            "halting": batch.halting[row, at].tolist(),
            "answer": [said[wave] for said, wave in zip(batch.said, exits, strict=True)],
            "right": batch.right(exits),
        }
    )


def sweep(result: AuditorResult, threshold: float) -> pd.DataFrame:
    """For each threshold of the slider: right answers, waves, and how often the rule spoke."""
    batch = result.batch
    assert batch is not None
    rows = []
    for each in THRESHOLDS:
        found = result.shown.stops(each, result.setup.rule)
        right = batch.right(found.wave.tolist())
        means = {
            "right": sum(right) / len(right),
            "wave": float(found.wave.double().mean()),
            "fired": float(found.fired.double().mean()),
        }
        rows.append({"threshold": each} | means)
    return pd.DataFrame(rows)


def draws(result: AuditorResult, threshold: float) -> pd.DataFrame:
    """The fitted p of the draws after each wave, and the share that each rule has stopped."""
    found = result.draws
    assert found is not None
    frame = pd.DataFrame({"wave": range(1, found.f.shape[1] + 1)})
    for name, at in (("low", 0.05), ("median", 0.5), ("high", 0.95)):
        frame[f"p_{name}"] = found.p.quantile(at, 0).tolist()
    for rule in RULES:
        stop = found.stops(threshold, rule)
        by = [(stop.fired & (stop.wave <= wave)).double().mean() for wave in frame["wave"]]
        frame[f"{rule}_stopped"] = [float(share) for share in by]
    return frame


def at_exit(frame: pd.DataFrame) -> dict[str, str]:
    """How well each signal at the exit tells right from wrong: the area under its ROC curve.

    >>> frame = pd.DataFrame({"right": [True, False], "p": [2.0, 1.0], "entropy": [0.1, 0.2]})
    >>> at_exit(frame.assign(halting=0.5))
    {'p': '1.00', 'low entropy': '1.00', 'halting': '0.50'}
    """
    signals = {"p": frame["p"], "low entropy": -frame["entropy"], "halting": frame["halting"]}
    if len(set(frame["right"])) < 2:
        return dict.fromkeys(signals, "none")
    return {name: f"{roc_auc_score(frame['right'], of):.2f}" for name, of in signals.items()}
