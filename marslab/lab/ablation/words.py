"""A study told in sentences, for a reader who looks at no code."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.results import Results
from marslab.lab.ablation.store import RunRecord, codes

FEW = 5  # seeds, below which the interval of a difference is wide
UNCLEAR = "without a clear difference"
GROUPS = ("clearly better", "clearly worse", UNCLEAR, "failed", "not run yet")
MANY = 5  # comparisons, from which one of them may look clear by chance


def change(changes: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]) -> str:
    """Say what a variant does otherwise than the baseline, whose values are first in `grid`.

    >>> change({"ssm.enabled": False}, {"ssm.enabled": [True, False]})
    'Without ssm'
    >>> change({"ssm.d_state": 1, "ssm.gate": True}, {"ssm.d_state": [8, 1]})
    'With ssm.d_state 1 instead of 8 and with ssm.gate'
    """
    told = " and ".join(_part(name, value, grid) for name, value in changes.items())
    return told[:1].upper() + told[1:]


def _part(name: str, value: Any, grid: Mapping[str, Sequence[Any]]) -> str:
    if isinstance(value, bool):
        return f"{'with' if value else 'without'} {name.removesuffix('.enabled')}"
    before = f" instead of {grid[name][0]}" if grid.get(name) else ""
    return f"with {name} {value}{before}"


def sentence(row: Mapping[str, Any], metric: Metric, what: str) -> str:
    """Say in words what a row of `Results.summary` holds; `what` comes from `change`.

    >>> held_out = Metric("held_out", "held-out accuracy", True, "share")
    >>> row = {"variant": "ssm.enabled=false", "runs": 3, "mean": 0.712, "pairs": 3,
    ...        "difference_low": -0.251, "difference_high": -0.226,
    ...        "verdict": "worse by 23.9 points"}
    >>> sentence(row, held_out, "Without ssm")
    'Without ssm the held-out accuracy is 71.2 %: worse by 23.9 points. 3 seeds, 95 % interval of \
the difference −25.1 to −22.6 points.'
    """
    if missing(row["mean"]):
        return f"{what or 'The baseline'}: {row['verdict']}."
    mean, seeds = metric.told(row["mean"]), counted(row["runs"], "seed")
    if not what:
        return f"The baseline's {metric.title} is {mean}. {seeds}."
    said = f"{what} the {metric.title} is {mean}: {row['verdict']}."
    if missing(row["difference_low"]):
        return said
    span = between(row["difference_low"], row["difference_high"], metric)
    return f"{said} {counted(row['pairs'], 'seed')}, 95 % interval of the difference {span}."


def between(low: float, high: float, metric: Metric) -> str:
    """Write the interval of a difference, with its signs and its unit.

    >>> between(-0.02, 0.01, Metric("held_out", "held-out accuracy", True, "share"))
    '−2.0 to +1.0 points'
    """
    if missing(low):
        return "-"
    (first, _, _), (second, _, unit) = (signed(x, metric).partition(" ") for x in (low, high))
    return f"{first} to {second} {unit}".rstrip()


def signed(difference: float, metric: Metric) -> str:
    """Write a difference with its sign and its unit, a dash where there is none.

    >>> signed(-2.5, Metric("ms", "time", False, "ms"))
    '−2.5 ms'
    >>> signed(-0.0001, Metric("held_out", "held-out accuracy", True, "share"))
    '0.0 points'
    """
    if missing(difference):
        return "-"
    told = metric.apart(difference)
    zero = not any(digit in "123456789" for digit in told)  # as it is written, after rounding
    return told if zero else ("−" if difference < 0 else "+") + told


def counted(n: float, what: str) -> str:
    """Write a number of things.

    >>> counted(1, "seed"), counted(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{n:,.0f} {what}{'s' * (n != 1)}"


def answers(results: Results, metric: Metric) -> list[tuple[str, str]]:
    """Return (variant, sentence): the baseline, then the others by the size of their effect."""
    rows: Any = results.summary(metric.name).to_dict("records")
    changes = {variant.name: variant.changes for variant in results.variants}
    baseline, *others = rows
    others.sort(key=lambda row: -1 if missing(row["difference"]) else abs(row["difference"]))
    grid = results.study.grid
    return [
        (row["variant"], sentence(row, metric, change(changes[row["variant"]], grid)))
        for row in (baseline, *reversed(others))
    ]


def outcome(results: Results, metric: Metric) -> str:
    """Return the whole study in one sentence: how many changes made a difference."""
    verdicts = results.summary(metric.name)["verdict"].tolist()[1:]
    found = Counter(_group(verdict) for verdict in verdicts)
    told = [f"{found[group]} {group}" for group in GROUPS if found[group]]
    return f"{counted(len(verdicts), 'change')} to the baseline: {', '.join(told)}."


def _group(verdict: str) -> str:
    """Which of GROUPS a verdict belongs to."""
    if kind(verdict):
        return f"clearly {kind(verdict)}"
    return next((group for group in GROUPS if verdict.startswith(group)), UNCLEAR)


def kind(verdict: str) -> str:
    """Return "better", "worse" or "baseline" as a verdict says it; "" where it says none.

    >>> kind("worse by 4.1 points"), kind("no difference seen (interval holds 0)")
    ('worse', '')
    """
    first = verdict.removeprefix("the ").partition(" ")[0]
    return first if first in ("better", "worse", "baseline") else ""


def failure(run: RunRecord) -> str:
    """Say which run failed, and why."""
    return f"{run.variant}, seed {run.seed}: {run.error}"


def shortfall(results: Results) -> list[str]:
    """Say what the figures do not rest on: runs that failed, are missing or cannot be read."""
    told, missing = [], len(results.ids) - len(results.runs)
    if results.failed:
        of = counted(len(results.ids), "run")
        told.append(f"{len(results.failed)} of {of} failed; the figures rest on the others.")
    if missing:
        of = counted(len(results.ids), "run")
        told.append(f"{missing} of {of} have not been made yet: the same command goes on.")
    return told + results.problems


def cautions(results: Results) -> list[str]:
    """Say what could be wrong with a conclusion from this study."""
    study, told = results.study, []
    if len(study.seeds) == 1:
        told.append("One seed has no interval: chance alone may make such a difference.")
    elif len(study.seeds) < FEW:
        told.append(
            f"{counted(len(study.seeds), 'seed')} see large effects only: the interval of a "
            "difference is wide. More seeds tell more."
        )
    if len(results.variants) > MANY:
        told.append(
            f"{len(results.variants) - 1} variants are compared: by chance alone about one in "
            "twenty leaves 0 out of its interval."
        )
    if study.budget:
        told.append(
            f"Every variant had the same budget ({listed(study.budget)}): one that learns more "
            "slowly may catch up with a larger one."
        )
    if study.mode == "each" and len(study.grid) > 1:
        told.append("One thing was changed at a time: together, changes may act otherwise.")
    if len(codes(results.runs)) > 1:
        told.append("The runs were made by different versions of the code: make them anew.")
    return told


def conditions(results: Results) -> dict[str, str]:
    """Return under which conditions the figures were found, each with its name."""
    study, runs = results.study, results.runs
    dates = sorted({f"{run.date[:16].replace('T', ' ')} UTC" for run in runs if run.date})
    machine = runs[0].machine if runs else {}
    told = {
        "study": study.study,
        "preset": study.preset or "none",
        "task": study.task,
        "seeds": ", ".join(map(str, study.seeds)),
        "budget": listed(study.budget) or "as in the preset",
        "runs": f"{len(runs)} of {len(results.ids)}, {len(results.failed)} failed",
        "time of all runs": f"{sum(run.seconds for run in runs):.1f} s",
        "date": " to ".join(dates[:1] + dates[1:][-1:]),
        "code": ", ".join(sorted(codes(runs))),
    }
    return {k: v for k, v in (told | {k: str(v) for k, v in machine.items()}).items() if v}


def listed(values: Mapping[str, Any]) -> str:
    """Write settings in one line.

    >>> listed({"epochs": 6, "lr": 0.01})
    'epochs 6, lr 0.01'
    """
    return ", ".join(f"{name} {value}" for name, value in values.items())


def missing(value: Any) -> bool:
    """Whether there is no figure.

    >>> missing(float("nan")), missing(0.0)
    (True, False)
    """
    return value is None or value != value
