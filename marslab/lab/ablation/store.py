"""The folder of a study: what it means in study.json, and one file for each run that ended."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from marslab import home
from marslab.errors import UserError, unknown
from marslab.files import write_text

RUN, STUDY = "study-run", "study"
Status = Literal["done", "failed"]


@dataclass(frozen=True)
class RunRecord:
    """One run that ended. A metric that is not finite is None: JSON has no word for it.

    Units:
        curve: pairs of epoch and the task's main metric
        seconds: of the run alone, imports not counted
        code: a hash of the source files that ran
    """

    id: str
    study: str
    variant: str
    changes: dict[str, Any]
    seed: int
    status: Status
    error: str | None = None
    trace: str | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    curve: list[list[float | None]] = field(default_factory=list)
    seconds: float = 0.0
    parameters: int = 0
    code: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    date: str = ""

    def to_json(self) -> str:
        """Return what stands in the file of the run."""
        return json.dumps(home.stamp(RUN) | asdict(self), ensure_ascii=False, allow_nan=False)


KINDS: dict[str, tuple[type, ...]] = {
    "changes": (dict,),
    "seed": (int,),
    "error": (str, type(None)),
    "trace": (str, type(None)),
    "metrics": (dict,),
    "curve": (list,),
    "seconds": (int, float),
    "parameters": (int,),
    "machine": (dict,),
}


def finite(value: float) -> float | None:
    """Return the figure, None when it is infinite or not a number.

    >>> finite(0.5), finite(float("nan"))
    (0.5, None)
    """
    value = float(value)
    return value if math.isfinite(value) else None


class Store:
    """The folder MARSLAB_HOME/studies/NAME. Nothing in it is ever deleted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"

    @classmethod
    def named(cls, name: str, under: Path | None = None) -> "Store":
        """The folder of the study `name`, under `under` instead of MARSLAB_HOME when given."""
        return cls((under or home.home()) / "studies" / name)

    def path(self, run: str) -> Path:
        """The file of a run."""
        return self.runs / f"{run}.json"

    def read(self) -> tuple[dict[str, RunRecord], list[str]]:
        """Return the runs by id, and one sentence for each file that is none."""
        found, problems = {}, []
        for file in sorted(self.runs.glob("*.json")):
            try:
                record = read_run(file)
            except UserError as problem:
                problems.append(str(problem))
            else:
                found[record.id] = record
        return found, problems

    def write(self, record: RunRecord) -> RunRecord:
        """Keep a run, unless it is done already; return the one that is kept.

        Two processes may run one study: the first result of a run stays.
        """
        file = self.path(record.id)
        if file.exists():
            try:
                kept = read_run(file)
            except UserError:
                self._aside(file)
            else:
                if kept.status == "done":
                    return kept
        write_text(file, record.to_json())
        return record

    def write_study(self, values: Mapping[str, Any]) -> None:
        """Keep what the study means beside its runs."""
        text = json.dumps(home.stamp(STUDY) | dict(values), indent=1, ensure_ascii=False)
        write_text(self.folder / "study.json", text + "\n")

    def read_study(self) -> dict[str, Any]:
        """Return what `write_study` kept.

        Errors:
            UserError: there is no study here, or its file is damaged
        """
        return read_json(self.folder / "study.json", STUDY)

    def set_aside(self) -> Path | None:
        """Move the folder of the runs aside; return where it is now, None when there was none."""
        return self._aside(self.runs) if self.runs.exists() else None

    def _aside(self, path: Path) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        target = path.with_name(f"{path.name}-before-{stamp}")
        path.rename(target)
        return target


def read_run(file: Path) -> RunRecord:
    """Return the run in a file.

    Errors:
        UserError: the file is damaged, or not the run that its name says
    """
    found = record_of(read_json(file, RUN), file)
    if found.id != file.stem:
        raise UserError(f"{file} holds the run {found.id}: give it the name {found.id}.json")
    return found


def record_of(found: Any, file: Path) -> RunRecord:
    """Return the run that was read from a file, its parts checked.

    Errors:
        UserError: a part is missing or of the wrong kind
    """
    known = [each.name for each in fields(RunRecord)]
    missing = [name for name in known if not isinstance(found, Mapping) or name not in found]
    wrong = [n for n in known if n not in missing and not isinstance(found[n], KINDS.get(n, str))]
    if missing or wrong:
        raise UserError(f"{file} is damaged: {', '.join(missing + wrong)}: remove or restore it")
    if found["status"] not in ("done", "failed"):
        raise UserError(f"{file} is damaged: {unknown('status', found['status'], Status.__args__)}")
    return RunRecord(**{name: found[name] for name in known})


def studies(under: Path | None = None) -> list[str]:
    """Return the names of the studies that have results, in the order of the alphabet."""
    folder = (under or home.home()) / "studies"
    return sorted(each.parent.name for each in folder.glob("*/study.json"))


def codes(records: Iterable[RunRecord]) -> set[str]:
    """Return the fingerprints of the code that made these runs."""
    return {record.code for record in records if record.code}


def read_json(file: Path, kind: str) -> dict[str, Any]:
    """Return what a JSON file of this kind holds.

    Errors:
        UserError: it is not there, cannot be read, or is of another kind
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise UserError(f"there is no {file}: run the study first") from problem
    except OSError as problem:
        raise UserError(f"{file} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise UserError(f"{file} is no JSON: remove or restore it") from problem
    home.check(kind, found, file)
    return found
