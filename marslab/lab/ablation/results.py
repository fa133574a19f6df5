"""What a study found: its runs as a tidy table, and a summary of each variant."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError, unknown
from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.shipping import measured, read_shipped, ship
from marslab.lab.ablation.statistics import Interval, difference, interval
from marslab.lab.ablation.store import RunRecord, Store, studies
from marslab.lab.ablation.study import Study, from_values
from marslab.lab.ablation.verdict import verdict

if TYPE_CHECKING:
    from pandas import DataFrame

    from marslab.lab.ablation.plan import Plan


@dataclass(frozen=True)
class VariantRow:
    """A variant: its name, what differs from the baseline, and the id of its run for each seed."""

    name: str
    changes: dict[str, Any]
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """A study and the runs that it has so far, in the order of its variants and seeds.

    `metrics` holds the main metric of the study first. `problems` has one sentence for each file
    among the runs that could not be read.
    """

    folder: Path
    study: Study
    metrics: tuple[Metric, ...]
    curve: Metric  # what the curves of the runs show
    variants: tuple[VariantRow, ...]
    runs: list[RunRecord]
    problems: list[str]

    @classmethod
    def load(cls, study: str | Path, home: Path | None = None) -> "Results":
        """Return the results of a study, by its name or by its folder.

        Where there are no runs of your own, those that come with marslab.

        Errors:
            UserError: there is no such study, or its file is damaged
        """
        folder = Path(study)
        if not (folder / "study.json").is_file():
            own = studies(home)
            if str(study) not in own and str(study) in measured():
                return cls.shipped(str(study))
            if str(study) not in own:
                known = sorted({*own, *measured()})
                raise UserError(unknown("study with results", str(study), known))
            folder = Store.named(str(study), home).folder
        store = Store(folder)
        values = store.read_study()
        return _made(values, *store.read(), file=folder / "study.json")

    @classmethod
    def shipped(cls, study: str) -> "Results":
        """Return the results of a study that come with marslab.

        Errors:
            UserError: there are none, or their file is damaged
        """
        found = read_shipped(study)
        return _made(found.values, found.runs, [], file=found.file)

    def ship(self, folder: Path | None = None) -> Path:
        """Write these results into data/studies of the checkout; return the file.

        Errors:
            UserError: this marslab is installed without a checkout, or a run failed or is missing
        """
        return ship(Store(self.folder).read_study(), self.runs, folder)

    @property
    def metric(self) -> Metric:
        """The main metric of the study."""
        return self.metrics[0]

    @property
    def ids(self) -> list[str]:
        """The ids of all runs of the study, done or not."""
        return [run for variant in self.variants for run in variant.runs]

    @property
    def failed(self) -> list[RunRecord]:
        """The runs that failed."""
        return [run for run in self.runs if run.status == "failed"]

    @property
    def complete(self) -> bool:
        """Whether every run has ended, well or not."""
        return len(self.runs) == len(self.ids)

    def frame(self) -> "DataFrame":
        """Return one row for each run: what was changed, how it ended, what it measured."""
        from pandas import DataFrame

        changed = {name: values[0] for name, values in self.study.grid.items()}
        names = [metric.name for metric in self.metrics]
        rows = [
            {"study": run.study, "variant": run.variant}
            | {name: _cell(value) for name, value in (changed | run.changes).items()}
            | {"seed": run.seed, "status": run.status}
            | {name: run.metrics.get(name) for name in names}
            | {"seconds": run.seconds, "parameters": run.parameters}
            for run in self.runs
        ]
        columns = ["study", "variant", *changed, "seed", "status", *names, "seconds", "parameters"]
        return DataFrame(rows, columns=columns).astype(dict.fromkeys(names, float))

    def summary(self, metric: str | None = None) -> "DataFrame":
        """Return one row for each variant: the mean over its seeds with a 95 % bootstrap interval,
        and the difference to the baseline with Student's, seed by seed.

        `runs` counts the seeds with a figure, `pairs` those that the baseline has too.

        Errors:
            UserError: no such metric
        """
        from pandas import DataFrame

        chosen = self.find_metric(metric)
        baseline = self._figures(self.variants[0], chosen)
        rows = [self._row(variant, chosen, baseline) for variant in self.variants]
        return DataFrame(rows)

    def find_metric(self, name: str | None = None) -> Metric:
        """Return the metric of that name, the main one by default.

        Errors:
            UserError: no such metric
        """
        known = {metric.name: metric for metric in self.metrics}
        if name is not None and name not in known:
            raise UserError(unknown("metric", name, known))
        return self.metric if name is None else known[name]

    def _of(self, variant: VariantRow) -> list[RunRecord]:
        mine = set(variant.runs)
        return [run for run in self.runs if run.id in mine]

    def _figures(self, variant: VariantRow, metric: Metric) -> dict[int, float]:
        found = {run.seed: run.metrics.get(metric.name) for run in self._of(variant)}
        return {seed: value for seed, value in found.items() if value is not None}

    def _row(
        self, variant: VariantRow, metric: Metric, baseline: Mapping[int, float]
    ) -> dict[str, Any]:
        runs, figures = self._of(variant), self._figures(variant, metric)
        done = [run for run in runs if run.status == "done"]
        mean = interval(list(figures.values()))
        first = variant is self.variants[0]
        apart = interval([]) if first else difference(figures, baseline)
        return {
            "variant": variant.name,
            "runs": mean.n,
            "failed": len(runs) - len(done),
            "mean": mean.mean,
            "low": mean.low,
            "high": mean.high,
            "difference": apart.mean,
            "difference_low": apart.low,
            "difference_high": apart.high,
            "seconds": interval([run.seconds for run in done]).mean,
            "parameters": max((run.parameters for run in done), default=0),
            "pairs": apart.n,
            "verdict": _verdict(runs, mean, None if first else apart, metric),
        }


def _verdict(runs: list[RunRecord], mean: Interval, apart: Interval | None, metric: Metric) -> str:
    """What a variant shows, in words; `apart` is None for the baseline."""
    if not runs:
        return "not run yet"
    if all(run.status == "failed" for run in runs):
        return f"failed: {runs[0].error}"
    if mean.n == 0:
        return "no finite figure"
    return "the baseline" if apart is None else verdict(apart, metric)


def described(plan: "Plan") -> dict[str, Any]:
    """Return what study.json says of a plan, enough to read the results without its code."""
    chosen = plan.study.metric or plan.task.metrics[0].name
    ordered = sorted(plan.task.metrics, key=lambda metric: metric.name != chosen)
    seeds = len(plan.study.seeds)
    ids = [job.id for job in plan.jobs]
    return {
        "study": plan.study.to_dict(),
        "curve": plan.task.metrics[0].name,
        "metrics": [asdict(metric) for metric in ordered],
        "variants": [
            {"name": v.name, "changes": v.changes, "runs": ids[at * seeds : (at + 1) * seeds]}
            for at, v in enumerate(plan.variants)
        ],
    }


def _made(
    values: dict[str, Any], found: dict[str, RunRecord], problems: list[str], *, file: Path
) -> Results:
    """The results that `values`, read from `file`, and the runs by id stand for."""
    try:
        metrics = tuple(Metric(**metric) for metric in values["metrics"])
        variants = tuple(
            VariantRow(each["name"], each["changes"], tuple(each["runs"]))
            for each in values["variants"]
        )
        study = from_values(values["study"], str(file))
        curve = next(metric for metric in metrics if metric.name == values["curve"])
    except (AttributeError, KeyError, TypeError, StopIteration) as problem:
        raise UserError(f"{file} is damaged ({problem!r}): run the study again") from problem
    # A run keeps its id when the study gets another baseline, and takes the name it has now.
    runs = [
        replace(found[run], study=study.study, variant=each.name, changes=each.changes)
        for each in variants
        for run in each.runs
        if run in found
    ]
    return Results(file.parent, study, metrics, curve, variants, runs, problems)


def _cell(value: Any) -> Any:
    """A value of a setting as a cell of a table: what is a list is text there."""
    return value if isinstance(value, bool | int | float | str | None) else json.dumps(value)
