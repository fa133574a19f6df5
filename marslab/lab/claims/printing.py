"""The ledger as rows, as Markdown and as JSON; what failed is printed as plainly as what holds."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from textwrap import fill
from typing import Any

from marslab.lab.claims.ledger import Standing, shown
from marslab.lab.claims.rules import UNMEASURED, VERDICTS
from marslab.lab.claims.schema import SYSTEMS

COLUMNS = ("claim", "promise", "promised", "measured", "verdict", "measured on")


def verdict(each: Standing) -> str:
    """The verdict, with what must be known beside it."""
    notes = ["stale"] * each.stale + ["last run failed"] * (each.failed is not None)
    return f"{each.verdict} ({', '.join(notes)})" if notes else each.verdict


def row(each: Standing) -> tuple[str, ...]:
    """One claim in COLUMNS."""
    where = f"{each.run.machine}, {each.run.date[:10]}" if each.run is not None else "-"
    return (
        each.claim.id,
        each.claim.promise,
        "-" if each.claim.number is None else shown(each.claim.number),
        each.measured or "-",
        verdict(each),
        where,
    )


def listing(found: Iterable[Standing], width: int) -> str:
    """The ledger for a terminal: a few lines for each claim, the verdict first.

    Units:
        width: characters of a line
    """
    return "\n".join(_block(each, width) for each in found)


def summary(found: Sequence[Standing]) -> str:
    """How many claims have which verdict, in one line.

    >>> summary([])
    'no claims'
    """
    counts = {name: sum(each.verdict == name for each in found) for name in VERDICTS}
    told = [f"{name} {count}" for name, count in counts.items() if count]
    stale = sum(each.stale for each in found)
    return ", ".join(told + [f"stale {stale}"] * bool(stale)) or "no claims"


def markdown(found: Sequence[Standing]) -> str:
    """The ledger in Markdown: for each system a table, and a sentence about each claim."""
    parts = [
        "# What the designs promise, measured",
        f"{len(found)} claims: {summary(found)}. A verdict is *stale* when code, rule or"
        " test have changed since the run.",
    ]
    for system in SYSTEMS:
        mine = [each for each in found if each.claim.system == system]
        if mine:
            parts += [f"## {system}", _table(mine), "\n".join(_sentence(each) for each in mine)]
    return "\n\n".join(parts) + "\n"


def as_json(found: Iterable[Standing]) -> list[dict[str, Any]]:
    """The ledger as plain data, one mapping for each claim."""
    return [_plain(each) for each in found]


def _block(each: Standing, width: int) -> str:
    claim, indent = each.claim, "    "
    lines = [f"{verdict(each).upper()}  {claim.id}"]
    number = "" if claim.number is None else f" Promised: {shown(claim.number)}."
    told = [f"{claim.system}: {claim.promise}{number}"]
    told += [f"Measured: {each.measured}."] if each.measured else []
    told += [each.says] if each.says else []
    if each.run is not None:
        told.append(f"{each.run.machine}, {each.run.date[:10]}, run {each.run.id}")
    if each.failed is not None:
        told.append(f"The run of {each.failed.ran} failed: {each.failed.error}")
    shape = {"initial_indent": indent, "subsequent_indent": indent, "break_on_hyphens": False}
    lines += [fill(line, width, **shape) for line in told]
    return "\n".join(lines) + "\n"


def _plain(each: Standing) -> dict[str, Any]:
    claim = asdict(each.claim)
    claim["rule"] = [str(rule) for rule in each.claim.rule]
    claim["figures"] = dict(each.claim.figures)
    return {
        **claim,
        "verdict": each.verdict,
        "stale": each.stale,
        "says": each.says,
        "last": None if each.run is None else asdict(each.run),
        "failed": None if each.failed is None else asdict(each.failed),
    }


def _table(found: Iterable[Standing]) -> str:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(_cell(text) for text in row(each))} |" for each in found]
    return "\n".join(lines)


def _sentence(each: Standing) -> str:
    told = [each.says] if each.says else [f"{UNMEASURED[:1].upper()}{UNMEASURED[1:]}."]
    if each.run is not None:
        told.append(f"Run `{each.run.id}`, {each.run.seconds:.1f} s, {each.run.date}.")
    if each.failed is not None:
        told.append(f"The run of {each.failed.ran} failed: {each.failed.error}.")
    if each.claim.notebook:
        told.append(f"Seen in {each.claim.notebook}: {each.claim.shows}.")
    return f"- **{each.claim.id}** ({each.claim.source}). {' '.join(told)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
