"""Measuring claims in worker processes: one that dies or hangs takes no other with it."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from marslab import workers
from marslab.errors import UserError
from marslab.lab.claims.digest import code_of, terms_of
from marslab.lab.claims.ledger import Run, keep
from marslab.lab.claims.measuring import measured
from marslab.lab.claims.rules import UNTESTABLE
from marslab.lab.claims.schema import Claim, find
from marslab.workers import Worker, WorkerDied, WorkerError

LIMIT = 180.0  # seconds for one claim, the start of its process included; 20 are planned
LOOK = 0.2  # seconds between two looks at workers that say nothing

Settle = Callable[[Claim, Any], None]


class Busy(NamedTuple):
    """What a worker is at, and when it is late."""

    claim: Claim
    until: float


def run_claims(
    ids: Iterable[str],
    on_run: Callable[[Run], None] | None = None,
    *,
    on_wait: Callable[[], object] = bool,
) -> list[Run]:
    """Measure claims, store each run in MARSLAB_HOME, and return them in the order of `ids`.

    Claims that take times are measured one after the other with nothing beside them, the others
    side by side. A run that raises, dies or hangs gives a Run with its error and no verdict.
    `on_run` is called after each; `on_wait` five times a second, and what it raises ends all.

    Errors:
        UserError: no such claim, or one that cannot be tested here
    """
    chosen = [find(id) for id in dict.fromkeys(ids)]
    for claim in chosen:
        if claim.cannot:
            raise UserError(f"{claim.id} cannot be tested here: {claim.cannot}")
    found: dict[str, Run] = {}

    def settle(claim: Claim, result: Any) -> None:
        run = run_of(claim, result)
        keep(run)
        found[claim.id] = run
        if on_run is not None:
            on_run(run)

    _measure([claim for claim in chosen if not claim.timed], workers.cores(), settle, on_wait)
    _measure([claim for claim in chosen if claim.timed], 1, settle, on_wait)
    return [found[claim.id] for claim in chosen]


def run_of(claim: Claim, result: Any) -> Run:
    """Make the Run of what a worker gave for `claim`: an outcome, or the error in its place."""
    now = datetime.now(UTC)
    ran = now.isoformat(timespec="seconds")
    id = f"{claim.id}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    known: dict[str, Any] = {"id": id, "claim": claim.id, "terms": terms_of(claim), "ran": ran}
    known["date"] = ran
    if isinstance(result, Exception):
        from marslab.lab.claims.measuring import this_machine

        error = " ".join(str(result).split()) or type(result).__name__
        here = {"machine": this_machine(), "seconds": 0.0, "code": code_of(claim)}
        return Run(**known, **here, error=error.removeprefix("item 0: "))
    known |= {key: result[key] for key in ("machine", "seconds", "code")}
    if "cannot" in result:
        return Run(**known, verdict=UNTESTABLE, says=result["cannot"])
    known["date"] = result["date"] or ran
    return Run(**known, **{key: result[key] for key in ("verdict", "says", "figures")})


class Crew:
    """Worker processes: one that rests is taken before a new one is started."""

    def __init__(self) -> None:
        self.busy: dict[Worker, Busy] = {}
        self.resting: list[Worker] = []

    def start(self, claim: Claim) -> None:
        worker = self.resting.pop() if self.resting else Worker(measured)
        self.busy[worker] = Busy(claim, time.monotonic() + LIMIT)
        worker.give(claim.id)

    def settled(self) -> Iterator[tuple[Claim, Any]]:
        """Each claim that is done now with its outcome, or with the error that stands for it."""
        for worker in workers.ready(self.busy, LOOK):
            claim = self.busy.pop(worker).claim
            try:
                result = worker.take()
            except WorkerDied as error:
                worker.stop()
                yield claim, error
                continue
            except WorkerError as error:
                result = error
            self.resting.append(worker)
            yield claim, result
        for worker in [w for w, at in self.busy.items() if time.monotonic() > at.until]:
            claim = self.busy.pop(worker).claim
            worker.stop()
            yield claim, TimeoutError(f"it took longer than {LIMIT:g} s and was stopped")

    def stop(self) -> None:
        for worker in (*self.busy, *self.resting):
            worker.stop()


def _measure(claims: list[Claim], most: int, settle: Settle, on_wait: Callable[[], object]) -> None:
    waiting, crew = deque(claims), Crew()
    try:
        while waiting or crew.busy:
            while waiting and len(crew.busy) < most:
                crew.start(waiting.popleft())
            on_wait()
            for claim, result in crew.settled():
                settle(claim, result)
    finally:
        crew.stop()
