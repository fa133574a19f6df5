"""The answer and the table of the page, as HTML."""

from html import escape

from marslab.widgets.views.scans import OPS
from marslab.widgets.views.which_op.facts import FACTS, notebook

HEAD = ("Operation", "Formula", "What it is for", "State", "Work", "Backends", "Used in")


def answer(op: str, served: bool) -> str:
    """What the questions led to: the op, its numbers, and how to see it at work."""
    facts = FACTS[op]
    rows = {
        "Formula": OPS[op].formula,
        "State of one sequence": f"{_state(op)} numbers" if facts.state else "none",
        f"Work of one {facts.per}": f"{facts.work.text} operations",
        "Backends": ", ".join(OPS[op].backends),
        "Used in": facts.designs,
        "Notebook": notebook(op),
    }
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows.items() if text
    )
    call = f'Scans(op="{op}")' if op != "linear_scan" else "Scans()"
    see = (
        f'<a class="ml-go" href="./scans?op={op}">See {op} at work</a>'
        if served
        else f"See it at work: <code>{escape(call)}</code>"
    )
    return (
        f'<div class="ml-card ml-answer" role="status"><h2>{op}</h2>'
        f"<p>{escape(facts.does.capitalize())}.</p><dl>{lines}</dl><p>{see}</p></div>"
    )


def overview(served: bool, chosen: str = "") -> str:
    """All operations, one row each; `chosen` is marked."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in HEAD)
    rows = "".join(_row(op, served, op == chosen) for op in FACTS)
    return (
        '<div class="ml-scroll" tabindex="0" role="region" aria-label="All operations">'
        '<table class="ml-table"><caption>All operations. State: numbers kept for one sequence.'
        " Work: floating point operations, a multiply-add two; for codes, operations on words of"
        f" 64 bits.</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(op: str, served: bool, chosen: bool) -> str:
    facts = FACTS[op]
    name = f'<a href="./scans?op={op}">{op}</a>' if served else f"<code>{op}</code>"
    cells = (
        OPS[op].formula,
        facts.does,
        _state(op),
        f"{facts.work.text} a {facts.per}",
        ", ".join(OPS[op].backends),
        facts.designs,
    )
    mark = ' class="ml-chosen"' if chosen else ""
    plain = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr{mark}><th scope="row">{name}</th>{plain}</tr>'


def _state(op: str) -> str:
    state = FACTS[op].state
    return state.text if state else "none"
