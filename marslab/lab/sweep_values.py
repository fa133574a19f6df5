"""What `-p name=values` means: one value, or several that a sweep goes through."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeGuard

from marslab.errors import UserError
from marslab.presets import read_yaml

if TYPE_CHECKING:
    from marslab.lab.engine import Value

CLOSING = {"[": "]", "{": "}", "'": "'", '"': '"'}


def read(given: Iterable[str]) -> "dict[str, list[Value]]":
    """Return the values of each name=values, every value read as YAML; the last of a name counts.

    Errors:
        UserError: no name, or an empty or a repeated value among several

    >>> read(["seed=1,2", "text='a, b'", "fast=true", "rate=[1e-3]"])
    {'seed': [1, 2], 'text': ['a, b'], 'fast': [True], 'rate': [0.001]}
    """
    found = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name.isidentifier():
            raise UserError(f"--parameter takes name=value, as seed=3; got {each!r}")
        found[name] = values(name, text)
    return found


def values(name: str, text: str) -> "list[Value]":
    """Return the values in `text`: those between its commas, or those of a list in brackets.

    A comma inside quotes or brackets separates nothing.

    >>> values("width", "8, 16"), values("text", '"a, b", c'), values("seed", "[1, 2]")
    ([8, 16], ['a, b', 'c'], [1, 2])
    """
    pieces = split(text)
    listed = _yaml(text) if len(pieces) == 1 else None
    if isinstance(listed, list) and listed and all(map(_single, listed)):
        found = listed
    elif len(pieces) == 1:
        return [_value(text)]
    elif not all(piece.strip() for piece in pieces):
        raise UserError(
            f"--parameter {name}={text} has nothing beside a comma: "
            'write "" for an empty text, and quotes around a text that holds a comma'
        )
    else:
        found = [_value(piece) for piece in pieces]
    seen = set()
    for value in found:
        if (key := (type(value), str(value))) in seen:
            raise UserError(f"--parameter {name}={text} has {value!r} twice: give each value once")
        seen.add(key)
    return found


def split(text: str) -> list[str]:
    """Cut a text at its commas, but not inside quotes or brackets.

    Only a quote at the start of a value opens one: the apostrophe in "don't" does not.

    >>> split("1, 'a, b', [c, d], don't")
    ['1', " 'a, b'", ' [c, d]', " don't"]
    """
    pieces, open_, fresh = [""], [], True
    for sign in text:
        if open_ and sign == open_[-1]:
            open_.pop()
        elif sign in "[{" and (open_ or fresh) and not _quoted(open_):
            open_.append(CLOSING[sign])
        elif sign in "'\"" and fresh and not _quoted(open_):
            open_.append(sign)
        elif sign == "," and not open_:
            pieces.append("")
            fresh = True
            continue
        pieces[-1] += sign
        fresh = sign.isspace() and fresh or bool(open_) and sign in "[{,"
    return pieces


def _quoted(open_: list[str]) -> bool:
    return bool(open_) and open_[-1] in "'\""


def _value(text: str) -> "Value":
    """One value, read as YAML: 3 is a number, true a truth; what is nothing else is a text."""
    found = _yaml(text)
    return found if _single(found) else text.strip()


def _single(found: object) -> "TypeGuard[Value]":
    return isinstance(found, bool | int | float | str | None)


def _yaml(text: str) -> object:
    try:
        return read_yaml(f"value: {text}", "a value").get("value")
    except UserError:
        return text
