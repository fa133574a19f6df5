"""What was measured over the lengths, as a record: points, and the conditions they stand under."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from math import nan
from os import PathLike
from pathlib import Path
from statistics import median
from typing import Any

from marslab import files as atomic
from marslab.errors import UserError, unknown

KIND, SCHEMA = "lengths", 1
SHIPPED = "mars-lengths-cpu.json"
LAYER, MODEL = "layer", "model"


@dataclass(frozen=True)
class Reading:
    """One layer, or the blocks of one model, reading `length` steps at once.

    Units:
        part: "layer" or "model"; kind: which one
        ms: milliseconds, one for each round
        peak_bytes: the most that a call held beyond what was there, None where it cannot be told
        kept_bytes: held for the gradient after a call, None where it was not counted
    """

    part: str
    kind: str
    length: int
    ms: tuple[float, ...]
    peak_bytes: int | None = None
    kept_bytes: int | None = None


@dataclass(frozen=True)
class Stepping:
    """The blocks of one model taking one more step after `context` steps, `rows` side by side.

    Units:
        ms: milliseconds, one for each step
        state_bytes: of what is carried from step to step, all rows
    """

    kind: str
    rows: int
    context: int
    ms: tuple[float, ...]
    state_bytes: int


@dataclass(frozen=True)
class Lesson:
    """One model learning the digits from one seed.

    Units:
        seconds: from the start to the end of each epoch, the looks at held-out digits left out
        losses: cross entropy of the held-out digits after each epoch, nats
    """

    kind: str
    seed: int
    seconds: tuple[float, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class LengthsTable:
    """All points, and the conditions without which they say nothing."""

    conditions: dict[str, Any]
    readings: tuple[Reading, ...]
    steppings: tuple[Stepping, ...]
    lessons: tuple[Lesson, ...]

    def curve(self, kind: str, what: str = "ms", part: str = LAYER) -> dict[int, float]:
        """Length -> the median "ms", the "peak_bytes" or the "kept_bytes" of one kind.

        Lengths at which this was not measured are left out.

        Errors:
            UserError: no such kind
        """
        mine = [each for each in self.readings if (each.part, each.kind) == (part, kind)]
        if not mine:
            known = {each.kind for each in self.readings if each.part == part}
            raise UserError(unknown(f"kind of {part}", kind, known))
        found = {each.length: getattr(each, what) for each in mine}
        return {n: _middle(value) for n, value in sorted(found.items()) if value is not None}

    def kinds(self, part: str = LAYER) -> list[str]:
        """Of the layers or the models, in the order of the table."""
        return list(dict.fromkeys(each.kind for each in self.readings if each.part == part))

    def lines(
        self, what: str = "ms", part: str = LAYER
    ) -> tuple[dict[str, list[float]], list[int]]:
        """Every kind's curve over all lengths, NaN where there is none: as `log_lines` takes it."""
        curves = {kind: self.curve(kind, what, part) for kind in self.kinds(part)}
        lengths = sorted({length for curve in curves.values() for length in curve})
        return {k: [curve.get(n, nan) for n in lengths] for k, curve in curves.items()}, lengths

    def steps(self, kind: str, rows: int = 1) -> dict[int, float]:
        """Context -> the median milliseconds of one more step, for all rows together."""
        mine = [each for each in self.steppings if (each.kind, each.rows) == (kind, rows)]
        return {each.context: median(each.ms) for each in mine}

    def state(self, kind: str) -> dict[int, int]:
        """Context -> bytes that one sequence carries."""
        mine = [each for each in self.steppings if (each.kind, each.rows) == (kind, 1)]
        return {each.context: each.state_bytes for each in mine}

    def to_json(self) -> str:
        """As text that `read_table` takes."""
        head = {"kind": KIND, "schema": SCHEMA, "conditions": self.conditions}
        parts = {"readings": self.readings, "steppings": self.steppings, "lessons": self.lessons}
        rows = {name: [asdict(each) for each in part] for name, part in parts.items()}
        return json.dumps(head | rows, indent=1, ensure_ascii=False) + "\n"

    def write(self, path: str | PathLike[str]) -> None:
        """Write it to a file, atomically."""
        atomic.write_text(path, self.to_json())


def assembled(
    conditions: dict[str, Any],
    readings: Iterable[Mapping[str, Any]],
    steppings: Iterable[Mapping[str, Any]],
    lessons: Iterable[Mapping[str, Any]],
) -> LengthsTable:
    """The table of rows that hold the fields of Reading, Stepping and Lesson.

    Errors:
        ValueError, KeyError, TypeError: a row is none of these, or a measured value not positive
    """
    return LengthsTable(
        conditions,
        tuple(_point(Reading, row, "ms") for row in readings),
        tuple(_point(Stepping, row, "ms") for row in steppings),
        tuple(_point(Lesson, row, "seconds", "losses") for row in lessons),
    )


def parse_table(text: str, where: str) -> LengthsTable:
    """Read what `to_json` wrote.

    Errors:
        UserError: it is no such record, or of another format

    >>> parse_table("[]", "here")
    Traceback (most recent call last):
    marslab.errors.UserError: here is no table of lengths: measure one with `marslab lengths --run`
    """
    try:
        found = json.loads(text)
        if (found["kind"], found["schema"]) != (KIND, SCHEMA):
            raise ValueError(found["kind"])
        parts = (found[name] for name in ("readings", "steppings", "lessons"))
        return assembled(dict(found["conditions"]), *parts)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{where} is no table of lengths: measure one with `marslab lengths --run`"
        ) from error


def read_table(path: str | PathLike[str]) -> LengthsTable:
    """Return the table in a file.

    Errors:
        UserError: the file cannot be read, or is no table of lengths
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    return parse_table(text, str(path))


def shipped_table() -> LengthsTable:
    """Return the table that ships with marslab; its conditions name the machine."""
    text = (files("marslab.data") / "bench" / SHIPPED).read_text("utf-8")
    return parse_table(text, f"data/bench/{SHIPPED}")


def _point(cls: type, row: Mapping[str, Any], *series: str) -> Any:
    """One row as the record it was; what was measured several times must have been positive."""
    several = {name: tuple(row[name]) for name in series}
    if not all(values and all(x > 0 for x in values) for values in several.values()):
        raise ValueError(row)
    return cls(**{**row, **several})


def _middle(value: float | Sequence[float]) -> float:
    return value if isinstance(value, int | float) else median(value)
