"""The index page: one card for each view."""

from html import escape

import panel as pn
from panel.template import Template

from marslab.lab.catalogue import catalogue
from marslab.widgets.frame import page
from marslab.widgets.views import PAGES

SENTENCE = "Everything here runs live, on this machine. Nothing leaves it."
INTRODUCTION = (
    "Each view runs the library while you watch. The address of a page holds its controls, so a"
    " link shows the same again. Data leaves as CSV, figures as PNG or HTML, and every view gives"
    " the Python that makes it."
)


def index() -> Template:
    """Build the page that lists every view."""
    tiles = "".join(
        f'<a class="ml-tile" href="./{escape(view.slug)}"><h2>{escape(view.title)}</h2>'
        f"<p>{escape(view.sentence)}</p><small>{escape(notebooks(view.slug))}</small></a>"
        for view in PAGES
    )
    cards = pn.pane.HTML(
        f'<p class="ml-intro">{INTRODUCTION}</p><nav class="ml-cards">{tiles}</nav>',
        sizing_mode="stretch_width",
    )
    return page("Dashboards", SENTENCE, cards)


def notebooks(slug: str) -> str:
    """Name the notebooks that belong to a view, as the catalogue has them; empty for none.

    >>> notebooks("scans").split(",")[0]
    'Notebooks: From loop to scan (01_from_loop_to_scan)'
    """
    course = catalogue()
    wanted = {row["notebook"] for row in course["rows"] if row["dashboard"] == slug}
    named = [f"{n['title']} ({n['name']})" for n in course["notebooks"] if n["name"] in wanted]
    if not named:
        return ""
    return f"Notebook{'s' * (len(named) > 1)}: {', '.join(named)}"
