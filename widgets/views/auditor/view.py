"""The Integral auditor view: watch a thought settle, and see where a threshold would stop it."""

from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import pandas as pd
import param
import plotly.graph_objects as go

from marslab.widgets.frame import HEIGHT, CardView, Job
from marslab.widgets.views.auditor import answers, controls, tables
from marslab.widgets.views.auditor.drawn import DRAWN
from marslab.widgets.views.auditor.run import run
from marslab.widgets.views.auditor.setup import (
    FACTORS,
    LAWS,
    LENGTHS,
    MAX_QUESTION,
    MAX_SEED,
    MODELS,
    NOISES,
    POWERS,
    RULES,
    SIZES,
    SOURCES,
    THRESHOLDS,
    AuditorSetup,
)

FIGURES = {
    "question": {"Steps": "steps", "p and R²": "waves", "Thresholds": "tasks"},
    "curve": {"Steps": "steps", "p and R²": "waves", "Many draws": "draws"},
    "batch": {"Right against p": "calibration", "Turn the threshold": "sweep"},
}
TABLES = {
    "steps": tables.waves,
    "waves": tables.waves,
    "tasks": tables.tasks,
    "draws": tables.draws,
    "calibration": tables.problems,
    "sweep": tables.sweep,
}


class AuditorView(CardView):
    """Ask a trained TARS, make up a curve, or take a batch; the auditor judges it live.

    >>> AuditorView(source="curve", p=1.2).setup().p
    1.2
    """

    slug: ClassVar[str] = "auditor"
    title: ClassVar[str] = "Integral auditor"
    sentence: ClassVar[str] = (
        "Watch a thought settle wave by wave, and see where a threshold of p would stop it."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(AuditorSetup))
    looks: ClassVar[tuple[str, ...]] = ("figure", "threshold")
    choices: ClassVar[dict[str, str]] = {
        name: kind for each in FIGURES.values() for name, kind in each.items()
    }

    source = param.Selector(default=AuditorSetup.source, objects=list(SOURCES))
    model = param.Selector(default=MODELS[0], objects=MODELS)
    question = param.String(AuditorSetup.question, regex=rf"(?s)^.{{0,{MAX_QUESTION}}}\Z")
    rule = param.Selector(default=AuditorSetup.rule, objects=list(RULES))
    law = param.Selector(default=AuditorSetup.law, objects=list(LAWS))
    p = param.Selector(default=AuditorSetup.p, objects=POWERS)
    q = param.Selector(default=AuditorSetup.q, objects=FACTORS)
    noise = param.Selector(default=AuditorSetup.noise, objects=NOISES)
    length = param.Selector(default=AuditorSetup.length, objects=LENGTHS)
    size = param.Selector(default=AuditorSetup.size, objects=SIZES)
    seed = param.Integer(AuditorSetup.seed, bounds=(0, MAX_SEED))
    threshold = param.Selector(default=1.1, objects=THRESHOLDS)
    figure = param.Selector(default="steps", objects=list(choices.values()))

    @property
    def offered(self) -> dict[str, str]:
        """The figures of the source that is chosen."""
        return FIGURES[self.source]

    def setup(self) -> AuditorSetup:
        """Give the state as the plain question that `run` takes.

        Errors:
            ValueError: the question is empty
        """
        return AuditorSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        return controls.column(self)

    def job(self) -> Job:
        return partial(run, self.setup())

    @property
    def pictured(self) -> str:
        """The figure for the result that is there, which a cancelled run leaves as it was."""
        names = list(FIGURES[self.result.setup.source].values())
        return self.figure if self.figure in names else names[0]

    def draw(self) -> go.Figure:
        look = {"dark": self.dark, "height": HEIGHT}
        return DRAWN[self.pictured](self.result, self.threshold, look)

    def table(self) -> pd.DataFrame:
        return TABLES[self.pictured](self.result, self.threshold)

    def code(self) -> str:
        values = {name: getattr(self, name) for name in self.inputs}
        return answers.source(values, self.threshold, self.drawn)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result, self.threshold)

    def card(self) -> str:
        return answers.card(self.result, self.threshold)
