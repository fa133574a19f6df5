"""What a run of a study does: one module for each task, found by name.

A task says which settings it has, which metrics it measures and whether more of each is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError, unknown
from marslab.lab.ablation.metrics import Metric

if TYPE_CHECKING:
    from torch import nn

# Where each task stands; imported when it is asked for.
MODULES = {
    "continual": "marslab.lab.ablation.tasks.continual",
    "digits": "marslab.lab.ablation.tasks.digits",
    "hdc": "marslab.lab.ablation.tasks.hdc",
    "problems": "marslab.lab.ablation.tasks.problems",
    "scan": "marslab.lab.ablation.tasks.scan",
}


@dataclass(frozen=True)
class Trial:
    """What a run is given: the untrained model, None for a task without one, and its settings."""

    model: "nn.Module | None"
    settings: Any
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a run found: a figure for each metric, and the main metric over the epochs."""

    metrics: dict[str, float]
    curve: Sequence[tuple[float, float]] = ()


def _nothing(trial: Trial) -> None:
    """What a task without preparations prepares."""


@dataclass(frozen=True)
class Task:
    """A kind of run. `run` and `settings` stand in a module: they travel to workers by name.

    The first metric is the main one. A `timed` task measures time, so its runs do not share the
    machine: they go one after the other. `prepare` loads and compiles what a first run would wait
    for: its time does not count, its model is thrown away.
    """

    name: str
    title: str
    settings: type
    metrics: tuple[Metric, ...]
    run: Callable[[Trial], Outcome]
    prepare: Callable[[Trial], object] = _nothing
    needs_preset: bool = True
    timed: bool = False


_registered: dict[str, Task] = {}


def register(task: Task) -> Task:
    """Make a task of your own known by its name."""
    _registered[task.name] = task
    return task


def names() -> list[str]:
    """Return the names of all tasks.

    >>> "digits" in names()
    True
    """
    return sorted({*MODULES, *_registered})


def find(name: str) -> Task:
    """Return the task `name`.

    Errors:
        UserError: no such task

    >>> find("digits").metrics[0].name
    'held_out'
    """
    if name in _registered:
        return _registered[name]
    if name not in MODULES:
        raise UserError(unknown("task", name, names()))
    return import_module(MODULES[name]).TASK
