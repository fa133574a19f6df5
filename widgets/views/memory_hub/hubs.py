"""The hub that the view asks: the course's facts in memory, or a copy of the user's own store."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from marslab.errors import UserError
from marslab.memory import MemoryHub, Record, Titans
from marslab.tasks.authored import knowledge
from marslab.widgets.views.memory_hub.setup import RULES, HubSetup

MEMORY = 96  # width of the small TARS' memory; its Titans is twice as wide inside
LARGEST = 64 * 2**20  # bytes of a store that is still copied for each question
# Beside the answers to the facts' questions; two figures apart from another equation.
EQUATION = ("Solve: x^2 - 5x + 6 = 0", "2; 3")


@contextmanager
def opened(setup: HubSetup) -> Iterator[MemoryHub]:
    """Open the hub that `setup` names, its Memo turned as asked; nothing of it is kept.

    Errors:
        UserError: there is no store of the user's, or it cannot be read
    """
    titans = Titans(MEMORY, 2 * MEMORY, RULES[setup.rule]).requires_grad_(False)
    with _mine(titans) if setup.store == "mine" else _facts(titans) as hub:
        hub.memo.threshold, hub.memo.strict = setup.threshold, setup.strict
        yield hub


@contextmanager
def _facts(titans: Titans) -> Iterator[MemoryHub]:
    facts = knowledge()
    with MemoryHub(titans=titans) as hub:
        hub.store.add(Record(0, fact.fact, 0.0, {"language": fact.language}) for fact in facts)
        for question, answer in [*((fact.question, fact.answer) for fact in facts), EQUATION]:
            hub.keep_answer(question, answer)
        yield hub


@contextmanager
def _mine(titans: Titans) -> Iterator[MemoryHub]:
    from marslab.lab.memory_commands import default_store

    path = default_store()
    with TemporaryDirectory(prefix="marslab-hub-") as folder:
        copy = Path(folder) / path.name
        copy_store(path, copy)
        with MemoryHub(copy, titans=titans) as hub:
            yield hub


def copy_store(path: Path, copy: Path) -> None:
    """Copy a memory store, with what Titans has learned beside it; `path` is opened read-only.

    SQLite may leave its empty log (`-wal`, `-shm`) beside a store that nobody has open.

    Errors:
        UserError: there is no store, it is too large, or it cannot be read
    """
    if not path.is_file():
        raise UserError(
            "You have no memory store yet: `marslab remember TEXT` makes one, or choose the facts."
        )
    if path.stat().st_size > LARGEST:
        raise UserError(
            f"Your memory store has more than {LARGEST // 2**20} MiB, which is too much to copy"
            " for a page: use `marslab recall`, or choose the facts."
        )
    try:
        there = f"{path.resolve().as_uri()}?mode=ro"
        with (
            closing(sqlite3.connect(there, uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        learned = Path(f"{path}.titans")
        if learned.is_file():
            shutil.copyfile(learned, f"{copy}.titans")
    except (sqlite3.Error, OSError) as error:
        raise UserError(
            f"Your memory store cannot be read ({error}): see `marslab memory stats`."
        ) from error
