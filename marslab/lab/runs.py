"""What a run of a notebook tells: the cells, how long they took, the one that failed."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from marslab.lab.notebooks import joined

if TYPE_CHECKING:
    from papermill.exceptions import PapermillExecutionError

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Cell:
    """One executed cell: its count as in `In [3]`, how long it took, its source."""

    count: int
    seconds: float
    source: str


@dataclass(frozen=True)
class Failure:
    """What stopped a notebook: the cell, the error in one line, the traceback without colours."""

    count: int | None
    source: str
    error: str
    traceback: str


@dataclass(frozen=True)
class RunResult:
    """One notebook that ran to its end, or to the cell that failed."""

    name: str
    seconds: float
    slowest: Cell | None
    failure: Failure | None
    output: Path | None

    @property
    def ok(self) -> bool:
        """Whether every cell ran."""
        return self.failure is None


def failure_of(error: "PapermillExecutionError") -> Failure:
    """Return what papermill says of the cell that stopped a notebook."""
    traceback = ANSI.sub("", "\n".join(error.traceback))
    message = f"{error.ename}: {error.evalue}"
    return Failure(error.exec_count, error.source, message, traceback)


def cells_of(executed: Path) -> list[Cell]:
    """Return the cells that ran, or began to, from the notes papermill left in the notebook."""
    if not executed.exists():
        return []
    cells, count = [], 0
    for cell in json.loads(executed.read_text("utf-8"))["cells"]:
        notes = cell["metadata"].get("papermill", {})
        if cell["cell_type"] == "code" and notes.get("start_time"):
            count = cell["execution_count"] or count + 1
            cells.append(Cell(count, notes.get("duration") or 0.0, joined(cell)))
    return cells
