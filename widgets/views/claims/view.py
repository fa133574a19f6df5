"""The Claims view: filter the ledger, look at one claim, measure it while you wait."""

import time
from functools import partial
from typing import Any, ClassVar, NamedTuple

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go
from panel.viewable import Viewable

from marslab.lab.claims import ledger, schema
from marslab.lab.claims.ledger import Standing
from marslab.lab.claims.rules import VERDICTS
from marslab.lab.claims.running import run_claims
from marslab.widgets import figures
from marslab.widgets.figures.promises import Bounded
from marslab.widgets.frame import HEIGHT, Job, Say, View
from marslab.widgets.frame.widgets import control
from marslab.widgets.views.claims import tables
from marslab.widgets.views.claims.tables import ALL


class Found(NamedTuple):
    """The ledger, and a sentence for each file of it that is damaged."""

    every: list[Standing]
    problems: list[str]


def read(say: Say) -> Found:
    """The ledger as it stands."""
    say("Reading the ledger")
    return Found(*ledger.standings())


def measure(id: str, say: Say) -> Found:
    """The ledger after one claim was measured; where `say` raises, the run is stopped.

    Errors:
        ValueError: the run failed
    """
    began = time.monotonic()
    (run,) = run_claims([id], on_wait=lambda: say(f"{id}: {time.monotonic() - began:.0f} s"))
    if run.error:
        raise ValueError(f"{id} could not be measured: {run.error}")
    return Found(*ledger.standings())


class Claims(View):
    """What the five designs promise, beside what was measured.

    >>> Claims(system="MM-Rec", claim="mmrec-clamp").code().splitlines()[-1]
    "Claims(system='MM-Rec', claim='mmrec-clamp')  # the view itself, in a notebook"
    """

    slug: ClassVar[str] = "claims"
    title: ClassVar[str] = "Claims"
    sentence: ClassVar[str] = "What the five designs promise, beside what was measured."
    inputs: ClassVar[tuple[str, ...]] = ()
    looks: ClassVar[tuple[str, ...]] = ("system", "verdict", "claim", "figure")
    choices: ClassVar[dict[str, str]] = {"All verdicts": "verdicts", "This claim": "bounds"}

    system = param.Selector(default=ALL, objects=[ALL, *schema.SYSTEMS])
    verdict = param.Selector(default=ALL, objects=[ALL, *VERDICTS])
    claim = param.Selector(default=next(iter(schema.claims())), objects=list(schema.claims()))
    figure = param.Selector(default="verdicts", objects=list(choices.values()))

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._card = pn.pane.HTML("", sizing_mode="stretch_width", min_width=320)
        self._table = pn.pane.HTML("", sizing_mode="stretch_width")
        self._button = pn.widgets.Button(label="Measure this claim", color="primary")
        self._button.on_click(lambda *_: self.measure())

    @property
    def offered(self) -> dict[str, str]:
        """The figures there are: a claim that was not measured has none of its own."""
        if self.result is not None and not self._bounded():
            return {"All verdicts": "verdicts"}
        return self.choices

    @property
    def left(self) -> list[Standing]:
        """The claims that the filter leaves."""
        return tables.chosen(self.result.every, self.system, self.verdict)

    @property
    def standing(self) -> Standing:
        """The chosen claim as it stands."""
        return next(each for each in self.result.every if each.claim.id == self.claim)

    def controls(self) -> list[Any]:
        return [
            control(self, "system", "System", pn.widgets.Select),
            control(self, "verdict", "Verdict", pn.widgets.Select),
            control(self, "claim", "Claim", pn.widgets.Select),
            self._button,
        ]

    def measure(self) -> None:
        """Measure the chosen claim, in a process of its own; Cancel stops it."""
        if cannot := schema.find(self.claim).cannot:
            self.tell(f"{self.claim} cannot be tested here: {cannot}")
            return
        self.start(lambda: partial(measure, self.claim))

    def job(self) -> Job:
        return read

    def draw(self) -> go.Figure:
        titles: dict[str, Any] = {"dark": self.dark, "height": HEIGHT}
        if self.drawn == "bounds":
            title = f"{self.claim}: {self.standing.verdict}"
            return figures.against_bounds(self._bounded(), title=title, **titles)
        return figures.verdict_counts(tables.counts(self.left), **titles)

    def table(self) -> pd.DataFrame:
        return tables.frame(self.left)

    def code(self) -> str:
        default = {name: self.param[name].default for name in self.state}
        values = {name: getattr(self, name) for name in self.state}
        given = [f"{name}={v!r}" for name, v in values.items() if v != default[name]]
        lines = [
            "import panel as pn",
            "from marslab.lab.claims.ledger import standings",
            "from marslab.widgets.views import Claims",
            "",
            'pn.extension("plotly")',
            "found, problems = standings()",
            f"Claims({', '.join(given)})  # the view itself, in a notebook",
        ]
        return "\n".join(lines) + "\n"

    def readouts(self) -> list[tuple[str, str, str]]:
        found = self.left
        told = [(name, sum(each.verdict == name for each in found)) for name in VERDICTS]
        stale = sum(each.stale for each in found)
        rows = [(name, str(count), f"claims with this verdict: {name}") for name, count in told]
        return [*rows, ("stale", str(stale), "code, rule or test have changed since the run")]

    def show_again(self) -> None:
        super().show_again()
        if self.result is None:
            return
        served = pn.state.curdoc is not None and pn.state.curdoc.session_context is not None
        self._card.object = tables.detail(self.standing)
        self._table.object = tables.table(self.left, self.claim, served)
        if self.result.problems:
            self.tell(" ".join(self.result.problems[:3]))

    def _frame(self) -> Viewable:
        top = super()._frame()
        return pn.Column(top, self._card, self._table, sizing_mode="stretch_width")

    def _bounded(self) -> list[Bounded]:
        """The judged figures of the chosen claim that are numbers, with their bounds."""
        run = self.standing.run
        measured = (run.figures if run else None) or {}
        return [
            Bounded(
                rule.metric,
                float(measured[rule.metric]),
                (rule.holds.sign, rule.holds.limit),
                (rule.partly.sign, rule.partly.limit) if rule.partly else None,
            )
            for rule in self.standing.claim.rule
            if rule.metric in measured
        ]
