"""The page "Which op do I need?", also a viewer for a notebook cell."""

from html import escape
from typing import Any, ClassVar

import panel as pn
import param
from panel.viewable import Viewable, Viewer

from marslab.widgets.frame import cards
from marslab.widgets.views.which_op import tables
from marslab.widgets.views.which_op.tree import QUESTIONS, asked, reached, ways

NOTHING = "Answer the question: the operation that fits will stand here."


class WhichOp(Viewer):
    """A few questions that lead to an operation, and a table of all of them.

    >>> WhichOp(way="memory.gated_recurrence").op
    'gated_recurrence'
    """

    slug: ClassVar[str] = "which-op"
    title: ClassVar[str] = "Which op do I need?"
    sentence: ClassVar[str] = "A few questions lead to an operation; below them is a table of all."

    dark = param.Boolean(False, doc="Told by the page; nothing here is drawn.")
    way = param.Selector(default="", objects=["", *ways()], doc="The answers given so far.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._notice = pn.pane.HTML("", visible=False, sizing_mode="stretch_width")
        self._layout: Viewable | None = None

    @property
    def state(self) -> tuple[str, ...]:
        """What the address of the page holds."""
        return ("way",)

    @property
    def op(self) -> str:
        """The operation that the answers lead to; empty while a question is open."""
        return reached(self.way)

    def restart(self) -> None:
        """Go back to the first question."""
        self.way = ""

    def complain(self, sentences: list[str]) -> None:
        """Put what was wrong with the address at the top."""
        if sentences:
            card = cards.problem("From the link: " + " ".join(sentences[:3]))
            self._notice.param.update(object=card, visible=True)

    def close(self) -> None:
        """Nothing runs here that would have to stop."""

    def __panel__(self) -> Viewable:
        if self._layout is None:
            self._layout = self._frame()
        return self._layout

    def _frame(self) -> Viewable:
        groups = {name: self._group(name) for name in QUESTIONS}
        boxes = {
            name: pn.Column(_heading(question.words), groups[name])
            for name, question in QUESTIONS.items()
        }
        again = pn.widgets.Button(label="Start again", width=110)
        again.on_click(lambda *_: self.restart())
        answer = pn.pane.HTML("", sizing_mode="stretch_width", min_width=320)
        table = pn.pane.HTML("", sizing_mode="stretch_width")
        served = _served()

        def show(*_: object) -> None:
            open_ = dict(asked(self.way))
            for name, box in boxes.items():
                box.visible = name in open_
                groups[name].value = open_.get(name)
            again.visible = bool(self.way)
            answer.object = tables.answer(self.op, served) if self.op else cards.note(NOTHING)
            table.object = tables.overview(served, self.op)

        self.param.watch(show, "way")
        show()
        left = pn.Column(*boxes.values(), again, width=470, css_classes=["ml-controls"])
        top = pn.Row(left, answer, sizing_mode="stretch_width", css_classes=["ml-view"])
        return pn.Column(self._notice, top, table, sizing_mode="stretch_width")

    def _group(self, name: str) -> pn.widgets.RadioBoxGroup:
        question = QUESTIONS[name]
        options = {answer.words: answer.leads for answer in question.answers}
        group = pn.widgets.RadioBoxGroup(
            label=question.words, options=options, value=None, margin=(2, 8, 8, 8)
        )

        def choose(event: Any) -> None:
            if event.new is None or dict(asked(self.way)).get(name) == event.new:
                return  # it only follows
            steps = self.way.split(".") if self.way else []
            before = steps[: [q for q, _ in asked(self.way)].index(name)]
            self.way = ".".join([*before, event.new])

        group.param.watch(choose, "value")
        return group


def _heading(words: str) -> pn.pane.HTML:
    return pn.pane.HTML(f'<h2 class="ml-ask">{escape(words)}</h2>', margin=(4, 8, 0, 8))


def _served() -> bool:
    """Whether this stands on a page of the server, where its links lead somewhere."""
    document = pn.state.curdoc
    return document is not None and document.session_context is not None
