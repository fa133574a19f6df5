"""data/claims.yaml: what the five designs promise, and how each promise is tested here."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from marslab.errors import UserError, unknown
from marslab.lab.claims.rules import Rule, read_rules
from marslab.presets import read_yaml

SYSTEMS = ("TARS", "MARS", "Meta-TRM", "CRSM", "MM-Rec")
MAX_BYTES = 1 << 20  # a promise takes about a thousand
TESTED = ("run", "rule", "figures", "code")  # what only a claim with a test has, and must have


@dataclass(frozen=True)
class Claim:
    """One promise of one design.

    number: what is promised as a figure; figures: what each measured figure means
    cannot: why it cannot be tested here; then it has no run, rule, figures and code
    code: modules, packages and data files that the figures depend on
    timed: whether the run takes times, and so must run with nothing beside it
    shows: what in the notebook shows it
    """

    id: str
    system: str
    source: str
    promise: str
    test: str
    number: str | float | int | None = None
    cannot: str = ""
    run: str = ""
    rule: tuple[Rule, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    code: tuple[str, ...] = ()
    timed: bool = False
    notebook: str = ""
    shows: str = ""


NAMES = tuple(field.name for field in fields(Claim))
REQUIRED = tuple(field.name for field in fields(Claim) if field.default is MISSING)
KINDS = {
    "number": str | float | int | None,
    "rule": Mapping | list,
    "figures": Mapping,
    "code": list,
    "timed": bool,
}


@cache
def claims() -> dict[str, Claim]:
    """Return every claim by its id, in the order of the file.

    >>> claims()["mmrec-core-scan"].system
    'MM-Rec'
    """
    text = (files("marslab.data") / "claims.yaml").read_text(encoding="utf-8")
    return read_claims(text, "data/claims.yaml")


def read_claims(text: str, where: str) -> dict[str, Claim]:
    """Return the claims that a YAML text holds, by id.

    Errors:
        UserError: not plain YAML, an unknown or missing key, a wrong kind of value, an id twice
    """
    found = read_yaml(text, where, max_bytes=MAX_BYTES)
    for key in found:
        if key != "claims":
            raise UserError(f"{where}: {unknown('key', str(key), ['claims'])}")
    entries = found.get("claims")
    if not isinstance(entries, list):
        raise UserError(f"{where} needs a list `claims`")
    read: dict[str, Claim] = {}
    for number, entry in enumerate(entries, start=1):
        claim = _claim(entry, f"{where}, claim {number}")
        if claim.id in read:
            raise UserError(f"{where}, claim {number}: the id {claim.id!r} is given twice")
        read[claim.id] = claim
    return read


def find(id: str) -> Claim:
    """Return one claim.

    Errors:
        UserError: there is none of this id; the sentence names the nearest
    """
    known = claims()
    if id not in known:
        raise UserError(unknown("claim", id, known))
    return known[id]


def _claim(entry: object, where: str) -> Claim:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: a claim is a list of `key: value` lines, got {entry!r:.60}")
    where = f"{where} ({entry['id']})" if isinstance(entry.get("id"), str) else where
    for key in entry:
        if key not in NAMES:
            raise UserError(f"{where}: {unknown('key', str(key), NAMES)}")
    _check_kinds(entry, where)
    _check_test(entry, where)
    if entry["system"] not in SYSTEMS:
        raise UserError(f"{where}: {unknown('system', entry['system'], SYSTEMS)}")
    figures = {str(name): str(words) for name, words in entry.get("figures", {}).items()}
    rules = read_rules(entry["rule"], where) if "rule" in entry else ()
    for rule in rules:
        if rule.metric not in figures:
            raise UserError(f"{where}: {unknown('figure', rule.metric, figures)}")
    lists = {"rule": rules, "figures": tuple(figures.items()), "code": tuple(entry.get("code", ()))}
    return Claim(**{**entry, **lists})


def _check_kinds(entry: Mapping[str, Any], where: str) -> None:
    for key in REQUIRED:
        if key not in entry:
            raise UserError(f"{where} lacks `{key}`: a claim needs {', '.join(REQUIRED)}")
    for key, value in entry.items():
        if (
            not isinstance(value, KINDS.get(key, str))
            or value == ""
            or value == {}
            or key == "rule"
            and value == []
        ):
            raise UserError(f"{where}: `{key}` cannot be {value!r:.60}")
    if not all(isinstance(path, str) for path in entry.get("code", ())):
        raise UserError(f"{where}: `code` is a list of modules and data files")


def _check_test(entry: Mapping[str, Any], where: str) -> None:
    """Either a test with all that belongs to it, or the reason why there is none."""
    here = [key for key in TESTED if key in entry]
    if "cannot" in entry and here:
        raise UserError(f"{where} says why it cannot be tested, and how: leave out `{here[0]}`")
    missing = [key for key in TESTED if key not in entry]
    if "cannot" not in entry and missing:
        raise UserError(f"{where} lacks `{missing[0]}`, or `cannot` with the reason")
    if "run" in entry and entry["run"].count(":") != 1:
        raise UserError(f"{where}: `run` is written module:function, got {entry['run']!r}")
