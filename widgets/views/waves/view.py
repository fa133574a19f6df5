"""The Waves view: ask a trained TARS, see every gate, hold one and see the answer change."""

from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go

from marslab.widgets.frame import HEIGHT, CardView, Job
from marslab.widgets.frame.widgets import control, slider
from marslab.widgets.views.waves import answers
from marslab.widgets.views.waves.drawn import TABLES, draw
from marslab.widgets.views.waves.run import run
from marslab.widgets.views.waves.setup import (
    EVERY,
    FREE,
    KINDS,
    MAX_QUESTION,
    MODELS,
    VALUES,
    WAVES,
    WavesSetup,
)

KIND_NAMES = {
    "None: all gates are free": FREE,
    "α of the merge": "merge",
    "Memory gate": "need",
    "Novelty gate": "novelty",
}
WAVE_NAMES = {"All waves" if wave == EVERY else f"Wave {wave}": wave for wave in WAVES}
SIDE_NAMES = {"With the gate held": "held", "With all gates free": "free"}
HINT = "Try a sum of your own, then hold α of wave 1 at 0."


class WavesView(CardView):
    """Ask a trained TARS; the figures show its gates, and the answer with one of them held.

    >>> WavesView(gate="merge", wave=3).setup().clamp
    ('waves.2.merge', 0.0)
    """

    slug: ClassVar[str] = "waves"
    title: ClassVar[str] = "Waves"
    sentence: ClassVar[str] = (
        "Ask a trained TARS, see every gate of every wave, hold one and see the answer change."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(WavesSetup))
    looks: ClassVar[tuple[str, ...]] = ("figure", "side")
    choices: ClassVar[dict[str, str]] = {
        "Merge α": "alpha",
        "Correction": "correction",
        "Memory gate": "need",
        "Novelty": "novelty",
        "Experts": "experts",
        "Memory": "memory",
        "Depth": "depth",
    }

    question = param.String(WavesSetup.question, regex=rf"(?s)^.{{0,{MAX_QUESTION}}}\Z")
    model = param.Selector(default=WavesSetup.model, objects=MODELS)
    gate = param.Selector(default=WavesSetup.gate, objects=list(KINDS))
    wave = param.Selector(default=WavesSetup.wave, objects=WAVES)
    value = param.Selector(default=WavesSetup.value, objects=VALUES)
    figure = param.Selector(default="alpha", objects=list(choices.values()))
    side = param.Selector(default="held", objects=list(SIDE_NAMES.values()))

    def setup(self) -> WavesSetup:
        """Give the state as the plain question that `run` takes.

        Errors:
            ValueError: the question is empty
        """
        return WavesSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        select = pn.widgets.Select
        ask = control(self, "question", "Question", pn.widgets.TextInput, max_length=MAX_QUESTION)
        held = [
            control(self, "wave", "In", select, options=WAVE_NAMES),
            slider(self, "value", "Held at"),
            control(self, "side", "Figure and data", select, options=SIDE_NAMES),
        ]

        def follow(*_: object) -> None:
            for widget in held:
                widget.disabled = self.gate == FREE

        self.param.watch(follow, "gate")
        follow()
        return [
            ask,
            pn.pane.HTML(f'<div class="ml-why">{HINT}</div>', margin=(0, 8)),
            control(self, "model", "Model", select),
            control(self, "gate", "Gate to hold", select, options=KIND_NAMES),
            *held,
        ]

    def job(self) -> Job:
        return partial(run, self.setup(), known=self.result)

    def draw(self) -> go.Figure:
        return draw(self.result, self.drawn, self.side, {"dark": self.dark, "height": HEIGHT})

    def table(self) -> pd.DataFrame:
        return TABLES[self.drawn](self.result, self.side)

    def code(self) -> str:
        values = {name: getattr(self, name) for name in self.inputs}
        return answers.source(values, self.drawn, self.side)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result)

    def card(self) -> str:
        return answers.card(self.result, self.drawn)
