"""The Continual learning view: tasks learned live, one after the other, and what is left."""

from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import pandas as pd
import param
import plotly.graph_objects as go

from marslab.learning.continual.methods import METHODS
from marslab.tasks.continual import SCENARIOS
from marslab.widgets.frame import HEIGHT, CardView, Job
from marslab.widgets.views.continual import answers, controls
from marslab.widgets.views.continual.drawn import TABLES, draw
from marslab.widgets.views.continual.run import run
from marslab.widgets.views.continual.setup import EPOCHS, MAX_SEED, VALUES, ContinualSetup


class ContinualView(CardView):
    """Choose a scenario and a method; a small network learns its tasks, and forgets or does not.

    >>> ContinualView(method="replay", kept=50).setup().strength
    50
    """

    slug: ClassVar[str] = "continual"
    title: ClassVar[str] = "Continual learning"
    sentence: ClassVar[str] = (
        "Let a small network learn tasks one after the other, and see what is left of each."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(ContinualSetup))
    looks: ClassVar[tuple[str, ...]] = ("figure", "side")
    choices: ClassVar[dict[str, str]] = {
        "Accuracy matrix": "matrix",
        "Over time": "course",
        "Scores": "scores",
        "Important pixels": "pixels",
    }

    scenario = param.Selector(default=ContinualSetup.scenario, objects=list(SCENARIOS))
    method = param.Selector(default=ContinualSetup.method, objects=list(METHODS))
    lam = param.Selector(default=ContinualSetup.lam, objects=VALUES["lam"])
    c = param.Selector(default=ContinualSetup.c, objects=VALUES["c"])
    alpha = param.Selector(default=ContinualSetup.alpha, objects=VALUES["alpha"])
    kept = param.Selector(default=ContinualSetup.kept, objects=VALUES["kept"])
    share = param.Selector(default=ContinualSetup.share, objects=VALUES["share"])
    slots = param.Selector(default=ContinualSetup.slots, objects=VALUES["slots"])
    epochs = param.Selector(default=ContinualSetup.epochs, objects=EPOCHS)
    seed = param.Integer(ContinualSetup.seed, bounds=(0, MAX_SEED))
    figure = param.Selector(default="matrix", objects=list(choices.values()))
    side = param.Selector(default="chosen", objects=list(controls.SIDE_NAMES.values()))

    def setup(self) -> ContinualSetup:
        """Give the state as the plain question that `run` takes."""
        return ContinualSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        return controls.column(self)

    def job(self) -> Job:
        return partial(run, self.setup(), known=self.result)

    def draw(self) -> go.Figure:
        return draw(self.result, self.drawn, self.side, {"dark": self.dark, "height": HEIGHT})

    def table(self) -> pd.DataFrame:
        return TABLES[self.drawn](self.result)

    def code(self) -> str:
        values = {name: getattr(self, name) for name in self.inputs}
        return answers.source(values, self.drawn, self.side)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result)

    def card(self) -> str:
        return answers.card(self.result, self.drawn)
