"""The edge table as a record: what was measured, on which machine, under which conditions."""

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from statistics import mean
from typing import Any

from marslab import files as atomic
from marslab.errors import UserError, unknown

KIND, SCHEMA = "edge", 1
SHIPPED = {"digits-scan": "edge-cpu.json", "mars-mini": "edge-mars-mini-cpu.json"}


@dataclass(frozen=True)
class EdgeRow:
    """One way of making and running the model.

    Units:
        parameters: numbers in it, of any width; zeros: share of its weights that are zero,
            None where they are whole numbers
        file_bytes: of the file that is delivered; packed_bytes: of it after zlib
        accuracy: share of the held-out examples, one for each seed
        ms_median, ms_p99: milliseconds for one example, by one thread
        difference: largest difference of a logit from what torch computes for the same graph
    """

    name: str
    runtime: str
    parameters: int
    zeros: float | None
    file_bytes: int
    packed_bytes: int
    accuracy: tuple[float, ...]
    ms_median: float
    ms_p99: float
    difference: float

    @property
    def mean_accuracy(self) -> float:
        """Over the seeds."""
        return mean(self.accuracy)


@dataclass(frozen=True)
class EdgeTable:
    """All rows, and the conditions without which they say nothing."""

    conditions: dict[str, Any]
    rows: tuple[EdgeRow, ...]

    def row(self, name: str, runtime: str) -> EdgeRow:
        """The row of one variant.

        Errors:
            UserError: there is none
        """
        known = {f"{row.name} ({row.runtime})": row for row in self.rows}
        asked = f"{name} ({runtime})"
        if asked not in known:
            raise UserError(unknown("row", asked, known))
        return known[asked]

    def to_json(self) -> str:
        """As text that `read_table` takes."""
        rows = [asdict(row) for row in self.rows]
        head = {"kind": KIND, "schema": SCHEMA, "conditions": self.conditions}
        return json.dumps(head | {"rows": rows}, indent=1, ensure_ascii=False) + "\n"

    def write(self, path: str | PathLike[str]) -> None:
        """Write it to a file, atomically."""
        atomic.write_text(path, self.to_json())


def parse_table(text: str, where: str) -> EdgeTable:
    """Read what `to_json` wrote.

    Errors:
        UserError: it is no such record, or of another format

    >>> parse_table("[]", "here")
    Traceback (most recent call last):
    marslab.errors.UserError: here is no edge table: measure one with `marslab edge --run`
    """
    try:
        found = json.loads(text)
        if (found["kind"], found["schema"]) != (KIND, SCHEMA):
            raise ValueError(found["kind"])
        rows = (row | {"accuracy": tuple(row["accuracy"])} for row in found["rows"])
        return EdgeTable(dict(found["conditions"]), tuple(EdgeRow(**row) for row in rows))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{where} is no edge table: measure one with `marslab edge --run`"
        ) from error


def read_table(path: str | PathLike[str]) -> EdgeTable:
    """Return the table in a file.

    Errors:
        UserError: the file cannot be read, or is no edge table
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    return parse_table(text, str(path))


def shipped_table(name: str = "digits-scan") -> EdgeTable:
    """Return the table of a preset that ships with marslab; its conditions name the machine.

    Errors:
        UserError: no table of that preset ships

    >>> shipped_table("mars-mini").conditions["plan"]["preset"]
    'mars-mini'
    """
    if name not in SHIPPED:
        raise UserError(unknown("shipped edge table", name, SHIPPED))
    text = (files("marslab.data") / "bench" / SHIPPED[name]).read_text("utf-8")
    return parse_table(text, f"data/bench/{SHIPPED[name]}")
