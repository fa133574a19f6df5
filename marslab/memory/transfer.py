"""A store as a text file: one JSON object a line, to carry it elsewhere or to read it."""

import json
import math
import os
from pathlib import Path
from typing import Any

from marslab import files, home
from marslab.errors import UserError
from marslab.memory.records import Record, checked_text, packed_meta
from marslab.memory.store import Store

KIND = "memory-export"
# No line can be longer: each character of text and meta may be escaped as \uXXXX.
MAX_LINE = 1 << 20


def export_records(store: Store, path: str | os.PathLike[str]) -> int:
    """Write the records (not their vectors, nor cached answers) to `path`, and return how many.

    The file is the old one or the whole new one, whenever the process is killed.

    Errors:
        OSError: the file cannot be written
    """
    lines = [json.dumps(home.stamp(KIND))]
    for record in store.records():
        found = {"text": record.text, "created": record.created, "meta": record.meta}
        lines.append(json.dumps(found, ensure_ascii=False))
    files.write_text(path, "\n".join(lines) + "\n")
    return len(lines) - 1


def import_records(store: Store, path: str | os.PathLike[str]) -> tuple[int, int]:
    """Add the records of an exported file, all or none; return how many are new and how many not.

    A record that the store holds already (same text, time and meta) is passed over, so importing
    a file twice is importing it once.

    Errors:
        UserError: no such file, not an export, or a line of it is wrong (it is named)
    """
    fresh: list[Record] = []
    seen: set[tuple[str, float, str]] = set()
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            home.check(KIND, _parsed(file.readline(MAX_LINE), path, 1), path)
            number = 1
            while line := file.readline(MAX_LINE):
                number += 1
                record = _read(line, path, number)
                key = (record.text, record.created, packed_meta(record.meta))
                if key not in seen and not store.holds(record):
                    fresh.append(record)
                seen.add(key)
            passed = number - 1 - len(fresh)
    except UnicodeDecodeError as error:
        raise UserError(f"{Path(path)} is not UTF-8 text: export it again") from error
    except OSError as error:
        raise UserError(f"{Path(path)} cannot be read ({error.strerror})") from error
    store.add(fresh)
    return len(fresh), passed


def _parsed(line: str, path: str | os.PathLike[str], number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"line {number} of {Path(path)} is not a line of JSON: was it exported by marslab?"
        ) from error


def _read(line: str, path: str | os.PathLike[str], number: int) -> Record:
    found = _parsed(line, path, number)
    what = f"line {number} of {Path(path)}"
    if not isinstance(found, dict) or found.keys() != {"text", "created", "meta"}:
        raise UserError(f"{what} must be an object with text, created and meta")
    created, meta = found["created"], found["meta"]
    if type(created) not in (int, float) or not math.isfinite(created) or abs(created) > 1e12:
        raise UserError(f"{what}: created must be seconds since 1970, got {created!r:.40}")
    try:
        packed_meta(meta if isinstance(meta, dict) else None)
    except UserError as error:
        raise UserError(f"{what}: {error}") from error
    if not isinstance(meta, dict):
        raise UserError(f"{what}: meta must be an object")
    return Record(0, checked_text(found["text"], f"the text of {what}"), float(created), meta)
