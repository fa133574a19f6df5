"""The log of a training: one JSON record a line, none of it ahead of the checkpoint."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Log:
    """Appends records to a file; what lies beyond `position` is cut off first.

    A training that goes on from a checkpoint writes the records after it again, so that a killed
    one leaves no line twice and no half line.

    Units:
        position: bytes

    >>> with Log(Path("log.jsonl"), 0) as log:
    ...     log.add({"step": 1, "loss": 2.5})
    ...     log.position()
    25
    """

    def __init__(self, path: Path, position: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab")
        if self._file.tell() > position:
            self._file.truncate(position)
            self._file.seek(position)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *told: object) -> None:
        self._file.close()

    def add(self, record: Mapping[str, Any]) -> None:
        """Append one record; a number that is not finite becomes null."""
        self._file.write((json.dumps(_plain(record), ensure_ascii=False) + "\n").encode())
        self._file.flush()

    def position(self) -> int:
        """Where the log ends, all of it being on the disk."""
        os.fsync(self._file.fileno())
        return self._file.tell()


def read_log(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the records of a log; a last line that is not whole is left out.

    Errors:
        OSError: the file cannot be read
    """
    lines = Path(path).read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
