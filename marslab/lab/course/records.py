"""What is kept of a learner's progress: one small file for each exercise that was tried.

The files stand in progress/ of MARSLAB_HOME and hold no source code. Whoever changes one holds the
lock of the folder, so that two notebooks at once lose nothing.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marslab import home
from marslab.errors import UserError
from marslab.files import write_text
from marslab.lab.course.locking import locked
from marslab.lab.course.registry import Exercise

KIND = "progress"


@dataclass(frozen=True)
class Record:
    """What is kept of one exercise."""

    exercise: str
    tries: int = 0  # answers that were checked, up to the first that passed
    hints: int = 0  # hints that were shown
    passed: bool = False
    first_passed: str | None = None  # date and time, UTC

    @property
    def state(self) -> str:
        """How far it is, in words.

        >>> Record("scan.1", tries=2).state
        'tried 2 times'
        """
        if self.passed:
            return "solved"
        if self.tries == 0:
            return "not started"
        return "tried once" if self.tries == 1 else f"tried {self.tries} times"


def folder() -> Path:
    """Return where the records are, made on first use."""
    place = home.home() / "progress"
    place.mkdir(exist_ok=True)
    return place


def file_of(id: str) -> Path:
    """Return the file of an exercise's record, whether it exists or not."""
    return folder() / f"{id}.json"


def read(id: str) -> Record:
    """Return what is kept of an exercise. A damaged file is moved aside, with a sentence.

    Errors:
        UserError: the file is of another version of marslab
    """
    path = file_of(id)
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["kind"] != KIND:
            raise ValueError(f"it says that it is {found['kind']!r}")
        home.check(KIND, found, path)
        return _record(id, found)
    except FileNotFoundError:
        return Record(id)
    except UserError:
        raise
    except (ValueError, KeyError, TypeError) as error:  # JSON and Unicode errors are ValueErrors
        aside = _move_aside(path, "damaged")
        print(
            f"the progress of {id} could not be read ({type(error).__name__}: {error}): "
            f"the file is kept as {aside.name}, and {id} counts as not started",
            file=sys.stderr,
        )
        return Record(id)


def _record(id: str, found: dict[str, Any]) -> Record:
    tries, hints, passed = found["tries"], found["hints"], found["passed"]
    if type(tries) is not int or type(hints) is not int or type(passed) is not bool:
        raise TypeError("tries and hints are whole numbers, passed is true or false")
    first = found["first_passed"]
    return Record(id, max(0, tries), max(0, hints), passed, None if first is None else str(first))


def note(exercise: Exercise, *, passed: bool) -> Record:
    """Count one more try, and from the second failure on one more hint; return the record.

    Once an exercise is solved nothing more is counted.

    Errors:
        UserError, OSError: the record cannot be written
    """
    with locked(folder()):
        old = read(exercise.id)
        if old.passed:
            return old
        new = replace(old, tries=old.tries + 1)
        if passed:
            new = replace(new, passed=True, first_passed=_now())
        elif new.tries >= 2:
            new = replace(new, hints=min(old.hints + 1, len(exercise.hints)))
        _write(new)
        return new


def note_hint(exercise: Exercise) -> Record:
    """Count one more hint as shown; return the record.

    Errors:
        UserError, OSError: the record cannot be written
    """
    with locked(folder()):
        old = read(exercise.id)
        new = replace(old, hints=min(old.hints + 1, len(exercise.hints)))
        _write(new)
        return new


def forget(id: str) -> Path | None:
    """Move the record of an exercise aside; return where it is now, or None if there was none.

    Errors:
        UserError, OSError: it cannot be moved
    """
    with locked(folder()):
        path = file_of(id)
        return _move_aside(path, "bak") if path.exists() else None


def _write(record: Record) -> None:
    text = json.dumps(home.stamp(KIND) | asdict(record), indent=2)
    write_text(file_of(record.exercise), text + "\n")


def _move_aside(path: Path, why: str) -> Path:
    """Rename a file to the first free of name.why, name.why2, ...: none is ever replaced."""
    aside, number = path.with_name(f"{path.name}.{why}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{why}{number}")
    os.replace(path, aside)
    return aside


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
