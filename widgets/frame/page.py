"""One served page: the bar at the top, light or dark, and a view or a piece of HTML below."""

from collections.abc import Callable
from html import escape
from importlib.resources import files
from typing import Any, ClassVar, Protocol

import panel as pn
import param
from panel.custom import JSComponent
from panel.io.resources import CDN_DIST
from panel.template import Template
from panel.theme.base import Design, Inherit
from panel.viewable import Viewable

from marslab.widgets.frame import address, cards

PAGE = """
{% extends "base.html" %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{{ page_css }}</style>
<script>{{ early }}</script>
{% endblock %}
{% block contents %}
<header id="bar"><a class="home" href="./">marslab</a><h1>{{ heading }}</h1><p>{{ sentence }}</p>
{{ embed(roots.switch) }}</header>
<main>{{ embed(roots.body) }}</main>
<noscript>The dashboards need JavaScript, all of it from this server.</noscript>
{{ embed(roots.location) }}
{% endblock %}
"""
# Runs before the first paint, so that a dark page does not flash white.
EARLY = """
document.documentElement.dataset.theme = localStorage.getItem('marslab-theme') ||
  (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
// Bokeh's sliders have no name and count positions, not values: say what stands above them.
const name = (event) => {
  const handle = event.composedPath()[0];
  if (!handle.matches || !handle.matches('.noUi-handle')) return;
  const title = handle.getRootNode().host.previousElementSibling;
  const words = title && [...title.shadowRoot.children]
    .filter((e) => !['STYLE', 'LINK'].includes(e.tagName)).map((e) => e.innerText).join(' ');
  if (words) { handle.ariaLabel = words; handle.ariaValueText = words; }
};
document.addEventListener('focusin', name);
document.addEventListener('keyup', name);
// Panel may resize a figure that it has just taken down: there is nothing to lay out then.
if (window.Plotly) {
  const relayout = Plotly.relayout;
  Plotly.relayout = (figure, ...rest) =>
    figure._fullLayout ? relayout(figure, ...rest) : Promise.resolve(figure);
}
"""
SWITCH = """
export function render({ model }) {
  const root = document.documentElement;
  const button = document.createElement('button');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const show = (theme) => {
    root.dataset.theme = theme;
    model.dark = theme === 'dark';
    button.textContent = theme === 'dark' ? '\\u2600 Light' : '\\u263E Dark';
    button.setAttribute('aria-label', theme === 'dark' ? 'Use light colours' : 'Use dark colours');
  };
  button.addEventListener('click', () => {
    const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    localStorage.setItem('marslab-theme', theme);
    show(theme);
  });
  system.addEventListener('change', () => {
    if (!localStorage.getItem('marslab-theme')) show(system.matches ? 'dark' : 'light');
  });
  button.className = 'bk-btn';
  show(root.dataset.theme || 'light');
  return button;
}
"""


class Served(Protocol):
    """What a page of its own needs: a name, a state for its address, and something to show."""

    slug: ClassVar[str]
    title: ClassVar[str]
    sentence: ClassVar[str]
    param: Any

    def __init__(self, **params: Any) -> None: ...
    @property
    def state(self) -> tuple[str, ...]: ...
    def complain(self, sentences: list[str]) -> None: ...
    def close(self) -> None: ...
    def __panel__(self) -> Viewable: ...


class Switch(JSComponent):
    """The button for light or dark; until it is pressed the page follows the system."""

    dark = param.Boolean(False)

    _esm = SWITCH


class Look(Design):
    """Panel's native design in this project's colours, which live in CSS variables."""

    modifiers = {
        Viewable: {
            "stylesheets": [
                Inherit,
                f"{CDN_DIST}bundled/theme/native.css",
                files("marslab.widgets.frame").joinpath("parts.css").read_text("utf-8"),
            ]
        }
    }


def serve_view(kind: type[Served]) -> Callable[[], Template]:
    """Make the function that builds one reader's page of a view."""

    def build() -> Template:
        try:
            view = kind()
            _tie_to_address(view)
            return page(view.title, view.sentence, view.__panel__(), view)
        except Exception as error:  # else the reader gets an empty page with a 500
            card = cards.problem(cards.sentence_of(error), cards.detail_of(error))
            return page(kind.title, kind.sentence, pn.pane.HTML(card))

    return build


def page(title: str, sentence: str, body: Viewable, view: Served | None = None) -> Template:
    """Put `body` on a page; the light or dark of the page is told to `view`."""
    switch = Switch(width=90, height=32)
    if view is not None:
        switch.param.watch(lambda event: view.param.update(dark=event.new), "dark")
    template = Template(PAGE, design=Look, location=True)
    for name, text in (("heading", title), ("sentence", sentence)):
        template.add_variable(name, escape(text))
    template.add_variable("early", EARLY)
    css = files("marslab.widgets.frame").joinpath("page.css")
    template.add_variable("page_css", css.read_text("utf-8"))
    template.add_panel("switch", switch)
    template.add_panel("body", body)
    return template


def _tie_to_address(view: Served) -> None:
    location = pn.state.location
    if location is None:
        return
    view.complain(address.read(view, view.state, str(location.search or "")))

    def write(*_: object) -> None:
        location.search = address.write(view, view.state)

    view.param.watch(write, list(view.state))
    pn.state.on_session_destroyed(lambda _context: view.close())
