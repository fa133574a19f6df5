"""What a study means: its variants, each a complete config, and the runs that they need."""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marslab.config import names, override, read, read_preset
from marslab.errors import UserError, unknown
from marslab.lab.ablation import tasks
from marslab.lab.ablation.study import Study
from marslab.lab.ablation.tasks import Outcome, Task, Trial

MOST_RUNS = 10_000
BASELINE = "baseline"
TASK = "task."  # what the name of a task's setting begins with in a grid


@dataclass(frozen=True)
class Variant:
    """One resolved variant; `changes` holds what differs from the baseline."""

    name: str
    changes: dict[str, Any]
    config: Any  # the system's, None for a task without a model
    settings: Any  # the task's


@dataclass(frozen=True)
class Job:
    """One run, as it travels to a worker."""

    id: str
    study: str
    variant: str
    changes: dict[str, Any]
    seed: int
    system: str | None
    config: Any
    settings: Any
    prepare: Callable[[Trial], object]
    run: Callable[[Trial], Outcome]
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """A study that was checked: its task, its variants, the baseline first, and its runs."""

    study: Study
    task: Task
    system: str | None
    variants: list[Variant]
    jobs: list[Job]


def plan(study: Study) -> Plan:
    """Resolve a study against its preset and its task.

    Errors:
        UserError: no such preset, task, setting or metric, a value that a setting refuses, or more
            runs than MOST_RUNS
    """
    try:
        task = tasks.find(study.task)
        _check(study, task)
        base = _Base.of(study, task)
        variants = list(_variants(study, base))
    except UserError as mistake:
        raise UserError(f"study {study.study}: {mistake}") from mistake
    jobs = [_job(study, task, base.system, v, seed) for v in variants for seed in study.seeds]
    return Plan(study, task, base.system, variants, jobs)


def _check(study: Study, task: Task) -> None:
    metrics = [metric.name for metric in task.metrics]
    if study.metric and study.metric not in metrics:
        raise UserError(unknown("metric", study.metric, metrics))
    if study.preset is None and task.needs_preset:
        raise UserError(f"the task {task.name} trains a model: name a preset")
    if study.preset is not None and not task.needs_preset:
        raise UserError(f"the task {task.name} has no model: leave the preset out")
    runs = _count(study) * len(study.seeds)
    if runs > MOST_RUNS:
        raise UserError(
            f"the grid asks for {runs:,} runs, the most is {MOST_RUNS:,}: "
            "take fewer values or seeds, or mode each"
        )


def _count(study: Study) -> int:
    """Variants before those that are the same are joined."""
    sizes = [len(values) for values in study.grid.values()]
    if study.mode == "each":
        return 1 + sum(size - 1 for size in sizes)
    count = 1
    for size in sizes:
        count *= size
    return count


@dataclass(frozen=True)
class _Base:
    """The preset's config and the task's settings before the grid."""

    system: str | None
    config: Any
    settings: Any

    @classmethod
    def of(cls, study: Study, task: Task) -> "_Base":
        training: Mapping[str, Any] = {}
        system, config = None, None
        if study.preset is not None:
            from marslab.systems.registry import system as find_system

            preset = read_preset(study.preset)
            system, training = preset["system"], preset.get("training", {})
            config = read(find_system(system).config, preset.get("config", {}))
        known = names(task.settings)
        given = {name: value for name, value in training.items() if name in known}
        for name in study.settings:
            if name not in known:
                raise UserError(f"budget: {unknown('setting', name, [*known, 'seconds'])}")
        return cls(system, config, read(task.settings, given | study.settings))

    def changed(self, values: Mapping[str, Any]) -> tuple[Any, Any]:
        """The config and the settings after `values` of a grid."""
        mine = {k: v for k, v in values.items() if not k.startswith(TASK)}
        its = {k.removeprefix(TASK): v for k, v in values.items() if k.startswith(TASK)}
        config = override(self.config, mine) if mine else self.config
        return config, override(self.settings, its)

    def known(self) -> list[str]:
        """The names that a grid may hold."""
        mine = [] if self.config is None else names(type(self.config))
        return [*mine, *(TASK + name for name in names(type(self.settings)))]


def _variants(study: Study, base: _Base) -> Iterator[Variant]:
    """The variants, the baseline first; of those that resolve to the same the first."""
    known = base.known()
    for name in study.grid:
        if name not in known:
            raise UserError(f"grid: {unknown('setting', name, known)}")
    first = {name: values[0] for name, values in study.grid.items()}
    seen = set()
    for values in _grid(study):
        changes = {k: v for k, v in values.items() if not _same(v, first[k])}
        name = ", ".join(f"{k}={_told(v)}" for k, v in changes.items()) or BASELINE
        try:
            config, settings = base.changed(values)
        except UserError as mistake:
            raise UserError(f"grid: {name}: {mistake}") from mistake
        mark = _resolved(config, settings)
        if mark not in seen:
            seen.add(mark)
            yield Variant(name, changes, config, settings)


def _grid(study: Study) -> Iterator[dict[str, Any]]:
    first = {name: values[0] for name, values in study.grid.items()}
    if study.mode == "product":
        for values in itertools.product(*study.grid.values()):
            yield dict(zip(study.grid, values, strict=True))
        return
    yield first
    for name, values in study.grid.items():
        for value in values[1:]:
            yield first | {name: value}


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a grid are one: true is not 1."""
    return json.dumps(one) == json.dumps(other)


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _resolved(config: Any, settings: Any) -> str:
    plain = [None if part is None else dataclasses.asdict(part) for part in (config, settings)]
    return json.dumps(plain, sort_keys=True)


def _job(study: Study, task: Task, system: str | None, variant: Variant, seed: int) -> Job:
    what = [system, _resolved(variant.config, variant.settings), task.name, seed]
    return Job(
        id=hashlib.sha256(json.dumps(what).encode()).hexdigest()[:20],
        study=study.study,
        variant=variant.name,
        changes=variant.changes,
        seed=seed,
        system=system,
        config=variant.config,
        settings=variant.settings,
        prepare=task.prepare,
        run=task.run,
        seconds=study.seconds,
    )
