"""The words of a notebook: Markdown to HTML, with the headings that a reader can jump to."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from marslab.lab.site.tidy import tidy, words

WEB = ("http", "https", "mailto")


@dataclass(frozen=True)
class Heading:
    """A heading: its level, 1 to 6, the id that a link can name, and its HTML."""

    level: int
    id: str
    html: str


@dataclass
class Place:
    """Where pieces of HTML will stand: pages to link to, ids that are taken, figures so far."""

    pages: frozenset[str] = frozenset()
    taken: Counter[str] = field(default_factory=Counter)
    figures: int = 0

    def fresh(self, text: str) -> str:
        """Return the id of a heading with this text.

        >>> place = Place()
        >>> place.fresh("What goes wrong?"), place.fresh("What goes wrong?")
        ('What-goes-wrong', 'What-goes-wrong-2')
        """
        id = anchor(text)
        self.taken[id] += 1
        return id if self.taken[id] == 1 else f"{id}-{self.taken[id]}"

    def leading(self, address: str) -> str | None:
        """Return where a link leads from here, None for nowhere."""
        return leading(address, self.pages)


def anchor(text: str) -> str:
    """Return the id that JupyterLab's links give to a heading, without what breaks an address.

    >>> anchor("All states in log₂ L rounds")
    'All-states-in-log₂-L-rounds'
    """
    return re.sub(r"[^\w-]+", "-", text).strip("-") or "section"


def leading(address: str, pages: Collection[str]) -> str | None:
    """Return where a link of a notebook leads in a site of these pages, None for nowhere.

    A link to a notebook leads to its page. Other files stay in the repository: their links become
    plain words that tell the path.

    >>> leading("01_scan.ipynb#The-idea", {"01_scan"})
    '01_scan.html#The-idea'
    >>> leading("../kernels/ssd/naive.py", {"01_scan"}) is None
    True
    """
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    if parts.scheme in WEB:
        return address.strip()
    if parts.scheme or parts.netloc:
        return None
    here = f"#{anchor(unquote(parts.fragment))}" if parts.fragment else ""
    if not parts.path:
        return here or None
    name = PurePosixPath(unquote(parts.path))
    return f"{name.stem}.html{here}" if name.suffix == ".ipynb" and name.stem in pages else None


def prose(
    source: str, place: Place, attachments: Mapping[str, Any] | None = None
) -> tuple[str, list[Heading]]:
    """Return the HTML of a Markdown text and its headings.

    >>> html, headings = prose("## An *idea*: $a < b$", Place())
    >>> html.strip()
    '<h2 id="An-idea-a-b">An <em>idea</em>: <span class="tex">a &lt; b</span></h2>'
    >>> [(heading.level, heading.id) for heading in headings]
    [(2, 'An-idea-a-b')]
    """
    renderer = _Renderer(place, attachments)
    html = MarkdownWithMath(renderer=renderer).render(source)
    known = {heading.id for heading in renderer.headings}
    headings = [Heading(h.level, h.id, tidy(h.html)) for h in renderer.headings]
    return framed(tidy(html, place.leading, known)), headings


def framed(html: str) -> str:
    """Put each table in a frame that scrolls, so that a wide one does not widen the page."""
    html = re.sub(r"<table(?=[ >])", '<div class="wide"><table', html)
    return html.replace("</table>", "</table></div>")


class _Renderer(IPythonRenderer):
    """Formulas marked for KaTeX; headings with ids."""

    def __init__(self, place: Place, attachments: Mapping[str, Any] | None) -> None:
        super().__init__(escape=False, attachments=dict(attachments or {}))
        self.place = place
        self.headings: list[Heading] = []

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        id = self.place.fresh(words(text))
        self.headings.append(Heading(level, id, text))
        return f'<h{level} id="{id}">{text}</h{level}>\n'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        if url.startswith("attachment:") and url.partition(":")[2] not in self.attachments:
            return escape(text)
        return super().image(text, url, title)

    def inline_math(self, body: str) -> str:
        return f'<span class="tex">{escape(body.strip())}</span>'

    def block_math(self, body: str) -> str:
        return f'<span class="tex display">{escape(body.strip())}</span>'

    def latex_environment(self, name: str, body: str) -> str:
        whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return f'<span class="tex display">{escape(whole)}</span>'
