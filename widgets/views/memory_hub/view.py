"""The Memory hub view: remember, recall, and see what every part of the memory did."""

from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go

from marslab.widgets import figures
from marslab.widgets.frame import HEIGHT, CardView, Job
from marslab.widgets.frame.widgets import control, slider
from marslab.widgets.views.memory_hub import answers
from marslab.widgets.views.memory_hub.run import HubResult, run
from marslab.widgets.views.memory_hub.setup import (
    KS,
    MAX_QUESTION,
    MAX_TEXT,
    RULES,
    STORES,
    THRESHOLDS,
    WRITES,
    HubSetup,
)

STORE_NAMES = {"Facts of the course": "facts", "My store (a copy, read-only)": "mine"}
FIGURE_RULES = {"Must be alike (ours)": True, "Need not be alike (as printed)": False}
RULE_NAMES = {"Delta rule": "delta", "As printed (never stops)": "printed"}
HINT = "Try: Solve: x^2 - 5x + 7 = 0"
TABLES = {
    "map": answers.places,
    "bars": answers.cosines,
    "surprise": answers.surprises,
    "loss": answers.losses,
    "records": answers.records,
}


class HubView(CardView):
    """Type a text to remember and a question to recall; Memo, the store and Titans answer live.

    >>> HubView(k=2).setup().k
    2
    """

    slug: ClassVar[str] = "memory_hub"
    title: ClassVar[str] = "Memory hub"
    sentence: ClassVar[str] = (
        "Remember a text, ask a question: what the cache, the store and Titans make of it."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(HubSetup))
    choices: ClassVar[dict[str, str]] = {
        "Neighbours": "map",
        "Cosines": "bars",
        "Surprise": "surprise",
        "Loss": "loss",
        "Records": "records",
    }

    text = param.String(HubSetup.text, regex=rf"(?s)^.{{0,{MAX_TEXT}}}\Z")
    question = param.String(HubSetup.question, regex=rf"(?s)^.{{0,{MAX_QUESTION}}}\Z")
    k = param.Selector(default=HubSetup.k, objects=KS)
    threshold = param.Selector(default=HubSetup.threshold, objects=THRESHOLDS)
    strict = param.Boolean(HubSetup.strict)
    store = param.Selector(default=HubSetup.store, objects=list(STORES))
    rule = param.Selector(default=HubSetup.rule, objects=list(RULES))
    writes = param.Selector(default=HubSetup.writes, objects=WRITES)
    figure = param.Selector(default="map", objects=list(choices.values()))

    @property
    def offered(self) -> dict[str, str]:
        """The figures there are: one record alone has no plane."""
        if self.result is not None and len(self.result.records) < 2:
            return {name: kind for name, kind in self.choices.items() if kind != "map"}
        return self.choices

    def setup(self) -> HubSetup:
        """Give the state as the plain question that `run` takes.

        Errors:
            ValueError: the question is empty
        """
        return HubSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        area, select = pn.widgets.TextAreaInput, pn.widgets.Select
        return [
            control(self, "text", "Remember (one text a line)", area, rows=2, max_length=MAX_TEXT),
            control(
                self,
                "question",
                "Recall",
                pn.widgets.TextInput,
                max_length=MAX_QUESTION,
                placeholder=HINT,
            ),
            pn.pane.HTML(f'<div class="ml-why">{HINT}</div>', margin=(0, 8)),
            slider(self, "k", "k, nearest records"),
            slider(self, "threshold", "Memo: cosine of a hit"),
            control(
                self, "strict", "Memo: figures of both questions", select, options=FIGURE_RULES
            ),
            slider(self, "writes", "Titans: writes of the last text"),
            control(self, "rule", "Titans: rule", select, options=RULE_NAMES),
            control(self, "store", "Memory", select, options=STORE_NAMES),
        ]

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


def _map(result: HubResult, look: dict[str, Any]) -> go.Figure:
    at = {record.id: place for place, record in enumerate(result.records)}
    near = [at[found.id] for found in result.near]
    return figures.neighbour_map(
        result.vectors,
        [record.text for record in result.records],
        result.asked,
        near,
        groups=answers.kinds(result),
        title=f"Where “{_short(result.setup.question)}” stands",
        **look,
    )


def _bars(result: HubResult, look: dict[str, Any]) -> go.Figure:
    kept, texts = result.kept, {record.id: record.text for record in result.records}
    return figures.recalled_bars(
        [(texts[found.id], found.score) for found in result.near],
        None if kept is None else (kept.question, kept.score),
        hit=kept is not None and kept.hit is not None,
        threshold=result.setup.threshold,
        title=f"What is like “{_short(result.setup.question)}”",
        **look,
    )


def _surprise(result: HubResult, look: dict[str, Any]) -> go.Figure:
    writes, last = result.writes, result.last
    beside = {"the question": writes.question} if last else {}
    beside |= {"other records (mean)": writes.others} if writes.others else {}
    return figures.repeated_writes(
        writes.text,
        beside,
        RULES[result.setup.rule].threshold,
        name="the text" if last else "the question",
        title=f"“{_short(writes.name)}”, written again and again",
        **look,
    )


def _loss(result: HubResult, look: dict[str, Any]) -> go.Figure:
    table = answers.losses(result)
    starts = table.groupby("write").first()
    return figures.curves(
        {"loss": (table["step"], table["loss"])},
        {"a write begins": (starts["step"], starts["loss"])},
        x_title="gradient steps (count)",
        y_title="loss (no unit)",
        title=f"Titans' own loss, writing “{_short(result.writes.name)}”",
        **look,
    )


def _records(result: HubResult, look: dict[str, Any]) -> go.Figure:
    frame = answers.records(result)
    told = frame.assign(text=[_short(text, 90) for text in frame["text"]])
    title = f"{len(frame)} records, the most alike first"
    return figures.records_table(told, title=title, **look)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


DRAWN = {
    "map": _map,
    "bars": _bars,
    "surprise": _surprise,
    "loss": _loss,
    "records": _records,
}
