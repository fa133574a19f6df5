"""One run, in a worker: seed, build, train, measure; whatever goes wrong becomes its record."""

import time
import traceback
from datetime import UTC, datetime
from typing import Any

from marslab.lab.ablation.fingerprint import code, machine
from marslab.lab.ablation.limits import OutOfTime, time_limit
from marslab.lab.ablation.plan import Job
from marslab.lab.ablation.store import RunRecord, finite
from marslab.lab.ablation.tasks import Trial


def run(job: Job) -> RunRecord:
    """Return the record of a run; it raises nothing, not even what a task does to end the process.

    Same seed, same machine, same figures: they do not depend on what ran before in the process.
    """
    began = time.perf_counter()
    found: dict[str, Any] = {}
    try:
        job.prepare(_trial(job))
        began = time.perf_counter()
        with time_limit(job.seconds):
            found = {"status": "done"} | _found(job)
    except OutOfTime:
        found = _failed(f"it took longer than budget.seconds = {job.seconds:g} s")
    except BaseException as error:
        told = " ".join(str(error).split())
        found = _failed(f"{type(error).__name__}: {told}" if told else type(error).__name__)
    return record(job, seconds=time.perf_counter() - began, code=code(), **found)


def record(job: Job, **found: Any) -> RunRecord:
    """Return the record of a job with what was found."""
    return RunRecord(
        id=job.id,
        study=job.study,
        variant=job.variant,
        changes=job.changes,
        seed=job.seed,
        machine=machine(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        **found,
    )


def _trial(job: Job) -> Trial:
    """A model of the job, drawn from its seed."""
    from marslab.seeding import seed_everything
    from marslab.systems.registry import system

    seed_everything(job.seed)
    model = None if job.system is None else system(job.system).make(job.config)
    return Trial(model, job.settings, job.seed)


def _found(job: Job) -> dict[str, Any]:
    trial = _trial(job)
    outcome = job.run(trial)
    return {
        "metrics": {name: finite(value) for name, value in outcome.metrics.items()},
        "curve": [[finite(x), finite(y)] for x, y in outcome.curve],
        "parameters": 0
        if trial.model is None
        else sum(p.numel() for p in trial.model.parameters()),
    }


def _failed(error: str) -> dict[str, Any]:
    return {"status": "failed", "error": error, "trace": traceback.format_exc()}
