"""Let a trained TARS think, or make a curve up, and keep what the auditor is to judge."""

from typing import NamedTuple

import torch

from marslab.widgets.frame import Say
from marslab.widgets.views.auditor import asking
from marslab.widgets.views.auditor.asking import Batch, Thought
from marslab.widgets.views.auditor.setup import AuditorSetup
from marslab.widgets.views.auditor.stops import Audited, curve

DRAWS = 1000  # curves of one law, the shown one among them, that differ in their noise


class AuditorResult(NamedTuple):
    """All that the view shows.

    `shown` holds the one thought, or those of the batch; `draws` is there for a curve.
    """

    setup: AuditorSetup
    shown: Audited
    thought: Thought | None = None
    draws: Audited | None = None
    batch: Batch | None = None


def run(setup: AuditorSetup, say: Say = lambda line: None) -> AuditorResult:
    """Do what `setup` asks for.

    Errors:
        UserError: the model's file is damaged

    >>> found = run(AuditorSetup(source="curve", p=1.2, noise=0.0, length=8))
    >>> round(float(found.shown.p[0, -1]), 6)
    1.2
    """
    if setup.source == "curve":
        return _curve(setup)
    say(f"Opening {setup.model}")
    if setup.source == "batch":
        batch = asking.batch(setup, say)
        return AuditorResult(setup, Audited(batch.f), batch=batch)
    thought = asking.question(setup, say)
    return AuditorResult(setup, Audited(torch.tensor([thought.events["f"]])), thought=thought)


def _curve(setup: AuditorSetup) -> AuditorResult:
    random = torch.Generator().manual_seed(setup.seed)
    noise = torch.randn(DRAWS, setup.length, generator=random, dtype=torch.float64) * setup.noise
    f = curve(setup.law, setup.p if setup.law == "power" else setup.q, noise)
    return AuditorResult(setup, Audited(f[:1]), draws=Audited(f))
