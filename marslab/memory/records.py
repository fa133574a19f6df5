"""What a memory store takes: a record, and the limits of its text and of its notes."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from marslab.errors import UserError

MAX_TEXT = 65_536
MAX_META = 16_384
MAX_DEPTH = 20


class Record(NamedTuple):
    """One thing remembered.

    Units:
        created: seconds since 1970, UTC
    """

    id: int
    text: str
    created: float
    meta: dict[str, Any]


def checked_text(text: object, what: str = "the text") -> str:
    """Return `text` if it can be remembered.

    Errors:
        UserError: not a str, empty, longer than MAX_TEXT, or holding half a surrogate pair

    >>> checked_text("  ")
    Traceback (most recent call last):
    marslab.errors.UserError: the text is empty: give at least one visible character
    """
    if not isinstance(text, str):
        raise UserError(f"{what} must be a string, got {type(text).__name__}")
    if not text.strip():
        raise UserError(f"{what} is empty: give at least one visible character")
    if len(text) > MAX_TEXT:
        raise UserError(
            f"{what} has {len(text)} characters, at most {MAX_TEXT} fit in a record: split it"
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{what} holds a character that is none (half a pair, at {error.start}): remove it"
        ) from error
    return text


def packed_meta(meta: Mapping[str, Any] | None) -> str:
    """Return `meta` as JSON with sorted keys, so that equal notes are equal text.

    Errors:
        UserError: not a mapping, not JSON, too deep, or longer than MAX_META

    >>> packed_meta({"b": 1, "a": [True]})
    '{"a": [true], "b": 1}'
    """
    found = {} if meta is None else meta
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise UserError("meta must map names to JSON values")
    try:
        text = json.dumps(dict(found), ensure_ascii=False, allow_nan=False, sort_keys=True)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"meta must hold JSON values only ({error})") from error
    if len(text) > MAX_META:
        raise UserError(f"meta takes {len(text)} characters as JSON, at most {MAX_META} fit")
    if _depth(found) > MAX_DEPTH:
        raise UserError(f"meta is nested deeper than {MAX_DEPTH} levels: flatten it")
    return text


def _depth(value: object) -> int:
    """Levels of nesting; json.dumps has already shown that it ends."""
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list | tuple):
        return 1 + max(map(_depth, value), default=0)
    return 0
