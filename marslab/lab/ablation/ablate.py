"""`marslab.lab.ablate`: the whole machine as one call."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marslab.errors import UserError
from marslab.lab.ablation.execute import Place, Tell, Work
from marslab.lab.ablation.results import Results
from marslab.lab.ablation.study import SEEDS, Study, find_study, unnamed

TASK = "digits"  # what a preset is tried on when no task is named


def ablate(
    study: str | Study,
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | Sequence[int] | None = None,
    task: str | None = None,
    budget: Mapping[str, Any] | None = None,
    mode: str = "each",
    workers: int | None = None,
    scheduler: str | None = None,
    dask: int | None = None,
    home: str | Path | None = None,
    fresh: bool = False,
    retry: bool = False,
    on_result: Tell | None = None,
) -> Results:
    """Run a study, or a preset with a grid, and return what it found; runs that are there stay.

    `study` is a Study, the path of a YAML file, the name of a shipped study, or, with a grid, the
    name of a preset. In the grid a setting's first value is the baseline's. `seeds` is how many, or
    which; a study has its own, a preset 3. `on_result` gets the record of each run as it ends.
    A script calls this inside `if __name__ == "__main__":`, a notebook anywhere.

    Units:
        workers: processes on this machine, one per core if None
        dask: processes of a Dask cluster made here instead
        scheduler: address of a Dask cluster that is there
        budget: settings of the task; `seconds` is the time for one run

    Errors:
        UserError: no such study, preset, task or setting, a value that one refuses
        MissingExtra: a cluster is asked for and distributed is not installed
    """
    made = resolve(study, grid, seeds=seeds, task=task, budget=budget, mode=mode)
    place = Place(workers, dask, scheduler)
    place.check()
    under = None if home is None else Path(home)
    work = Work(made, home=under, fresh=fresh, retry=retry)
    for note in work.notes:
        print(note, file=sys.stderr)
    work.do(place, on_result or (lambda record: None))
    return work.results()


def resolve(
    study: str | Study,
    grid: Mapping[str, Sequence[Any]] | None = None,
    *,
    seeds: int | Sequence[int] | None = None,
    task: str | None = None,
    budget: Mapping[str, Any] | None = None,
    mode: str = "each",
) -> Study:
    """Return the study that the arguments of `ablate` mean.

    Errors:
        UserError: as in `ablate`

    >>> resolve("digits-scan", {"ssm.gate": [True, False]}, seeds=2).seeds
    (0, 1)
    """
    chosen = None if seeds is None else _seeds(seeds)
    if grid is not None:
        if isinstance(study, Study):
            raise UserError(f"the study {study.study} has a grid: give a preset and a grid, or it")
        return unnamed(
            study,
            grid,
            task=task or TASK,
            budget=budget or {},
            seeds=chosen or list(SEEDS),
            mode=mode,
        )
    if task is not None or mode != "each":
        raise UserError("a study has its task and its mode: give them with a preset and a grid")
    found = study if isinstance(study, Study) else find_study(study)
    changes: dict[str, Any] = {} if chosen is None else {"seeds": chosen}
    if budget:
        changes["budget"] = found.budget | dict(budget)
    return found.replaced(**changes) if changes else found


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    if not isinstance(seeds, int):
        return list(seeds)
    if seeds < 1:
        raise UserError(f"seeds must be at least 1, got {seeds}")
    return list(range(seeds))
