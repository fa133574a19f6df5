"""Measure the table of lengths here, in processes of one thread, one after the other."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from marslab import workers
from marslab.lab.bench.conditions import surroundings
from marslab.lab.lengths import layers, rival
from marslab.lab.lengths.plan import LengthsPlan, code
from marslab.lab.lengths.table import LengthsTable, assembled

PACKAGES = ("marslab", "torch", "numpy", "numba")
METHOD = (
    "random weights, float32, in processes of one thread one after the other; wall clock, all "
    "kinds by turns in each round, a first call of each not counted unless it is so slow that it "
    "is the only one; one more step: an untimed step of the same model before each timed one; "
    "peak memory: the process's high-water mark in the first call less what it held before; kept "
    "memory: storages that autograd holds, weights left out"
)


class Job(NamedTuple):
    """A part of the table, as it travels to a worker."""

    part: str
    plan: LengthsPlan
    kind: str = ""
    seed: int = 0


def lengths_table(
    plan: LengthsPlan, on_part: Callable[[int, int], None] | None = None
) -> LengthsTable:
    """Measure everything that the plan names; `on_part` hears of each part, n of m.

    Each part has a process of its own with one thread, and nothing of ours runs beside it.
    """
    lessons = [Job("lesson", plan, kind, seed) for seed in plan.seeds for kind in plan.learners]
    jobs = [Job("layers", plan), Job("reads", plan), Job("steps", plan), *lessons]
    conditions = _conditions(plan)
    found: dict[str, list[Any]] = {"layers": [], "reads": [], "steps": [], "lesson": []}
    for done, job in enumerate(jobs, start=1):
        found[job.part] += workers.run(_measured, [job], workers=1)[0]
        if on_part is not None:
            on_part(done, len(jobs))
    readings = found["layers"] + found["reads"]
    return assembled(conditions, readings, found["steps"], found["lesson"])


def _measured(job: Job) -> list[dict[str, Any]]:
    if job.part == "lesson":
        return [rival.lesson(job.plan, job.kind, job.seed)]
    parts = {"layers": layers.readings, "reads": rival.readings, "steps": rival.steppings}
    return parts[job.part](job.plan)


def _conditions(plan: LengthsPlan) -> dict[str, Any]:
    return {
        **surroundings(PACKAGES),
        "threads": 1,
        "method": METHOD,
        "code": code(),
        "parameters": {kind: rival.parameters(stack) for kind, stack in plan.models.items()},
        "parameters_learning": {k: rival.parameters(s) for k, s in plan.learners.items()},
        "plan": asdict(plan),
    }
