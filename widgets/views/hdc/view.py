"""The HDC retrieval view: store pairs in one vector, ask for one, and see what chance does."""

from dataclasses import fields
from functools import partial
from typing import Any, ClassVar

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go

from marslab.memory.hdc.capacity import ALGEBRAS
from marslab.widgets.frame import HEIGHT, CardView, Job
from marslab.widgets.frame.widgets import control, slider
from marslab.widgets.views.hdc import answers
from marslab.widgets.views.hdc.drawn import DRAWN, TABLES
from marslab.widgets.views.hdc.run import MAKE, run
from marslab.widgets.views.hdc.setup import (
    BITS,
    CODES,
    DIMS,
    FLIPS,
    MAX_ASK,
    MAX_SEED,
    MAX_TEXT,
    OTHERS,
    HdcSetup,
)

VSA_NAMES = {
    "HRR: real, circular convolution": "HRR",
    "FHRR: phases, complex product": "FHRR",
    "MAP: signs, product": "MAP",
    "BSC: bits, exclusive or": "BSC",
}
LABEL = "Store (key: value, one a line)"
HINT = "Ask for a key that is not stored, too: it should be rejected."


class HdcView(CardView):
    """Store pairs of words in one wide vector, add noise, and ask for one of them.

    >>> HdcView(vsa="BSC").setup().precision
    1
    """

    slug: ClassVar[str] = "hdc"
    title: ClassVar[str] = "HDC retrieval"
    sentence: ClassVar[str] = (
        "Store pairs in one wide vector, add noise, ask: what is found, and what theory says of it."
    )
    inputs: ClassVar[tuple[str, ...]] = tuple(field.name for field in fields(HdcSetup))
    choices: ClassVar[dict[str, str]] = {
        "Similarity": "similarity",
        "Confusion": "confusion",
        "Capacity": "capacity",
        "Noise": "noise",
    }

    pairs = param.String(HdcSetup.pairs, regex=rf"(?s)^.{{0,{MAX_TEXT}}}\Z")
    ask = param.String(HdcSetup.ask, regex=rf"(?s)^.{{0,{MAX_ASK}}}\Z")
    vsa = param.Selector(default=HdcSetup.vsa, objects=list(ALGEBRAS))
    dim = param.Selector(default=HdcSetup.dim, objects=DIMS)
    bits = param.Selector(default=HdcSetup.bits, objects=BITS)
    others = param.Selector(default=HdcSetup.others, objects=OTHERS)
    codes = param.Selector(default=HdcSetup.codes, objects=CODES)
    flipped = param.Selector(default=HdcSetup.flipped, objects=FLIPS)
    seed = param.Integer(HdcSetup.seed, bounds=(0, MAX_SEED))
    figure = param.Selector(default="similarity", objects=list(choices.values()))

    def setup(self) -> HdcSetup:
        """Give the state as the plain question that `run` takes.

        Errors:
            ValueError: a line is no pair, or nothing is asked
        """
        return HdcSetup(**{name: getattr(self, name) for name in self.inputs})

    def controls(self) -> list[Any]:
        area, select = pn.widgets.TextAreaInput, pn.widgets.Select
        bits = slider(self, "bits", "Bits of a stored number (32: float)")

        def follow(*_: object) -> None:
            bits.disabled = self.vsa == "BSC"

        self.param.watch(follow, "vsa")
        follow()
        return [
            control(
                self, "pairs", "Store (key: value, one a line)", area, rows=4, max_length=MAX_TEXT
            ),
            control(self, "ask", "Ask for", pn.widgets.TextInput, max_length=MAX_ASK),
            pn.pane.HTML(f'<div class="ml-why">{HINT}</div>', margin=(0, 8)),
            control(self, "vsa", "Algebra", select, options=VSA_NAMES),
            slider(self, "dim", "Dimension D"),
            bits,
            slider(self, "others", "Random pairs beside"),
            slider(self, "codes", "Codes in the codebook"),
            slider(self, "flipped", "Noise: share of signs flipped"),
            control(self, "seed", "Seed", pn.widgets.IntInput),
        ]

    def job(self) -> Job:
        return partial(run, self.setup(), self.drawn, known=self.result)

    def complete(self) -> bool:
        return self.drawn not in MAKE or getattr(self.result, self.drawn) is not None

    @property
    def pictured(self) -> str:
        """The figure for the result that is there, which a cancelled run leaves as it was."""
        return self.drawn if self.complete() else "similarity"

    def draw(self) -> go.Figure:
        return DRAWN[self.pictured](self.result, {"dark": self.dark, "height": HEIGHT})

    def table(self) -> pd.DataFrame:
        return TABLES[self.pictured](self.result)

    def code(self) -> str:
        return answers.source({name: getattr(self, name) for name in self.inputs}, self.drawn)

    def readouts(self) -> list[tuple[str, str, str]]:
        return answers.facts(self.result)

    def card(self) -> str:
        return answers.card(self.result, self.pictured)
