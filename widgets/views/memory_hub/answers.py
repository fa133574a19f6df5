"""The Memory hub view's tables, its sentences and its Python, made from what one run found."""

from collections.abc import Mapping
from dataclasses import fields
from html import escape

import numpy as np
import pandas as pd

from marslab.widgets.figures import plane
from marslab.widgets.views.memory_hub.run import HubResult, Kept
from marslab.widgets.views.memory_hub.setup import HubSetup

YOURS = "your text"
PLACES = {
    "facts": "A hub in memory, made for this page: {facts}. Nothing of it is kept.",
    "mine": (
        "Your own store (memory/store.sqlite in MARSLAB_HOME), opened read-only and copied. It is"
        " never written: what you type here is remembered by the copy, which is thrown away."
    ),
}


def facts(result: HubResult) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    kept, writes = result.kept, result.writes
    best = f"{result.near[0].score:.2f}" if result.near else "none"
    rows = [("Memo", "empty", "no question was answered yet")]
    if kept is not None:
        state = "miss" if kept.hit is None else "hit"
        rows = [
            ("Memo", f"{state}, {kept.score:.2f}", f"cosine with {kept.question!r}"),
            ("Figures alike", "yes" if kept.alike else "no", _figures(kept)),
        ]
    return [
        *rows,
        ("Nearest record", best, "cosine of the record that is most like the question"),
        ("Surprise before", f"{writes.text[0]:.2f}", f"of Titans, at {writes.name!r}"),
        (
            f"After {result.setup.writes} write{'s' * (result.setup.writes != 1)}",
            f"{writes.text[-1]:.2f}" if writes.text[-1] >= 0.005 else "< 0.01",
            "surprise of Titans at the same text",
        ),
        ("Records", f"{result.size:,}", "in the store that is searched, yours included"),
    ]


def card(result: HubResult) -> str:
    """What recall gave, and why each part of the hub did what it did."""
    found = "".join(
        f"<li>{escape(each.text)} <small>({_source(each.source)}, {each.score:.2f})</small></li>"
        for each in result.recalled
    )
    called = f"recall(“{result.setup.question}”, k={result.setup.k})"
    rows = {"Memo": memo_sentence(result), "Titans": titans_sentence(result)}
    rows["Memory"] = place_sentence(result)
    lines = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    return (
        f'<div class="ml-card ml-answer" role="status"><h2>{escape(called)}</h2>'
        f"<ol>{found}</ol><dl>{lines}</dl></div>"
    )


def memo_sentence(result: HubResult) -> str:
    """Hit or miss, and why."""
    kept, setup = result.kept, result.setup
    if kept is None:
        return "No question was answered yet, so there is nothing to hit."
    near = f"The nearest of {kept.among} kept questions is “{kept.question}” ({kept.score:.3f})."
    if kept.hit is not None:
        beware = "" if kept.alike else f" {_figures(kept)}: the answer is that of another question."
        return f"Hit: “{kept.hit}”. {near}{beware}"
    if kept.score < setup.threshold:
        return f"Miss. {near} A hit needs {setup.threshold:g}."
    return f"Miss. {near} That is enough, but its figures are others. {_figures(kept)}."


def titans_sentence(result: HubResult) -> str:
    """What it made of the last text when the hub remembered it."""
    last = result.last
    if last is None:
        return "No text was typed: the figures show what writing the question would do."
    did = "above" if last.written else "not above"
    then = f"so it was written: {last.after:.2f} now" if last.written else "so it was not written"
    return (
        f"“{last.text}” surprised it by {last.before:.2f}, {did} the threshold of"
        f" {last.threshold:.2f}, {then}."
    )


def place_sentence(result: HubResult) -> str:
    """Which hub was asked, and that the user's own is never written."""
    count = result.size - len(result.yours)
    told = PLACES[result.setup.store].format(facts=f"{count} facts of the course and your texts")
    left = result.size - len(result.records)
    return told + (f" {left:,} older records are searched but not drawn." if left else "")


def records(result: HubResult) -> pd.DataFrame:
    """The records that are shown, most like the question first."""
    ranks = {found.id: rank for rank, found in enumerate(result.near, 1)}
    frame = pd.DataFrame(
        {
            "id": [record.id for record in result.records],
            "text": [record.text for record in result.records],
            "from": kinds(result),
            "cosine": result.cosines,
            "rank": [ranks.get(record.id) for record in result.records],
        }
    )
    return frame.sort_values("cosine", ascending=False, kind="stable", ignore_index=True)


def kinds(result: HubResult) -> list[str]:
    """Whose each record is."""
    theirs = "facts" if result.setup.store == "facts" else "your store"
    return [YOURS if record.id in result.yours else theirs for record in result.records]


def places(result: HubResult) -> pd.DataFrame:
    """The points of the map, the question last."""
    points, there, _ = plane(result.vectors, result.asked[None])
    x, y = np.vstack([points, there]).T
    return pd.DataFrame(
        {
            "text": [*(record.text for record in result.records), result.setup.question],
            "kind": [*kinds(result), "question"],
            "x": x,
            "y": y,
            "cosine": [*result.cosines, 1.0],
        }
    )


def cosines(result: HubResult) -> pd.DataFrame:
    """The bars: the kept question, if there is one, then the nearest records."""
    texts = {record.id: record.text for record in result.records}
    kept = result.kept
    rows = [] if kept is None else [("kept question", kept.question, kept.score, kept.hit)]
    rows += [("record", texts[found.id], found.score, None) for found in result.near]
    return pd.DataFrame(rows, columns=["kind", "text", "cosine", "hit"])


def surprises(result: HubResult) -> pd.DataFrame:
    """Surprise after each write."""
    writes = result.writes
    table = {"writes": range(len(writes.text)), "text": writes.text, "question": writes.question}
    return pd.DataFrame(table | ({"other_records": writes.others} if writes.others else {}))


def losses(result: HubResult) -> pd.DataFrame:
    """Loss before each step and after the last of each write."""
    steps = len(result.writes.losses[0]) - 1
    rows = [
        {"write": write + 1, "step": write * steps + at, "loss": loss}
        for write, line in enumerate(result.writes.losses)
        for at, loss in enumerate(line)
    ]
    return pd.DataFrame(rows)


def source(values: Mapping[str, object], figure: str) -> str:
    """Python that gives the numbers again, then the view, whether the values go together or not."""
    default = {field.name: field.default for field in fields(HubSetup)}
    given = [f"{name}={value!r}" for name, value in values.items() if value != default[name]]
    shown = [*given, *([f"figure={figure!r}"] if figure != "map" else [])]
    lines = [
        "import panel as pn",
        "from marslab.widgets.views import HubView",
        "from marslab.widgets.views.memory_hub import HubSetup, run",
        "",
        'pn.extension("plotly")',
        f"found = run(HubSetup({', '.join(given)}))",
        "recalled, losses = found.recalled, found.writes.losses",
        f"HubView({', '.join(shown)})  # the view itself, in a notebook",
    ]
    return "\n".join(lines) + "\n"


def _source(source: str) -> str:
    return "an answer given before" if source == "memo" else "a record"


def _figures(kept: Kept) -> str:
    asked, seen = (" ".join(each) or "none" for each in (kept.asked_figures, kept.kept_figures))
    return f"Figures asked: {asked}; kept: {seen}"
