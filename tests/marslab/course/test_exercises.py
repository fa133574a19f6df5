"""Every exercise of the course: its answers, its hints, and its cell in the notebook."""

import ast
import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from marslab.lab.course import ExerciseUnsolved, exercises
from marslab.lab.course.checking import judge
from marslab.lab.course.registry import Exercise, Wrong
from marslab.lab.notebooks import joined, names, shipped

ALL = list(exercises().values())
WRONG = [(each, wrong) for each in ALL for wrong in each.wrong]
PART_1 = [name for name in names() if "01" <= name[:2] <= "08"]


def by_id(exercise: Exercise) -> str:
    return exercise.id


@cache
def code_of(notebook: str) -> list[tuple[str, bool]]:
    """The code cells of a notebook, and whether each is an exercise."""
    content = json.loads((shipped() / f"{notebook}.ipynb").read_text("utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    return [(joined(cell), "exercise" in cell["metadata"].get("tags", [])) for cell in cells]


@cache
def imports_of(notebook: str) -> dict[str, Any]:
    """What the plain cells of a notebook import from the course.

    Nothing else: one imports `numba.cuda`, which decides only once whether it is a simulator.
    """
    found: dict[str, Any] = {}
    for source, is_exercise in code_of(notebook):
        lines = [] if is_exercise else ast.parse(source).body
        kept: list[ast.stmt] = []
        for line in lines:
            if isinstance(line, ast.ImportFrom) and line.module == "marslab.lab.course":
                kept.append(line)
        exec(compile(ast.Module(kept, []), notebook, "exec"), found)
    return found


def cell_of(exercise: Exercise) -> str:
    """The exercise's cell: the only one of its notebook that asks for it."""
    asked = f'{exercise.name} = exercise("{exercise.id}").check({exercise.name})'
    found = [source for source, tagged in code_of(exercise.notebook) if tagged and asked in source]
    assert len(found) == 1, f"{exercise.notebook} has {len(found)} cells with: {asked}"
    return found[0]


def after_running(exercise: Exercise) -> dict[str, Any]:
    """The names that there are when the exercise's cell has run, untouched."""
    found = dict(imports_of(exercise.notebook))
    exec(compile(cell_of(exercise), exercise.id, "exec"), found)
    return found


@pytest.mark.parametrize("exercise", ALL, ids=by_id)
def test_it_is_complete(exercise: Exercise) -> None:
    assert exercise.solution.__name__ == exercise.name
    assert exercise.title and not exercise.title.endswith(".")
    assert len(exercise.wrong) >= 2
    assert 2 <= len(exercise.hints) <= 3
    assert len(set(exercise.hints)) == len(exercise.hints)
    assert len({wrong.name for wrong in exercise.wrong}) == len(exercise.wrong)
    assert len({check.name for check in exercise.checks}) == len(exercise.checks) >= 1


@pytest.mark.parametrize(("exercise", "wrong"), WRONG, ids=[f"{e.id}-{w.name}" for e, w in WRONG])
def test_a_wrong_answer_is_refused_and_told_why(exercise: Exercise, wrong: Wrong) -> None:
    outcome = judge(exercise, wrong.answer)
    assert outcome.status in ("failed", "error")
    assert wrong.told and wrong.told in "\n".join(outcome.lines)


@pytest.mark.parametrize("exercise", ALL, ids=by_id)
def test_the_untouched_cell_runs_on_and_fails_under_strict(
    exercise: Exercise, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MARSLAB_STRICT", raising=False)
    monkeypatch.delenv("MARSLAB_SOLUTIONS", raising=False)
    assert after_running(exercise)[exercise.name] is exercise.solution
    assert f"{exercise.id} {exercise.name}: not started." in capsys.readouterr().out
    monkeypatch.setenv("MARSLAB_STRICT", "1")
    with pytest.raises(ExerciseUnsolved, match="not started"):
        after_running(exercise)


@pytest.mark.parametrize("exercise", ALL, ids=by_id)
def test_the_solution_passes_in_its_place(
    exercise: Exercise, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARSLAB_STRICT", "1")
    monkeypatch.setenv("MARSLAB_SOLUTIONS", "1")
    assert after_running(exercise)[exercise.name] is exercise.solution
    checks = len(exercise.checks)
    assert f"all {checks} checks pass (" in capsys.readouterr().out or checks == 1


def test_each_notebook_of_part_1_has_two_to_four() -> None:
    found = Counter(exercise.notebook for exercise in ALL)
    assert [name for name in PART_1 if not 2 <= found[name] <= 4] == []
    assert set(found) <= set(names())


@pytest.mark.parametrize("notebook", PART_1)
def test_each_cell_tagged_so_is_an_exercise_in_the_order_of_the_course(notebook: str) -> None:
    asked = [source.rpartition('exercise("')[2] for source, tagged in code_of(notebook) if tagged]
    assert [each.partition('"')[0] for each in asked] == [
        exercise.id for exercise in ALL if exercise.notebook == notebook
    ]
