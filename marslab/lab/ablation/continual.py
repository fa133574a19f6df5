"""`continual`: methods on scenarios over seeds, by the runner of ablations, as tidy tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.results import Results
from marslab.lab.ablation.statistics import interval
from marslab.lab.ablation.store import RunRecord
from marslab.lab.ablation.study import Study, unnamed

if TYPE_CHECKING:
    from pandas import DataFrame

TASK = "continual"
SEEDS = 5
INTERVALS = ("average", "bwt", "fwt", "forgetting")
PLAIN = ("memory", "growth", "needs_task_id", "weights")


@dataclass(frozen=True)
class ContinualResults:
    """What a study of the task "continual" found."""

    results: Results

    def frame(self) -> "DataFrame":
        """Return one row for each run: scenario, method, seed, all figures, seconds."""
        from pandas import DataFrame

        rows = [self._said(run) | run.metrics | {"seconds": run.seconds} for run in self._done()]
        return DataFrame(rows)

    def table(self) -> "DataFrame":
        """Return one row for each scenario and method.

        `low` and `high` are the 95 % bootstrap interval of a mean over the seeds.
        """
        from pandas import DataFrame

        rows = []
        for said, runs in self._groups():
            row = dict(said) | {"runs": len(runs)}
            for name in INTERVALS:
                found = interval([_figure(run, name) for run in runs])
                row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
            row |= {name: _figure(runs[0], name) for name in PLAIN}
            rows.append(row | {"seconds": interval([run.seconds for run in runs]).mean})
        return DataFrame(rows)

    def matrix(self, scenario: str, method: str) -> "DataFrame":
        """Return R, the mean over the seeds: row i is after task i, column j is task j, from 1.

        Errors:
            UserError: no run of that scenario and method
        """
        from pandas import DataFrame

        wanted = {"scenario": scenario, "method": method}
        runs = [
            r for said, group in self._groups() if wanted.items() <= said.items() for r in group
        ]
        if not runs:
            raise UserError(f"there is no run of {method} on {scenario}: add both to the study")
        tasks = range(1, 1 + sum(name.startswith("b[") for name in runs[0].metrics))
        cells = {
            j: [sum(_figure(r, f"R[{i},{j}]") for r in runs) / len(runs) for i in tasks]
            for j in tasks
        }
        return DataFrame(cells, index=list(tasks))

    def _done(self) -> list[RunRecord]:
        return [run for run in self.results.runs if run.status == "done"]

    def _groups(self) -> list[tuple[dict[str, Any], list[RunRecord]]]:
        found: dict[str, tuple[dict[str, Any], list[RunRecord]]] = {}
        for run in self._done():
            found.setdefault(run.variant, (self._said(run, seed=False), []))[1].append(run)
        return list(found.values())

    def _said(self, run: RunRecord, *, seed: bool = True) -> dict[str, Any]:
        """What budget and grid chose for a run, by the names of the task's settings."""
        study = self.results.study
        first = {name: values[0] for name, values in study.grid.items()}
        said = study.settings
        said |= {k.removeprefix("task."): v for k, v in (first | run.changes).items()}
        return said | ({"seed": run.seed} if seed else {})


def continual(
    scenario: str | Sequence[str],
    method: str | Sequence[str],
    *,
    seeds: int | Sequence[int] = SEEDS,
    budget: Mapping[str, Any] | None = None,
    workers: int | None = None,
    home: str | Path | None = None,
    fresh: bool = False,
) -> ContinualResults:
    """Run each method on each scenario with each seed, and return what it found.

    Runs that are there already stay, so a call that was stopped goes on. A script calls this inside
    `if __name__ == "__main__":`, a notebook anywhere.

    Units:
        seeds: how many, or which
        budget: settings of the task "continual", as {"epochs": 5}
        workers: processes, one per core if None

    Errors:
        UserError: no such scenario, method or setting
    """
    study = continual_study(scenario, method, seeds=seeds, budget=budget)
    return ContinualResults(ablate(study, workers=workers, home=home, fresh=fresh))


def continual_study(
    scenario: str | Sequence[str],
    method: str | Sequence[str],
    *,
    seeds: int | Sequence[int] = SEEDS,
    budget: Mapping[str, Any] | None = None,
) -> Study:
    """Return the study that the arguments of `continual` mean.

    >>> continual_study("split-digits-task", ["naive", "ewc"]).grid
    {'task.scenario': ['split-digits-task'], 'task.method': ['naive', 'ewc']}
    """
    grid = {"task.scenario": _list(scenario), "task.method": _list(method)}
    chosen = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    return unnamed(None, grid, task=TASK, budget=budget or {}, seeds=chosen, mode="product")


def _list(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _figure(run: RunRecord, name: str) -> float:
    value = run.metrics.get(name)
    return float("nan") if value is None else value
