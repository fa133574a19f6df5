"""Figures that a notebook stores in its own outputs, and reading them back from the file.

Each is one output of the cell, of a type of its own beside the plain text, so that the executed
notebook carries what it measured. Nothing else is written.
"""

import json
import math
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from marslab.errors import UserError, unknown

MIME = "application/vnd.marslab.record+json"
KINDS = ("record", "claim")
MAX_NAME = 120  # characters; a name becomes the head of a column
MAX_TEXT = 10_000
# JSON has no such numbers, and one of them makes a whole notebook unreadable to JupyterLab.
UNWRITABLE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Value = float | int | str | bool


class Record(NamedTuple):
    """One stored figure; of the kind "claim" its name is an id of data/claims.yaml."""

    kind: str
    name: str
    value: Value


def record(name: str, value: object) -> None:
    """Store a figure with the executed notebook; outside a notebook print it.

    Errors:
        UserError: no name, or the value is no number, text, True or False

    >>> record("sweeps", 12)
    record sweeps = 12
    """
    _show(Record("record", _name(name), _plain(name, value)))


def claim(id: str, value: object) -> None:
    """Store a figure as `record` does, tied to the promise `id` of data/claims.yaml.

    Errors:
        UserError: there is no such claim, or the value is no number, text, True or False
    """
    from marslab.lab.claims.schema import claims

    known = claims()
    if id not in known:
        raise UserError(unknown("claim", id, known))
    _show(Record("claim", id, _plain(id, value)))


def of_notebook(path: str | os.PathLike[str]) -> list[Record]:
    """Return what an executed notebook has stored, in the order of its cells.

    Errors:
        UserError: the file is no notebook, or one of its records is damaged
    """
    try:
        with open(path, encoding="utf-8") as file:
            cells = json.load(file)["cells"]
        outputs = [out for cell in cells for out in cell.get("outputs", ())]
        found = [out["data"][MIME] for out in outputs if MIME in out.get("data", ())]
    except FileNotFoundError:
        raise UserError(f"there is no notebook {os.fspath(path)}: give the path of one") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{os.fspath(path)} is no notebook: give the path of an .ipynb") from error
    return [_read(one, path) for one in found]


def _show(stored: Record) -> None:
    if (shell := _shell()) is None:
        print(_told(stored))
        return
    value = stored.value
    if isinstance(value, float) and not math.isfinite(value):
        value = next(_words(value))
    data = {MIME: {**stored._asdict(), "value": value}, "text/plain": _told(stored)}
    shell.display_pub.publish(data=data, metadata={})


def _shell() -> Any:
    """The IPython that runs this cell; None outside, where nobody needs to load IPython."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def _told(stored: Record) -> str:
    return f"{stored.kind} {stored.name} = {stored.value}"


def _words(value: float) -> Iterator[str]:
    return (w for w, v in UNWRITABLE.items() if v == value or math.isnan(v) and math.isnan(value))


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise UserError(
            f"a record needs a name of 1 to {MAX_NAME} characters, got {name!r:.60}: "
            'write record("sweeps", 12)'
        )
    return name


def _plain(name: str, value: object) -> Value:
    """The value as Python's own number, text or truth; of tensors and arrays the single one."""
    if not isinstance(value, Value) and getattr(value, "shape", None) is not None:
        array = cast(Any, value)
        if math.prod(array.shape) == 1:
            value = array.item()
    if not isinstance(value, Value) or isinstance(value, str) and len(value) > MAX_TEXT:
        raise UserError(
            f"the value of {name!r} must be one number, a text of up to {MAX_TEXT:,} characters, "
            f"True or False, got {type(value).__name__}: store each figure by a name of its own"
        )
    # A number of numpy's may pass for Python's own, and does not become JSON.
    return cast(Any, value).item() if hasattr(value, "item") else value


def _read(found: Any, path: str | os.PathLike[str]) -> Record:
    try:
        stored = Record(found["kind"], found["name"], found["value"])
        if stored.kind not in KINDS or not isinstance(stored.value, Value):
            raise ValueError(stored)
        _name(stored.name)
    except (TypeError, KeyError, ValueError) as error:
        raise UserError(
            f"a record in {os.fspath(path)} is damaged: run the notebook again"
        ) from error
    if isinstance(stored.value, str) and stored.value in UNWRITABLE:
        return stored._replace(value=UNWRITABLE[stored.value])
    return stored
