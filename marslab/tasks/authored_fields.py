"""Fields of an authored YAML file, each read with a sentence for what is wrong with it."""

from collections.abc import Iterator, Sequence
from typing import Any

from marslab.errors import UserError, unknown
from marslab.presets import read_yaml


def head(text: str, where: str, kind: str) -> dict[str, Any]:
    """Return the content of a file that says that it is of this kind, in its first format.

    Errors:
        UserError: it is not so
    """
    told = read_yaml(text, where)
    if told.get("kind") != kind or told.get("schema") != 1:
        raise UserError(f"{where} must say `kind: {kind}` and `schema: 1`")
    return told


def mapping(told: dict[str, Any], name: str, where: str) -> Iterator[tuple[Any, Any]]:
    """Yield the lines of the mapping `name`.

    Errors:
        UserError: it is not so
    """
    found = told.get(name)
    if not isinstance(found, dict):
        raise UserError(f"{where}: {name} must hold `name: value` lines")
    yield from found.items()


def items(told: dict[str, Any], name: str, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the place and content of each mapping in the list `name`.

    Errors:
        UserError: it is not so
    """
    found = told.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UserError(f"{where}: {name} must be a list of mappings")
    yield from enumerate(found)


def string(item: dict[str, Any], name: str, where: str) -> str:
    """Return the text `name`, which is not empty.

    Errors:
        UserError: it is not so
    """
    value = item.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: {name} must be a text, got {value!r}")
    return value


def one_of(item: dict[str, Any], name: str, known: Sequence[str], where: str) -> str:
    """Return the text `name`, which is one of the known names.

    Errors:
        UserError: it is not so
    """
    value = string(item, name, where)
    if value not in known:
        raise UserError(f"{where}: {unknown(name, value, known)}")
    return value


def lines(value: object, where: str) -> tuple[str, ...]:
    """Return the lines of a text, without the empty ones.

    Errors:
        UserError: it is not so
    """
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where} must be a text with one phrase a line, got {value!r}")
    return tuple(line.strip() for line in value.splitlines() if line.strip())
