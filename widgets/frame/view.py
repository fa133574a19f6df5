"""The frame of every view: controls left, figure right, and what happens when something changes."""

from collections.abc import Callable
from html import escape
from typing import Any, ClassVar

import pandas as pd
import panel as pn
import param
import plotly.graph_objects as go
from panel.viewable import Viewable, Viewer

from marslab.widgets.figures import CONFIG
from marslab.widgets.frame import cards, exports
from marslab.widgets.frame.work import Job, Work

FIRST_WAIT = 60.0  # seconds that a notebook cell waits for the first picture
HEIGHT = 430  # pixels of every figure
Result = Any


class View(Viewer):
    """A page or a notebook cell: set a control, the job runs in a thread, the figure follows.

    A view says which parameters its job depends on (`inputs`) and which only change the drawing
    (`looks`); together they are its `state`, kept in the address of the page. It provides
    `controls`, `job`, `draw`, `table`, `code` and `readouts`, and keeps no computation of its own:
    `job` returns a function of the state, which runs elsewhere and touches nothing of the page.
    """

    slug: ClassVar[str] = ""
    title: ClassVar[str] = ""
    sentence: ClassVar[str] = ""
    inputs: ClassVar[tuple[str, ...]] = ()
    looks: ClassVar[tuple[str, ...]] = ("figure",)
    choices: ClassVar[dict[str, str]] = {}

    dark = param.Boolean(False, doc="Draw for a dark page.")
    figure = param.Selector(default="", objects=[""], doc="Which figure; `choices` names them.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.result: Result = None
        self._work = Work(self._say, self._finished, self._failed)
        self._notice = pn.pane.HTML("", visible=False, sizing_mode="stretch_width")
        self._alert = pn.pane.HTML("", visible=False, sizing_mode="stretch_width")
        self._facts = pn.pane.HTML("", sizing_mode="stretch_width")
        self._plot = pn.pane.Plotly(
            None, config=CONFIG, sizing_mode="stretch_width", height=HEIGHT, margin=0
        )  # margin 0: Panel takes a margin off twice
        self._shown = pn.Column(visible=False, sizing_mode="stretch_width")
        self._busy, self._line = self._busy_row()
        self._layout: Viewable | None = None
        self.param.watch(lambda *_: self._moved(), list(self.inputs))
        self.param.watch(lambda *_: self.show_again(), [*self.looks, "dark"])

    @property
    def offered(self) -> dict[str, str]:
        """The figures that the present state has, by their names on the page."""
        return self.choices

    @property
    def drawn(self) -> str:
        """The figure that is shown: the one asked for, or the first where that is not offered."""
        names = list(self.offered.values())
        return self.figure if self.figure in names else names[0]

    @property
    def state(self) -> tuple[str, ...]:
        """The parameters that make this view what it is."""
        return (*self.inputs, *self.looks)

    def controls(self) -> list[Any]:
        """The widgets of the left column, top to bottom."""
        raise NotImplementedError

    def job(self) -> Job:
        """What has to be worked out for the present state; taken on the page's turn, run elsewhere.

        Errors:
            ValueError: the state cannot be worked out; the sentence goes on a card
        """
        raise NotImplementedError

    def draw(self) -> go.Figure:
        """The figure for the result and the looks."""
        raise NotImplementedError

    def table(self) -> pd.DataFrame:
        """The numbers behind the figure."""
        raise NotImplementedError

    def code(self) -> str:
        """Python that gives this view and its numbers."""
        raise NotImplementedError

    def readouts(self) -> list[tuple[str, str, str]]:
        """A few figures above the plot: (label, value, what it means)."""
        return []

    def actions(self) -> list[Any]:
        """Buttons beside the choice of the figure."""
        return []

    def complete(self) -> bool:
        """Whether the result has all that the figure to be shown needs."""
        return True

    def refresh(self) -> None:
        """Work the present state out again."""
        self.start(self.job)

    def start(self, make: Callable[[], Job]) -> None:
        """Run the job that `make` gives, with the busy line and its cancel button shown."""
        try:
            job = make()
        except (ValueError, TypeError) as error:
            self._work.cancel()
            self._failed(error)
            return
        self._say("Running")
        self._work.start(job)

    def wait(self, seconds: float = FIRST_WAIT) -> bool:
        """Wait for the job that runs; for notebooks and tests, never on a served page."""
        return self._work.wait(seconds)

    def cancel(self) -> None:
        """Stop the job and keep the picture of the one before."""
        self._work.cancel()
        self._busy.visible = False
        self.tell("Cancelled. The picture is that of the last run that ended.")

    def close(self) -> None:
        """Stop whatever runs: the page is gone."""
        self._work.cancel()

    def tell(self, sentence: str) -> None:
        """Put a sentence above the figure, until a control moves."""
        self._notice.param.update(object=cards.note(sentence), visible=True)

    def complain(self, sentences: list[str]) -> None:
        """Put what was wrong with the address above the figure."""
        if sentences:
            card = cards.problem("From the link: " + " ".join(sentences[:3]))
            self._notice.param.update(object=card, visible=True)

    def __panel__(self) -> Viewable:
        if self._layout is None:
            self._layout = self._frame()
            # On a page not before it is loaded: what is drawn earlier asks for its styles on a CDN.
            pn.state.onload(self.refresh)
            if pn.state.curdoc is None:
                self.wait()
        return self._layout

    def _frame(self) -> Viewable:
        left = pn.Column(*self.controls(), width=296, css_classes=["ml-controls"])
        plot = pn.Column(self._plot, margin=(0, 10), sizing_mode="stretch_width")
        self._shown.objects = [self._facts, plot, exports.row(self)]
        right = pn.Column(
            pn.Row(self._chooser(), *self.actions(), self._busy, height=40),
            self._notice,
            self._alert,
            self._shown,
            sizing_mode="stretch_width",
            css_classes=["ml-main"],
        )
        return pn.Row(left, right, sizing_mode="stretch_width", css_classes=["ml-view"])

    def _moved(self) -> None:
        if self._layout is not None:
            self._notice.visible = False
            self.refresh()

    def _chooser(self) -> Viewable:
        kind = pn.widgets.RadioButtonGroup
        chooser = kind(label="Figure", options=self.offered, value=self.drawn)

        def follow(*_: object) -> None:
            chooser.param.update(options=self.offered, value=self.drawn)

        def choose(event: Any) -> None:
            if event.new != self.drawn:  # else it only follows
                self.figure = event.new

        chooser.param.watch(choose, "value")
        self.param.watch(follow, list(self.state))
        return chooser

    def _busy_row(self) -> tuple[pn.Row, pn.pane.HTML]:
        line = pn.pane.HTML("", align="center", css_classes=["ml-line"])
        stop = pn.widgets.Button(label="Cancel", width=80)
        stop.on_click(lambda *_: self.cancel())
        return pn.Row(line, stop, visible=False, css_classes=["ml-busy"]), line

    def _say(self, line: str) -> None:
        self._line.object = f'<span class="ml-spin"></span>{escape(line)}'
        self._busy.visible = True

    def _finished(self, result: Result) -> None:
        self._busy.visible = False
        self._alert.visible = False
        self.result = result
        self.show_again()

    def _failed(self, error: Exception) -> None:
        self._busy.visible = False
        self.result = None
        self._shown.visible = False
        card = cards.problem(cards.sentence_of(error), cards.detail_of(error))
        self._alert.param.update(object=card, visible=True)

    def show_again(self) -> None:
        """Draw the figure and the readouts again from the result that is there."""
        if self.result is None:
            return
        if not self.complete():
            self.refresh()
            return
        try:
            self._facts.object = cards.facts(self.readouts())
            self._plot.object = self.draw()
        except Exception as error:  # whatever it is, the reader must see it
            self._failed(error)
        else:
            self._shown.visible = True
