"""The command `marslab grade`: a notebook's exercises, judged without trusting the notebook.

Only the answer cells count. Each is run among the shipped notebook's cells, not the learner's (see
setting.py), in a process of its own (see judging.py), and its function is taken by its name: what
the check line in it says or prints is not looked at.
"""

import ast
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from marslab.lab.course.cells import Cell, answer_to, cells_of, notebook_of, parsed
from marslab.lab.course.checking import Outcome
from marslab.lab.course.judging import Answer, judged, readable, unjudged
from marslab.lab.course.registry import Exercise, exercises
from marslab.lab.course.setting import setting
from marslab.lab.notebooks import shipped

TIMEOUT = 60.0


@dataclass(frozen=True)
class Score:
    """What a learner's file is worth: exercises passed of the exercises of its notebook."""

    file: Path
    name: str  # of the notebook
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> int:
        """How many exercises passed."""
        return sum(outcome.status == "passed" for outcome in self.outcomes)

    @property
    def share(self) -> float:
        """Passed of all, from 0 to 1."""
        return self.passed / len(self.outcomes)


def score(
    files: Sequence[Path],
    *,
    timeout: float = TIMEOUT,
    root: Path | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Score]:
    """Return the score of each file. Its code runs on this machine: see judging.py.

    Units:
        timeout: seconds for one answer

    Errors:
        UserError: a file is no notebook, or has no exercise; nothing has run then
    """
    tell = on_outcome or (lambda outcome: None)
    settled: dict[tuple[int, str], Outcome] = {}
    asked: dict[tuple[int, str], Answer] = {}
    names = []
    for at, file in enumerate(files):
        cells = cells_of(file)
        names.append(notebook_of(file, cells, exercises().values()))
        for exercise in of_notebook(names[at]):
            found = look(exercise, cells, own_cells(names[at], root))
            if isinstance(found, Answer):
                asked[at, exercise.id] = found
            else:
                settled[at, exercise.id] = found
                tell(found)
    outcomes = judged(list(asked.values()), timeout=timeout, on_outcome=on_outcome)
    settled |= dict(zip(asked, outcomes, strict=True))
    return [
        Score(file, name, tuple(settled[at, exercise.id] for exercise in of_notebook(name)))
        for at, (file, name) in enumerate(zip(files, names, strict=True))
    ]


def of_notebook(name: str) -> list[Exercise]:
    """Return the exercises of a notebook, in their order."""
    return [each for each in exercises().values() if each.notebook == name]


def own_cells(name: str, root: Path | None = None) -> list[Cell]:
    """Return the code cells of a notebook as it shipped."""
    return cells_of((root or shipped()) / f"{name}.ipynb")


def look(exercise: Exercise, cells: Sequence[Cell], own: Sequence[Cell]) -> Answer | Outcome:
    """Return the answer among a learner's `cells`, or the outcome where there is none to judge.

    `own` are the cells of the notebook as it shipped.
    """
    source = answer_to(exercise, cells, own)
    if source is None:
        told = (
            f'No cell of the notebook defines {exercise.name} or names exercise("{exercise.id}").'
        )
        return unjudged(exercise, told)
    stub = answer_to(exercise, own)
    if stub is not None and _same(source, stub):
        return unjudged(exercise)
    return readable(exercise, source, setting(own, source))


def _same(source: str, stub: str) -> bool:
    """Whether the cell is still the one that shipped, but for spaces and comments."""
    trees = parsed(source), parsed(stub)
    try:
        return None not in trees and len({ast.dump(tree) for tree in trees if tree}) == 1
    except RecursionError:
        return False


def as_row(found: Score) -> dict[str, Any]:
    """Return a score as it is printed with --json."""
    told = [
        {
            "id": outcome.exercise,
            "name": outcome.name,
            "status": outcome.status,
            "message": "\n".join(outcome.lines),
        }
        for outcome in found.outcomes
    ]
    return {
        "file": str(found.file),
        "name": found.name,
        "score": found.share,
        "passed": found.passed,
        "total": len(found.outcomes),
        "exercises": told,
    }


def grade(
    notebooks: Annotated[list[Path], typer.Argument(help="Filled-in .ipynb files of the course.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    least: Annotated[
        float, typer.Option("--min", min=0, max=1, help="Below this share: exit code 1.")
    ] = 0.0,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that one exercise may take.")
    ] = TIMEOUT,
) -> None:
    """Check the exercises of filled-in notebooks and score them: passed of all, from 0 to 1.

    Only the answer cells count; changes elsewhere are ignored. An exercise that was not started
    counts as not passed.

    This runs the code in these notebooks on your machine, with your rights: each answer in a
    process with a limit of time and memory, which is no sandbox. For notebooks of people whom you
    do not trust use a machine that you can spare.
    """
    scores = score(notebooks, timeout=timeout, on_outcome=_progress)
    if as_json:
        print(json.dumps([as_row(found) for found in scores], indent=2, ensure_ascii=False))
    else:
        for found in scores:
            _show(found)
    if any(found.share < least for found in scores):
        raise typer.Exit(1)


def _progress(outcome: Outcome) -> None:
    print(f"{outcome.exercise} {outcome.name}: {outcome.status}", file=sys.stderr)


def _show(found: Score) -> None:
    count = f"{found.passed} of {len(found.outcomes)}"
    print(f"{found.file} ({found.name}): {count}, {found.share:.0%}")
    for outcome in found.outcomes:
        print("\n".join(f"  {line}" for line in outcome.lines))
