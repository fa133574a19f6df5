"""What a reader can take away: the data, the figure, the link, the call."""

import io
from typing import Any, ClassVar, Protocol

import pandas as pd
import panel as pn
import plotly.graph_objects as go

from marslab.widgets.figures import CONFIG
from marslab.widgets.frame import cards


class Exportable(Protocol):
    """What a view has to offer for its row of buttons."""

    slug: ClassVar[str]
    param: Any

    @property
    def state(self) -> tuple[str, ...]: ...
    def draw(self) -> go.Figure: ...
    def table(self) -> pd.DataFrame: ...
    def code(self) -> str: ...


# Panel's figures live in shadow roots, where document.querySelector does not look.
FIND = """
const found = [];
const look = (root) => root.querySelectorAll('*').forEach((e) => {
  if (e.classList.contains('js-plotly-plot')) found.push(e);
  if (e.shadowRoot) look(e.shadowRoot);
});
look(document);
"""
DOWNLOAD = (
    FIND
    + """
const figure = found.find((e) => e.offsetParent !== null) || found[0];
if (figure) window.Plotly.downloadImage(figure, {
  format: 'png', scale: 2, width: figure.offsetWidth, height: figure.offsetHeight,
  filename: NAME,
});
"""
)
# The clipboard is closed to pages that came over plain http from another machine.
COPY = """
const done = () => { const was = button.label; button.label = 'Copied';
                     setTimeout(() => { button.label = was; }, 1500); };
const text = TEXT;
const older = () => {
  const area = document.createElement('textarea');
  area.value = text; document.body.append(area); area.select();
  document.execCommand('copy'); area.remove(); done();
};
if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, older); else older();
"""


def row(view: Exportable) -> pn.FlexBox:
    """The row of buttons under a figure, and the code box that one of them opens."""
    call = pn.widgets.Toggle(label="Copy as Python", css_classes=["ml-export"])
    link = pn.widgets.Button(label="Copy link", css_classes=["ml-export"])
    link.js_on_click(args={"button": link}, code=COPY.replace("TEXT", "window.location.href"))
    buttons = [_data(view), _page(view), _picture(view), link, call]
    return pn.FlexBox(*buttons, _code_box(view, call), gap="6px", sizing_mode="stretch_width")


def csv(view: Exportable) -> io.StringIO:
    """The numbers behind the figure that is shown, as CSV."""
    return io.StringIO(view.table().to_csv(index=False))


def html(view: Exportable) -> io.StringIO:
    """The figure that is shown as one page that needs no network."""
    page = view.draw().to_html(include_plotlyjs=True, config=CONFIG)
    return io.StringIO(page)


def _data(view: Exportable) -> pn.widgets.FileDownload:
    return pn.widgets.FileDownload(
        callback=lambda: csv(view),
        filename=f"{view.slug}.csv",
        label="Data (CSV)",
        css_classes=["ml-export"],
    )


def _page(view: Exportable) -> pn.widgets.FileDownload:
    return pn.widgets.FileDownload(
        callback=lambda: html(view),
        filename=f"{view.slug}.html",
        label="Figure (HTML)",
        css_classes=["ml-export"],
    )


def _picture(view: Exportable) -> pn.widgets.Button:
    button = pn.widgets.Button(label="Figure (PNG)", css_classes=["ml-export"])
    button.js_on_click(code=DOWNLOAD.replace("NAME", repr(view.slug)))
    return button


def _code_box(view: Exportable, shown: pn.widgets.Toggle) -> pn.Column:
    box = pn.pane.HTML(cards.code(""), sizing_mode="stretch_width")
    source = pn.widgets.TextAreaInput(
        label="Python", visible=False
    )  # what the button copies, unescaped
    button = pn.widgets.Button(label="Copy", width=90)
    button.js_on_click(
        args={"button": button, "source": source}, code=COPY.replace("TEXT", "source.value")
    )

    def refresh(*_: object) -> None:
        if shown.value:
            source.value = view.code()
            box.object = cards.code(source.value)

    shown.param.watch(refresh, "value")
    view.param.watch(refresh, list(view.state))
    return pn.Column(box, button, source, visible=shown, sizing_mode="stretch_width")
