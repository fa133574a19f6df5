"""The course for a class: what is written, that it runs, and that no file of others is lost."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from marslab import cli, workers
from marslab.errors import UserError
from marslab.lab import notebooks
from marslab.lab.course import exercises, find
from marslab.lab.course.cells import bound, cells_of, parsed
from marslab.lab.course.exporting import export
from marslab.lab.course.filling import documented, filled, renamed, solved

NAME = "01_from_loop_to_scan"
SOURCE = '''# %% [markdown]
# # Scans

# %% tags=["parameters"]
fast = True

# %%
import torch
from marslab.lab.course import exercise, todo


# %% tags=["exercise"]
def my_scan(a, b):
    """What it does.  a, b: [B, L, D]."""
    todo()


my_scan = exercise("scan.1").check(my_scan)

# %% tags=["exercise"]
twice = 2


def my_tiles(a, b, size):
    """What it does."""
    todo()


my_tiles = exercise("scan.3").check(my_tiles)

# %%
a, b = torch.rand(1, 8, 1), torch.rand(1, 8, 1)
assert torch.allclose(my_scan(a, b), my_tiles(a, b, 3)) and twice == 2
'''


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of one notebook."""
    root = tmp_path / "course"
    (root / "src").mkdir(parents=True)
    (root / "src" / f"{NAME}.py").write_text(SOURCE, "utf-8")
    notebooks.build(root=root)
    return root


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def test_students_get_the_shipped_bytes_and_teachers_solutions_and_notes(
    course: Path, tmp_path: Path
) -> None:
    out = tmp_path / "class"
    student, instructor = export(out, root=course)
    assert student == out / "student" / f"{NAME}.ipynb"
    assert student.read_bytes() == (course / f"{NAME}.ipynb").read_bytes()
    cells = read(instructor)["cells"]
    kinds = [cell["cell_type"] for cell in cells]
    assert kinds == ["markdown", *["code"] * 3, "markdown", "code", "markdown", "code"]
    scan, notes, tiles = (cells[at]["source"] for at in (3, 4, 5))
    assert "todo" not in scan + tiles
    assert scan.startswith("from torch import Tensor\n\n\ndef my_scan(")
    assert scan.endswith('\n\n\nmy_scan = exercise("scan.1").check(my_scan)')
    assert tiles.startswith("from torch import Tensor\n\n\ntwice = 2\n\n\ndef my_tiles(")
    exercise = find("scan.1")
    assert notes.startswith(f"**For teachers: scan.1 `my_scan`.** {exercise.title}")
    assert [text for text in exercise.hints if text not in notes] == []
    assert [
        each.name for each in exercise.wrong if f'{each.name}: "{each.told}"' not in notes
    ] == []
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids) and cells[3]["metadata"] == {"tags": ["exercise"]}


def test_a_folder_with_files_is_left_alone_without_force(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "class"
    export(out, root=course)
    grades, theirs = out / "grades.csv", out / "student" / "mine.ipynb"
    student = out / "student" / f"{NAME}.ipynb"
    for path in (grades, theirs, student):
        path.write_text("theirs")
    with pytest.raises(UserError, match="class is not empty: give a new folder, or --force"):
        export(out, root=course)
    assert student.read_text() == "theirs"
    export(out, root=course, force=True)
    assert student.read_bytes() == (course / f"{NAME}.ipynb").read_bytes()
    assert (grades.read_text(), theirs.read_text()) == ("theirs", "theirs")


def test_a_mistake_in_the_folder_is_one_sentence(course: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for force in (False, True):
        with pytest.raises(UserError, match="file is a file: give a folder with --out"):
            export(file, root=course, force=force)
        with pytest.raises(
            UserError, match="course holds the shipped notebooks: export to another"
        ):
            export(course, root=course, force=force)
    with pytest.raises(UserError, match="cannot be written"):
        export(file / "below", root=course)


def test_the_command(
    course: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("marslab.lab.course.exporting.shipped", lambda: course)

    def call(*words: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["marslab", "course", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err

    out = tmp_path / "class"
    paths = f"{out}/student/{NAME}.ipynb\n{out}/instructor/{NAME}.ipynb\n"
    assert call("export", "--out", out) == (0, paths, "")
    code, told, err = call("export", "--out", out)
    assert (code, told) == (2, "") and "is not empty" in err
    assert call("export", "--out", out, "--force") == (0, paths, "")
    assert call("export")[0] == 2


@pytest.mark.slow
def test_both_run_to_the_end_and_the_modes_reach_each_engine(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "class", root=course)
    student, instructor = tmp_path / "class" / "student", tmp_path / "class" / "instructor"

    def run(root: Path, *words: str) -> int:
        for mode in ("STRICT", "SOLUTIONS"):
            monkeypatch.setenv(f"MARSLAB_{mode}", "")  # set by the command; put back at the end
        monkeypatch.setattr(sys, "argv", ["marslab", "nb", "run", "--root", str(root), *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    assert run(student) == 0
    assert run(student, "--strict", "--solutions") == 0
    assert run(instructor, "--strict") == 0
    assert run(student, "--strict", "--kernel") == 1


def test_the_modes_reach_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSLAB_STRICT", "1")
    assert workers.run(os.getenv, ["MARSLAB_STRICT"], workers=1) == ["1"]


@pytest.mark.parametrize("id", list(exercises()))
def test_each_solution_can_be_shown_in_place_of_its_stub(id: str) -> None:
    exercise = find(id)
    check = f'{exercise.name} = exercise("{id}").check({exercise.name})'
    text = solved(f'def {exercise.name}():\n    """Doc."""\n    todo()\n\n\n{check}', exercise)
    tree = parsed(text)
    assert tree is not None and text.endswith(check) and "todo()" not in text
    assert exercise.name in {name for node in tree.body for name in bound(node)}


def test_a_docstring_of_the_stub_is_kept_where_the_solution_has_none() -> None:
    text = "def f(n):\n    return n and f(n - 1)"
    assert renamed(text, "my_f") == "def my_f(n):\n    return n and my_f(n - 1)"
    assert documented(text, "Count.\n\n    Down.") == (
        'def f(n):\n    """Count.\n\n    Down."""\n    return n and f(n - 1)'
    )
    own = 'def f(n):\n    """Mine."""\n    return n'
    assert (documented(own, "Theirs."), documented(text, None)) == (own, text)


def test_cells_that_only_mention_an_exercise_stay_as_they_are() -> None:
    cell = {"cell_type": "code", "id": "x", "metadata": {}, "source": 'exercise("scan.1").hint()'}
    other = cell | {"source": 'my_scan = exercise("scan.99").check(my_scan)'}
    assert filled({"cells": [cell, other]}) == {"cells": [cell, other]}


def test_the_shipped_notebooks_are_filled(tmp_path: Path) -> None:
    export(tmp_path)
    for name in notebooks.names():
        before = cells_of(notebooks.shipped() / f"{name}.ipynb")
        after = cells_of(tmp_path / "instructor" / f"{name}.ipynb")
        assert len(before) == len(after)
        assert not any("todo()" in cell.source for cell in after)
