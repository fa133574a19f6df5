"""The command `marslab watch`: the tutor's answers each time a file is saved.

A notebook, or a .py with cells (`# %%`), is judged as `marslab grade` does: answer cells alone,
among the shipped cells. Of any other .py the whole file stands around each function that is named
like an exercise's.
"""

import re
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from marslab.errors import UserError
from marslab.lab.course.cells import Cell, cells_in, content_of, notebook_of
from marslab.lab.course.checking import Outcome
from marslab.lab.course.grading import look, of_notebook, own_cells
from marslab.lab.course.judging import Answer, judged, readable
from marslab.lab.course.registry import exercises, find
from marslab.lab.course.tutor import Tutor

PAUSE = 0.25  # seconds between two looks at the file
CELLS = re.compile(r"^# %%", re.MULTILINE)


def watch(
    file: Annotated[Path, typer.Argument(help="A notebook, or a .py with your functions.")],
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that one exercise may take.")
    ] = 20.0,
) -> None:
    """Check the exercises of a file each time you save it; Ctrl-C ends this.

    A notebook, a .py with cells (# %%), or a plain .py with functions named as the exercises ask.
    What you save is run on your machine, with a limit of time and memory, which is no sandbox.
    """
    content = content_of(file)
    known = answers_in(content, file)  # a mistake in the call ends it; a later one is waited out
    print(f"watching {file}: {', '.join(known)}; Ctrl-C ends this", file=sys.stderr)
    before: dict[str, Answer | Outcome] = {}
    passed: dict[str, bool] = {}
    for content in saved(file):
        try:
            found = answers_in(content, file)
        except UserError as error:
            print(f"{error}; waiting for the next save", file=sys.stderr)
            continue
        changed = [id for id in found if found[id] != before.get(id)]
        before = found
        if changed:
            for outcome in _outcomes([found[id] for id in changed], timeout):
                passed[outcome.exercise] = outcome.status == "passed"
                _show(outcome)
            count = sum(passed.get(id, False) for id in found)
            print(f"{datetime.now():%H:%M:%S} {count} of {len(found)} pass", flush=True)


def saved(file: Path) -> Iterator[bytes]:
    """Yield what is in the file now, and again each time it was saved with other content.

    What is still being written is not yielded: it has to be there, and the same, at two looks.
    """
    seen = last = None
    while True:
        try:
            now = file.read_bytes()
        except OSError:  # editors take the file away before they put the new one in its place
            now = None
        if now and now == seen and now != last:
            last = now
            yield now
        seen = now
        pause()


def pause() -> None:
    """Wait between two looks at the file."""
    time.sleep(PAUSE)


def answers_in(content: bytes, file: Path) -> dict[str, Answer | Outcome]:
    """Return the answers in a file by the id of their exercise, and outcomes where there are none.

    Errors:
        UserError: it cannot be read, or has no exercise
    """
    cells = cells_in(content, file) if file.suffix == ".ipynb" else _percent(content, file)
    if cells is None:
        return _functions(content, file)
    name = notebook_of(file, cells, exercises().values())
    own = own_cells(name)
    return {each.id: look(each, cells, own) for each in of_notebook(name)}


def _percent(content: bytes, file: Path) -> list[Cell] | None:
    """The cells of a .py that has some."""
    text = _text(content, file)
    if not CELLS.search(text):
        return None
    import jupytext

    cells = jupytext.reads(text, fmt="py:percent").cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    return [Cell(cell.source, tuple(cell.metadata.get("tags", ()))) for cell in code]


def _functions(content: bytes, file: Path) -> dict[str, Answer | Outcome]:
    """The functions of a plain .py that are named like an exercise's."""
    cell = Cell(_text(content, file))
    found = [each for each in exercises().values() if cell.binds(each.name)]
    if not found:
        raise UserError(
            f"{file} has no function that is named like an exercise's: call yours as the stub in "
            "the notebook does, as my_scan, or give the notebook"
        )
    return {each.id: readable(each, cell.source) for each in found}


def _text(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not a text in UTF-8 ({error}): save it as one") from error


def _outcomes(found: list[Answer | Outcome], timeout: float) -> list[Outcome]:
    """The outcomes in the order of the file; answers are judged, at the same time."""
    asked = [each for each in found if isinstance(each, Answer)]
    came = iter(judged(asked, timeout=timeout))
    return [next(came) if isinstance(each, Answer) else each for each in found]


def _show(outcome: Outcome) -> None:
    told = [*outcome.lines, *Tutor(find(outcome.exercise)).kept(outcome)]
    print("\n".join(told), flush=True)
