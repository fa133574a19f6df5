"""The pages of a site: a frame around each notebook, and the index."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import groupby
from string import Template

from marslab.lab.runs import Failure
from marslab.lab.site.cells import Body
from marslab.lab.site.contents import Entry, lasting
from marslab.lab.site.tidy import words

LEAD = (
    "Five designs claim that something after the Transformer thinks better with less. This course "
    "builds them, looks inside while they run, breaks them on purpose, and measures what they "
    "promise."
)
# The reader's browser refuses what is not of this site, whatever a page may hold.
POLICY = (
    "default-src 'self' file: data: blob:; style-src 'self' file: 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'"
)
PLOTS = (
    '<script defer src="assets/plotly.min.js"></script>\n'
    '<script defer src="assets/figures.js"></script>'
)


@dataclass(frozen=True)
class Page:
    """A notebook of the site: its line in the course, its body, how its run went."""

    entry: Entry
    body: Body
    failure: Failure | None = None


def notebook_page(page: Page, around: Sequence[Entry], made: str) -> str:
    """Return the HTML of a notebook's page; `around` is the course it stands in."""
    at = around.index(page.entry)
    html = "\n".join(page.body.html)
    inside = _template("notebook").substitute(
        toc=_toc(page.body),
        course=_course(around, page.entry),
        about=_about(page),
        failed=_failed(page.failure, page.body.added),
        body=html,
        previous=_step(around[at - 1], "prev", "Previous") if at else "",
        next=_step(around[at + 1], "next", "Next") if at + 1 < len(around) else "",
    )
    title = f"{page.entry.title} · marslab"
    scripts = PLOTS if 'class="plot"' in html else ""
    return _framed(page.entry.name, title, page.entry.learn, inside, (scripts, made))


def index_page(pages: Sequence[Page], made: str) -> str:
    """Return the HTML of the index: each part, each notebook with what one learns."""
    minutes = sum(page.entry.minutes for page in pages)
    parts = []
    for title, group in groupby(pages, lambda page: page.entry.part):
        tiles = "".join(f"<li>{_tile(page)}</li>" for page in group)
        parts.append(f"<h2>{escape(title)}</h2><ol>{tiles}</ol>")
    failed = [page.entry for page in pages if page.failure]
    links = ", ".join(f'<a href="{e.name}.html">{escape(e.title)}</a>' for e in failed)
    told = f"<p>Stopped before the end when this site was made: {links}.</p>" if failed else ""
    count = "1 notebook" if len(pages) == 1 else f"{len(pages)} notebooks"
    inside = _template("index").substitute(
        lead=LEAD,
        sum=f"{count}, {lasting(minutes)}." if minutes else f"{count}.",
        count=len(pages),
        failed=f'<aside class="failed">{told}</aside>' if failed else "",
        parts="\n".join(parts),
    )
    return _framed("", "marslab", LEAD, inside, ("", made))


def search_index(pages: Sequence[Page]) -> str:
    """Return the script that holds the words of all pages, section by section."""
    found = [
        {
            "page": page.entry.name,
            "title": page.entry.title,
            "id": section.id,
            "heading": section.heading,
            "text": " ".join(" ".join(section.text).split()),
        }
        for page in pages
        for section in page.body.sections
        if section.heading or any(text.strip() for text in section.text)
    ]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return f"window.marslabSearch = {text};\n"


def _framed(name: str, title: str, told: str, inside: str, rest: tuple[str, str]) -> str:
    scripts, made = rest
    return _template("frame").substitute(
        policy=POLICY,
        name=name,
        title=escape(title),
        description=escape(told),
        scripts=scripts,
        inside=inside,
        made=escape(made),
    )


def _template(name: str) -> Template:
    folder = files("marslab.lab.site") / "templates"
    return Template((folder / f"{name}.html").read_text("utf-8"))


def _toc(body: Body) -> str:
    lines = [
        f'<li{" class=deep" if heading.level > 2 else ""}><a href="#{escape(heading.id)}">'
        f"{heading.html}</a></li>"
        for heading in body.headings
        if heading.level in (2, 3)
    ]
    return f"<ol>{''.join(lines)}</ol>" if lines else "<p>One part only.</p>"


def _course(around: Sequence[Entry], here: Entry) -> str:
    lines = []
    for entry in around:
        current = ' aria-current="page"' if entry == here else ""
        lines.append(
            f'<li><a href="{entry.name}.html"{current} data-notebook="{entry.name}">'
            f"{escape(entry.title)}</a></li>"
        )
    return f"<ol>{''.join(lines)}</ol>"


def _about(page: Page) -> str:
    entry, told = page.entry, []
    told += [f"{entry.part}"] if entry.part else []
    told += [f"{lasting(entry.minutes)} to read and play"] if entry.minutes else []
    if page.body.exercises:
        told.append(_exercises(len(page.body.exercises)))
    return escape(" · ".join(told))


def _exercises(count: int) -> str:
    return f"{count} exercise{'s' * (count > 1)}"


def _failed(failure: Failure | None, added: int) -> str:
    if failure is None:
        return ""
    where, count = "before its first cell", (failure.count or 0) - added
    if count > 0:
        where = f'at <a href="#in-{count}">In [{count}]</a>'
    return (
        f'<aside class="failed"><p><strong>This notebook stopped {where}</strong> when the site '
        f"was made. What stands below it did not run.</p><pre>{escape(failure.error)}</pre></aside>"
    )


def _step(entry: Entry, rel: str, said: str) -> str:
    link = f'<a rel="{rel}" href="{entry.name}.html">'
    return f"{link}<small>{said}</small>{escape(entry.title)}</a>"


def _tile(page: Page) -> str:
    entry = page.entry
    told = [f"{entry.minutes} minutes"] if entry.minutes else []
    told += [_exercises(len(page.body.exercises))] if page.body.exercises else []
    learn = words(entry.learn)
    learn = learn[:1].upper() + learn[1:]
    return (
        f'<a class="tile" href="{entry.name}.html"><span class="number">{entry.name[:2]}</span>'
        f'<b data-notebook="{entry.name}">{escape(entry.title)}</b>'
        f'<span class="learn">{escape(learn)}{"." if learn else ""}</span>'
        f"<small>{escape(' · '.join(told))}</small></a>"
    )
