"""The HDC retrieval view's tables, its sentences and its Python, made from what one run found."""

from collections.abc import Mapping
from dataclasses import fields
from html import escape

import pandas as pd

from marslab.widgets.figures import Recall
from marslab.widgets.figures.hdc_similarity import MAX_LABELS
from marslab.widgets.views.hdc.run import ANOTHER, NONE, TRIALS, HdcResult
from marslab.widgets.views.hdc.setup import HdcSetup

READ = {
    "similarity": (
        "The key is taken off the stored vector; each bar is the cosine of what is left with one"
        " code. The typed values stand first, then the nearest of the other codes. Below the dotted"
        " line chance alone may come as near: one stranger in a hundred passes it."
    ),
    "confusion": (
        f"The memory is drawn anew {TRIALS} times, with other vectors for the same words. Each row"
        " is a key that was asked; “another” is a code that you did not type, “none” a rejection."
    ),
    "capacity": (
        "Every key of the vector is asked, and the nearest code counts, rejected or not. The line"
        " is theory, in the band fall 99 % of such measurements, and the dots are measured."
    ),
    "noise": (
        "As the capacity, for the pairs that are stored now: a share of the stored numbers changes"
        " its sign. At one half nothing is left of them."
    ),
}


def name_of(result: HdcResult, code: int) -> str:
    """A typed value, or the number of a random code."""
    values = result.asked.values
    return values[code] if code < len(values) else f"#{code}"


def shown(result: HdcResult) -> list[int]:
    """The codes that have a bar: typed values, then the nearest of the others, most alike first."""
    typed = len(result.asked.values)
    cosines = result.asked.cosines
    rest = sorted(range(typed, len(cosines)), key=lambda code: -cosines[code])
    return [*range(typed), *rest[: MAX_LABELS - typed]]


def facts(result: HdcResult) -> list[tuple[str, str, str]]:
    """What one run says of itself: (label, value, what it means)."""
    setup, asked = result.setup, result.asked
    found = "none" if asked.found is None else name_of(result, asked.found)
    best = max(asked.cosines)
    return [
        ("Found", found, f"the nearest code has the cosine {best:.3f}"),
        ("In one vector", f"{setup.stored:,} pairs", "typed and random"),
        ("Found by theory", f"{asked.expected:.1%}", "of all keys, with this noise"),
        ("Room", f"{asked.room:,} pairs", "found in 99 % of cases, by theory, without noise"),
        ("Size", f"{asked.size:,} B", "of the stored vector, packed, its scale apart"),
    ]


def card(result: HdcResult, figure: str) -> str:
    """What was asked and found, and how to read the figure."""
    setup = result.setup
    kept = (
        "a majority, 1 bit a number" if setup.vsa == "BSC" else f"{setup.precision} bits a number"
    )
    rows = {
        "Answer": answer_sentence(result),
        "Memory": (
            f"{setup.stored} pairs in one vector of {setup.dim:,} numbers ({setup.vsa}, {kept}),"
            f" {setup.codes:,} codes in the codebook, {setup.flipped:.0%} of the signs flipped."
        ),
        "Figure": READ[figure],
    }
    lines = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    title = escape(f"recall(“{setup.ask.strip()}”)")
    return f'<div class="ml-card ml-answer" role="status"><h2>{title}</h2><dl>{lines}</dl></div>'


def answer_sentence(result: HdcResult) -> str:
    """Found or rejected, rightly or not."""
    asked = result.asked
    best = max(asked.cosines)
    if asked.found is None:
        why = f"the nearest code has the cosine {best:.3f}, and chance reaches {asked.least:.3f}"
        if asked.wanted is None:
            return f"Rejected, rightly: this key was never stored; {why}."
        own = asked.cosines[asked.wanted]
        return (
            f"Rejected, though “{name_of(result, asked.wanted)}” is stored (cosine {own:.3f}): "
            f"{why}."
        )
    said = f"“{name_of(result, asked.found)}” (cosine {best:.3f}, needed {asked.least:.3f})"
    if asked.wanted is None:
        return f"{said}: wrong, this key was never stored. Chance does that once in 100 questions."
    if asked.found == asked.wanted:
        return f"{said}: right."
    own = asked.cosines[asked.wanted]
    return f"{said}: wrong, “{name_of(result, asked.wanted)}” is stored (cosine {own:.3f})."


def similarities(result: HdcResult) -> pd.DataFrame:
    """Every code and its cosine, most alike first."""
    asked = result.asked
    codes = range(len(asked.cosines))
    frame = pd.DataFrame(
        {
            "code": codes,
            "name": [name_of(result, code) for code in codes],
            "typed": [code < len(asked.values) for code in codes],
            "cosine": asked.cosines,
            "right": [code == asked.wanted for code in codes],
            "found": [code == asked.found for code in codes],
        }
    )
    return frame.sort_values("cosine", ascending=False, kind="stable", ignore_index=True)


def confusions(result: HdcResult) -> pd.DataFrame:
    """The share of each answer for each key that was typed."""
    assert result.confusion is not None
    columns = [*result.asked.values, ANOTHER, NONE]
    frame = pd.DataFrame(result.confusion, columns=columns)
    frame.insert(0, "asked", [key for key, _ in result.setup.typed])
    return frame


def recalls(recall: Recall, name: str) -> pd.DataFrame:
    """Theory and measurements, one row a point."""
    theory = pd.DataFrame({name: recall.x, "theory": recall.expected})
    dots = {"low": recall.low, "high": recall.high, "measured": recall.measured}
    return pd.concat([theory, pd.DataFrame({name: recall.at, **dots})], ignore_index=True)


def source(values: Mapping[str, object], figure: str) -> str:
    """Python that gives the numbers again, then the view, whether the values go together or not."""
    default = {field.name: field.default for field in fields(HdcSetup)}
    given = [f"{name}={value!r}" for name, value in values.items() if value != default[name]]
    shown = [*given, *([f"figure={figure!r}"] if figure != "similarity" else [])]
    lines = [
        "import panel as pn",
        "from marslab.widgets.views import HdcView",
        "from marslab.widgets.views.hdc import HdcSetup, run",
        "",
        'pn.extension("plotly")',
        f"found = run(HdcSetup({', '.join(given)}), {figure!r})",
        "cosines, expected = found.asked.cosines, found.asked.expected",
        f"HdcView({', '.join(shown)})  # the view itself, in a notebook",
    ]
    return "\n".join(lines) + "\n"
