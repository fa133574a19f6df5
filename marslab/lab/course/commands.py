"""The commands `marslab progress | hint | solution | reset`."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from marslab.errors import UserError
from marslab.lab.course import overview, records, registry
from marslab.lab.course.registry import find
from marslab.lab.course.tutor import next_hint, source
from marslab.lab.printed import table

Id = Annotated[str, typer.Argument(metavar="ID", help="An exercise, as scan.1.")]


def progress(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show which exercises you have solved."""
    found = overview.progress()
    if as_json:
        print(json.dumps([_plain(row) for row in found.rows], indent=2, ensure_ascii=False))
        return
    rows = []
    for name, group in found.by_notebook.items():
        rows.append(["", name, ""])
        rows += [[row.exercise.id, row.exercise.title, row.record.state] for row in group]
    table(["exercise", "what it asks", "yours"], rows)
    print(f"{found.solved} of {len(found.rows)} exercises solved")


def _plain(row: overview.Row) -> dict[str, object]:
    exercise = row.exercise
    about: dict[str, object] = {
        "name": exercise.name,
        "notebook": exercise.notebook,
        "title": exercise.title,
        "state": row.record.state,
    }
    return {**asdict(row.record), **about}


def hint(id: Id) -> None:
    """Give the next hint of an exercise."""
    print(next_hint(find(id)))


def solution(id: Id) -> None:
    """Show the solution of an exercise."""
    from rich.console import Console
    from rich.syntax import Syntax

    text, console = source(find(id)), Console()
    if console.is_terminal and not console.no_color:
        console.print(Syntax(text, "python", background_color="default"))
    else:
        print(text)


def reset(
    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="An exercise, as scan.1.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every exercise of the course.")] = False,
) -> None:
    """Forget the progress of an exercise; the old record is kept beside it, as a .bak file."""
    if (id is None) != every:
        raise UserError("reset takes one exercise, as scan.1, or --all for every one")
    for each in registry.exercises() if id is None else [find(id).id]:
        kept = records.forget(each)
        if kept is not None:
            print(f"{each}: forgotten, the old record is kept as {kept}")
        elif id is not None:
            print(f"{each}: nothing to forget, it was never tried", file=sys.stderr)
