"""From a study to its results: which runs are missing, where they run, what is kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from marslab.errors import UserError
from marslab.lab.ablation.fingerprint import code
from marslab.lab.ablation.plan import Job, Plan, plan
from marslab.lab.ablation.results import Results, described
from marslab.lab.ablation.store import RunRecord, Store, codes, read_run
from marslab.lab.ablation.study import Study
from marslab.workers import cores

Tell = Callable[[RunRecord], None]


@dataclass(frozen=True)
class Place:
    """Where runs are done: on cores of this machine, or on a Dask cluster.

    Units:
        workers: processes here, one per core if None
        dask: processes of a cluster made here
        scheduler: address of a cluster that is there
    """

    workers: int | None = None
    dask: int | None = None
    scheduler: str | None = None

    def check(self) -> None:
        """Raise UserError unless at most one of the three is given, and makes sense."""
        given = [name for name in ("workers", "dask", "scheduler") if getattr(self, name)]
        if len(given) > 1:
            raise UserError(f"runs have one place: give {' or '.join(given)}, not all of them")
        for name in ("workers", "dask"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise UserError(f"{name} must be at least 1, got {number}")


class Work:
    """A study that was checked, its folder, and the runs that it still needs.

    `notes` holds a sentence for whatever its user should know before the runs begin.
    """

    def __init__(
        self, study: Study, *, home: Path | None = None, fresh: bool = False, retry: bool = False
    ) -> None:
        self.plan: Plan = plan(study)
        self.store = Store.named(study.study, home)
        self.notes: list[str] = []
        if fresh and (aside := self.store.set_aside()) is not None:
            self.notes.append(f"the runs there were are now in {aside}")
        self.store.write_study(described(self.plan))
        found, problems = self.store.read()
        self.notes += problems
        self.ended = [found[job.id] for job in self.plan.jobs if job.id in found]
        again = {r.id for r in self.ended if retry and r.status == "failed"}
        self.ended = [record for record in self.ended if record.id not in again]
        kept = {record.id for record in self.ended}
        self.missing = [job for job in self.plan.jobs if job.id not in kept]
        self.notes += _other_code(self.ended)
        self._again = again

    def do(self, place: Place, tell: Tell) -> None:
        """Do the missing runs; each is kept as it ends, and `tell` gets it."""
        place.check()

        def keep(record: RunRecord) -> None:
            tell(self.store.write(record))

        jobs = self._still_missing(tell)
        if place.dask or place.scheduler:
            from marslab.lab.ablation.cluster import run_on_dask

            processes, address = place.dask or 1, place.scheduler
            run_on_dask(jobs, processes=processes, address=address, tell=keep)
        elif self.missing:
            from marslab.lab.ablation.pool import run_here

            # What is timed shares the machine with nothing.
            most = 1 if self.plan.task.timed else place.workers or cores()
            run_here(jobs, min(most, len(self.missing)), keep)

    def results(self) -> Results:
        """Return what the study has so far."""
        return Results.load(self.store.folder)

    def _still_missing(self, tell: Tell) -> Iterator[Job]:
        """The missing runs, without those that another process did in the meantime."""
        for job in self.missing:
            file = self.store.path(job.id)
            if job.id in self._again or not file.exists():
                yield job
                continue
            try:
                tell(read_run(file))
            except UserError:  # damaged: the result takes its place
                yield job


def _other_code(records: list[RunRecord]) -> list[str]:
    """The sentence about runs that another state of marslab made, when there are some."""
    others = [record for record in records if record.code not in ("", code())]
    if not others:
        return []
    return [
        f"{len(others)} of the {len(records)} runs that are kept were made by other code "
        f"({', '.join(sorted(codes(others)))}, now {code()}): --fresh runs them again"
    ]
