"""What a run of the benchmark found, as data: rows, figures, conditions; to JSON and back."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from marslab.errors import UserError
from marslab.files import write_text
from marslab.home import check, stamp
from marslab.lab.bench.cases import Case, Goal
from marslab.lab.bench.formats import upgraded

OURS, PEER, YARDSTICK = "ours", "peer", "yardstick"
MEMORY, ARITHMETIC = "memory", "arithmetic"
Condition = str | int | float


@dataclass(frozen=True)
class Figure:
    """One variant of one row, timed."""

    name: str
    kind: str  # OURS, PEER or YARDSTICK
    ms: float  # median
    low_ms: float  # first quartile
    high_ms: float  # third quartile
    runs: int
    bytes: int  # that the work must move
    error: float | None = None  # relative L2 distance from float64, None for a yardstick
    peak_bytes: int | None = None  # beyond inputs, where the device counts them
    note: str = ""

    @property
    def gb_s(self) -> float:
        """Useful bytes over the median, in 1e9 bytes per second."""
        return self.bytes / self.ms / 1e6


@dataclass(frozen=True)
class Absent:
    """A variant that has no figure in a row, and why; `failed` when it should have had one."""

    name: str
    kind: str
    reason: str
    failed: bool = False


@dataclass(frozen=True)
class Row:
    """One piece of work: its floor and what sets it, its goals, who was timed, who was not."""

    case: Case
    floor_ms: float
    bound: str = MEMORY  # or ARITHMETIC
    goals: list[Goal] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)

    def to_floor(self, figure: Figure) -> float:
        """How many times the floor a figure took."""
        return figure.ms / self.floor_ms

    def named(self, name: str) -> Figure | None:
        """The figure of this name, where the row has one."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def best(self, name: str = "") -> Figure | None:
        """The fastest of ours, or the one of ours that is named."""
        ours = [f for f in self.figures if f.kind == OURS and name in ("", f.name)]
        return min(ours, key=lambda figure: figure.ms, default=None)

    def speed(self, figure: Figure, beside: str) -> float | None:
        """How many times as fast a figure is as another one of the row."""
        other = self.named(beside)
        return other.ms / figure.ms if other else None

    @property
    def measures(self) -> list[str]:
        """The figures that others are set beside: the yardsticks and what the goals name."""
        names = [f.name for f in self.figures if f.kind == YARDSTICK]
        return list(dict.fromkeys([*names, *(goal.beside for goal in self.goals if goal.beside)]))

    def joined(self, later: "Row") -> "Row":
        """The row with what was measured of it later."""
        return Row(
            self.case,
            self.floor_ms,
            self.bound,
            self.goals,
            [*self.figures, *later.figures],
            [*self.absent, *later.absent],
        )


@dataclass(frozen=True)
class Report:
    """All rows of one run on one device; `complete` is False when the run was cut short."""

    ops: list[str]
    device: str
    conditions: dict[str, Condition]
    rows: list[Row]
    complete: bool = True

    @property
    def failed(self) -> list[str]:
        """Our own backends that broke or gave a wrong result, in words."""
        return [
            f"{row.case.title}: {gone.name}: {gone.reason}"
            for row in self.rows
            for gone in row.absent
            if gone.failed and gone.kind == OURS
        ]

    def to_json(self) -> str:
        """The report as text, with its kind and schema first."""
        return json.dumps({**stamp("bench"), **asdict(self)}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str, where: str | os.PathLike[str] = "the report") -> Report:
    """Rebuild a report from `to_json`'s text; `where` names the file in the sentences.

    Errors:
        UserError: not JSON, not a report, another schema, or a part is missing
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"{os.fspath(where)} is not JSON ({error}): write it again") from error
    try:
        found = upgraded(found)
        check("bench", found, where)
        rows = [_row(row) for row in found["rows"]]
        about = dict(found["conditions"])
        parts = (list(found["ops"]), found["device"], about, rows, found["complete"])
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{os.fspath(where)} is a bench report with a damaged part ({error}): measure it again"
        ) from error
    return Report(*parts)


def _row(found: dict) -> Row:
    return Row(
        Case(**found["case"]),
        found["floor_ms"],
        found["bound"],
        [Goal(**goal) for goal in found["goals"]],
        [Figure(**figure) for figure in found["figures"]],
        [Absent(**absent) for absent in found["absent"]],
    )


def read(path: Path) -> Report:
    """Read a report from a file.

    Errors:
        UserError: no such file, or what `from_json` refuses
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): name a file of marslab bench") from error
    return from_json(text, path)


def write(report: Report, folder: Path) -> Path:
    """Write a report into a folder under a name with op, device and moment; return the path."""
    moment = str(report.conditions["date"]).replace(":", "").replace("-", "")
    about = report.ops[0] if len(report.ops) == 1 else f"{len(report.ops)}-ops"
    path = folder / f"{about}-{report.device}-{moment}.json"
    write_text(path, report.to_json())
    return path
