"""The ledger of the Claims page: the rows that a filter leaves, the table, one claim in full."""

from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd

from marslab.lab.claims import printing
from marslab.lab.claims.ledger import Standing, shown

ALL = "all"
HEAD = ("Claim", "Promise", "Promised", "Measured", "Verdict")


def chosen(found: Sequence[Standing], system: str, verdict: str) -> list[Standing]:
    """The claims of one system and one verdict; ALL leaves every one."""
    return [
        each
        for each in found
        if system in (ALL, each.claim.system) and verdict in (ALL, each.verdict)
    ]


def counts(found: Sequence[Standing]) -> dict[str, dict[str, int]]:
    """How many claims of each system have which verdict."""
    numbers: dict[str, dict[str, int]] = {}
    for each in found:
        mine = numbers.setdefault(each.claim.system, {})
        mine[each.verdict] = mine.get(each.verdict, 0) + 1
    return numbers


def frame(found: Sequence[Standing]) -> pd.DataFrame:
    """One row for each figure of each claim; a claim without figures has one row."""
    rows = []
    for each in found:
        run = each.run
        known = {
            "claim": each.claim.id,
            "system": each.claim.system,
            "source": each.claim.source,
            "promise": each.claim.promise,
            "promised": each.claim.number,
            "verdict": each.verdict,
            "stale": each.stale,
            "run": run.id if run else None,
            "machine": run.machine if run else None,
            "date": run.date if run else None,
            "seconds": run.seconds if run else None,
        }
        figures = (run.figures if run else None) or {None: None}
        words = dict(each.claim.figures)
        rows += [
            {**known, "figure": name, "value": value, "meaning": words.get(name or "")}
            for name, value in figures.items()
        ]
    return pd.DataFrame(rows)


def table(found: Sequence[Standing], marked: str, served: bool) -> str:
    """The claims that are left, one row each; `marked` stands out."""
    if not found:
        return '<p role="status">No claim has this system and this verdict.</p>'
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in HEAD)
    rows = "".join(_row(each, each.claim.id == marked, served) for each in found)
    caption = f"{len(found)} claims: {printing.summary(found)}."
    return (
        '<div class="ml-scroll" tabindex="0" role="region" aria-label="Ledger of claims">'
        f'<table class="ml-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def detail(each: Standing) -> str:
    """One claim in full: how it was tested, what was measured, where and when."""
    claim, run = each.claim, each.run
    rows = {
        "Promise": f"{claim.promise} ({claim.system} {claim.source})",
        "Tested by": claim.test,
        "Rule": "; ".join(map(str, claim.rule)),
        "Result": each.says,
        "Run": f"{run.id}, {run.seconds:.1f} s" if run else "",
        "Machine": run.machine if run else "",
        "Date": run.date if run else "",
        "Last run failed": each.failed.error if each.failed else "",
        "Stale": "code, rule or test have changed since this run" if each.stale else "",
        "Notebook": f"{claim.notebook}: {claim.shows}" if claim.notebook else "",
    }
    lines = _lines(rows.items()) + _lines(_figures(each))
    return (
        f'<div class="ml-card ml-answer" role="status"><h2>{escape(claim.id)}</h2>'
        f"<p><strong>{escape(printing.verdict(each))}</strong></p><dl>{lines}</dl></div>"
    )


def _figures(each: Standing) -> list[tuple[str, str]]:
    figures = (each.run.figures if each.run else None) or {}
    words = dict(each.claim.figures)
    return [(shown(value), words.get(name, name)) for name, value in figures.items()]


def _lines(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)


def _row(each: Standing, marked: bool, served: bool) -> str:
    id, promise, promised, measured, verdict, _ = printing.row(each)
    name = f'<a href="./claims?claim={id}">{escape(id)}</a>' if served else escape(id)
    cells = "".join(f"<td>{escape(text)}</td>" for text in (promise, promised, measured, verdict))
    mark = ' class="ml-chosen"' if marked else ""
    return f'<tr{mark}><th scope="row">{name}</th>{cells}</tr>'
