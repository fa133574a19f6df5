"""The IDME view: blocks of the pool compete for the next step of a thought, round by round."""

from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import pandas as pd
import param
import plotly.graph_objects as go

from marslab.widgets import figures
from marslab.widgets.frame import HEIGHT, CardView, Job
from marslab.widgets.views.idme import answers, controls
from marslab.widgets.views.idme import setup as limits
from marslab.widgets.views.idme.run import IdmeRun, run
from marslab.widgets.views.idme.setup import IdmeSetup

TABLES = {
    "candidates": answers.rounds,
    "pool": answers.pool,
    "efficiencies": answers.efficiencies,
    "mask": answers.barred,
    "hankel": answers.hankel,
    "path": answers.path,
}


class IdmeView(CardView):
    """Ask a question: a trained TARS thinks, and its matrix pool goes on, round by round.

    >>> IdmeView(candidates=2).setup().candidates
    2
    """

    slug: ClassVar[str] = "idme"
    title: ClassVar[str] = "IDME"
    sentence: ClassVar[str] = (
        "The matrix pool at work: who is tried, who wins, when it grows, and what ends it."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(IdmeSetup))
    choices: ClassVar[dict[str, str]] = {
        "Candidates": "candidates",
        "Pool size": "pool",
        "Efficiencies": "efficiencies",
        "Barred": "mask",
        "Hankel": "hankel",
        "Path": "path",
    }

    source = param.Selector(default=IdmeSetup.source, objects=list(limits.SOURCES))
    question = param.String(IdmeSetup.question, regex=rf"(?s)^.{{0,{limits.MAX_QUESTION}}}\Z")
    model = param.Selector(default=IdmeSetup.model, objects=list(limits.MODELS))
    asked = param.Selector(default=IdmeSetup.asked, objects=limits.ASKED)
    pool = param.Selector(default=IdmeSetup.pool, objects=list(limits.POOLS))
    angle = param.Selector(default=IdmeSetup.angle, objects=limits.ANGLES)
    shrink = param.Selector(default=IdmeSetup.shrink, objects=limits.SHRINKS)
    centre = param.Selector(default=IdmeSetup.centre, objects=limits.CENTRES)
    seed = param.Integer(IdmeSetup.seed, bounds=(0, limits.SEEDS[-1]))
    rounds = param.Selector(default=IdmeSetup.rounds, objects=limits.ROUNDS)
    candidates = param.Selector(default=IdmeSetup.candidates, objects=limits.CANDIDATES)
    patience = param.Selector(default=IdmeSetup.patience, objects=limits.PATIENCES)
    min_step = param.Selector(default=IdmeSetup.min_step, objects=limits.STEPS)
    score = param.Selector(default=IdmeSetup.score, objects=list(limits.SCORES))
    grow = param.Boolean(IdmeSetup.grow)
    expand = param.Selector(default=IdmeSetup.expand, objects=limits.EXPANDS)
    auditor = param.Boolean(IdmeSetup.auditor)
    near = param.Selector(default=IdmeSetup.near, objects=limits.NEARS)
    figure = param.Selector(default="candidates", objects=list(choices.values()))

    def setup(self) -> IdmeSetup:
        """Give the state as the plain question that `run` takes.

        Errors:
            ValueError: the question is empty
        """
        return IdmeSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        return controls.column(self)

    def job(self) -> Job:
        return partial(run, self.setup())

    def draw(self) -> go.Figure:
        return DRAWN[self.drawn](self.result, {"dark": self.dark, "height": HEIGHT})

    def table(self) -> pd.DataFrame:
        return TABLES[self.drawn](self.result)

    def code(self) -> str:
        return answers.source({name: getattr(self, name) for name in self.inputs}, self.drawn)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result)

    def card(self) -> str:
        return answers.card(self.result)


def _candidates(run: IdmeRun, look: dict[str, Any]) -> go.Figure:
    gain = answers.GAINS[run.setup.score]
    return figures.idme_candidates(run.trace, gain=gain, title=_title(run), **look)


def _pool(run: IdmeRun, look: dict[str, Any]) -> go.Figure:
    needed = run.setup.candidates
    return figures.idme_pool(run.trace, needed=needed, title=_title(run), **look)


def _path(run: IdmeRun, look: dict[str, Any]) -> go.Figure:
    return figures.thought_paths({_title(run): run.path}, title="The thought's path", **look)


def _title(run: IdmeRun) -> str:
    if run.answers is None:
        return f"A state that turns by {run.setup.angle}° a step"
    asked = run.setup.question
    return f"“{asked if len(asked) <= 60 else f'{asked[:59]}…'}”"


DRAWN = {
    "candidates": _candidates,
    "pool": _pool,
    "efficiencies": lambda run, look: figures.idme_efficiencies(
        run.trace, title=_title(run), **look
    ),
    "mask": lambda run, look: figures.idme_mask(run.trace, title=_title(run), **look),
    "hankel": lambda run, look: figures.idme_hankel(run.trace, title=_title(run), **look),
    "path": _path,
}
