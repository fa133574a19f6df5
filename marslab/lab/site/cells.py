"""A notebook as the body of a page: its cells in order, its headings, and what a search finds."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from nbconvert.filters.highlight import Highlight2HTML

from marslab.lab.notebooks import joined
from marslab.lab.site.outputs import shown
from marslab.lab.site.prose import Heading, Place, prose
from marslab.lab.site.tidy import words

# Cells that a run adds: the page tells the same in its own words.
ADDED = {"injected-parameters", "papermill-error-cell-tag"}
EXERCISE = re.compile(r"\bexercise\(\s*['\"]([\w.-]+)['\"]")
PARAMETERS = "Parameters: what you may change in this notebook."


@dataclass(frozen=True)
class Task:
    """What a page says of an exercise: never its solution."""

    id: str
    title: str
    hints: tuple[str, ...]


@dataclass
class Section:
    """The words from one heading to the next, for the search."""

    id: str
    heading: str
    text: list[str] = field(default_factory=list)


@dataclass
class Body:
    """The inside of a page."""

    html: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    sections: list[Section] = field(default_factory=lambda: [Section("", "")])
    exercises: list[str] = field(default_factory=list)
    added: int = 0  # cells that ran and are not shown; the others are counted without them


def body(
    notebook: Mapping[str, Any],
    pages: Iterable[str] = (),
    task: Callable[[str], Task | None] = lambda id: None,
) -> Body:
    """Turn the cells of a notebook into HTML.

    `pages` are the names of the notebooks that links may lead to; `task` tells what is known of
    an exercise.
    """
    made, place = Body(), Place(frozenset(pages))
    for cell in notebook["cells"]:
        tags = set(cell.get("metadata", {}).get("tags", ()))
        if tags & ADDED:
            made.added += cell.get("execution_count") is not None
            continue
        if cell["cell_type"] == "markdown":
            _words(cell, place, made)
        elif cell["cell_type"] == "code" and joined(cell).strip():
            label = PARAMETERS if "parameters" in tags else ""
            html = _code(cell, (cell.get("execution_count") or 0) - made.added, place, label)
            made.sections[-1].text.append(joined(cell))
            made.html.append(_exercise(cell, html, task, made) if "exercise" in tags else html)
    return made


def _words(cell: Mapping[str, Any], place: Place, made: Body) -> None:
    html, headings = prose(joined(cell), place, cell.get("attachments"))
    made.html.append(f'<div class="prose">{html}</div>')
    made.headings += headings
    cuts = [(heading, html.find(f'id="{heading.id}"')) for heading in headings]
    starts = [0, *(html.rfind("<", 0, at) for _, at in cuts), len(html)]
    made.sections[-1].text.append(words(html[: starts[1]]))
    for (heading, _), start, end in zip(cuts, starts[1:], starts[2:], strict=False):
        after = html.find(f"</h{heading.level}>", start, end)
        text = words(html[max(after, start) : end])
        made.sections.append(Section(heading.id, words(heading.html), [text]))


def _code(cell: Mapping[str, Any], count: int, place: Place, label: str) -> str:
    name = f'<span class="count" id="in-{count}">In [{count}]</span>' if count > 0 else ""
    note = f'<p class="note">{label}</p>' if label else ""
    source = Highlight2HTML()(joined(cell), language="ipython3")
    outputs = "".join(shown(output, place) for output in cell.get("outputs", ()))
    below = f'<div class="outputs">{outputs}</div>' if outputs else ""
    return f'<div class="cell">{note}<div class="source">{name}{source}</div>{below}</div>'


def _exercise(
    cell: Mapping[str, Any], html: str, task: Callable[[str], Task | None], made: Body
) -> str:
    found = EXERCISE.search(joined(cell))
    known = task(found[1]) if found else None
    if found:
        made.exercises.append(found[1])
    title = f"Exercise {known.id}: {escape(known.title)}" if known else "Exercise"
    hints = (
        ""
        if known is None
        else "".join(
            f"<details><summary>Hint {number} of {len(known.hints)}</summary>"
            f"{prose(hint, Place())[0]}</details>"
            for number, hint in enumerate(known.hints, 1)
        )
    )
    return f'<section class="exercise"><p class="title">{title}</p>{html}{hints}</section>'
