"""Measuring claims in worker processes: one that dies or hangs takes no other with it."""

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from marslab import workers
from marslab.crew import Crew, Order
from marslab.errors import UserError
from marslab.lab.claims.digest import code_of, terms_of
from marslab.lab.claims.ledger import Run, keep
from marslab.lab.claims.measuring import measured
from marslab.lab.claims.rules import UNTESTABLE
from marslab.lab.claims.schema import Claim, find

LIMIT = 180.0  # seconds for one claim, the start of its process included; 20 are planned

Settle = Callable[[Claim, Any], None]


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


def _measure(claims: list[Claim], most: int, settle: Settle, on_wait: Callable[[], object]) -> None:
    crew = Crew(measured)
    orders = [Order(claim, claim.id, LIMIT) for claim in claims]
    try:
        for ended in crew.work(orders, most, on_wait):
            settle(ended.key, ended.result if ended.error is None else ended.error)
    finally:
        crew.rest()
