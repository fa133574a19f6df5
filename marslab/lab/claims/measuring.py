"""One claim measured here and now: what runs in the worker process."""

import json
import time
from dataclasses import asdict
from importlib import import_module
from typing import Any

from marslab import workers
from marslab.lab.claims.digest import code_of
from marslab.lab.claims.outcome import CannotTest, Outcome
from marslab.lab.claims.rules import finite, judge
from marslab.lab.claims.schema import Claim, find


def measured(id: str) -> dict[str, Any]:
    """Run one claim; return its outcome with the verdict, the seconds, the machine, the code.

    Errors:
        ValueError: the figures are not those that the claim lists, or one is not finite
    """
    claim = find(id)
    module, _, name = claim.run.partition(":")
    run = getattr(import_module(module), name)
    code = code_of(claim)  # before the run: the files may change while it lasts
    began = time.perf_counter()
    try:
        outcome = run()
    except CannotTest as reason:
        return {"cannot": str(reason), "machine": this_machine(), "code": code,
                "seconds": round(time.perf_counter() - began, 3)}  # fmt: skip
    found = {
        **asdict(outcome),
        "verdict": judged(claim, outcome),
        "seconds": round(time.perf_counter() - began, 3),
        "machine": outcome.machine or this_machine(),
        "code": outcome.code or code,
    }
    return json.loads(json.dumps(found))


def judged(claim: Claim, outcome: Outcome) -> str:
    """Return the verdict of the claim's rule on an outcome.

    Errors:
        ValueError: the figures are not those that the claim lists, or one is not finite
    """
    listed = {name for name, _ in claim.figures}
    if odd := sorted(listed.symmetric_difference(outcome.figures)):
        raise ValueError(f"the run and data/claims.yaml differ in the figures {', '.join(odd)}")
    for name, value in outcome.figures.items():
        if not finite(value):
            raise ValueError(f"the figure {name} is {value}: a ledger holds finite figures only")
    return judge(claim.rule, outcome.figures)


def this_machine() -> str:
    """The processor, how many of its cores may be used, and the threads that a run has."""
    import torch

    from marslab.lab.bench.conditions import processor

    count, threads = workers.cores(), torch.get_num_threads()
    told = f"{count} core{'s' * (count > 1)}, {threads} thread{'s' * (threads > 1)}"
    return f"{processor()}, {told}"
