"""Grades are right whatever a learner's notebook does, and the same each time."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from marslab import cli, workers
from marslab.errors import UserError
from marslab.lab.course import find, grading, judging
from marslab.lab.course.cells import Cell, answer_to, cells_of, notebook_of
from marslab.lab.course.checking import Outcome
from marslab.lab.course.filling import solved
from marslab.lab.course.grading import as_row, look, own_cells, score
from marslab.lab.course.judging import Answer, unjudged
from marslab.lab.course.registry import exercises
from marslab.lab.course.setting import setting

NAME = "01_from_loop_to_scan"
Maker = Callable[..., Path]
CHECK = '\nmy_scan = exercise("scan.1").check(my_scan)'
CHECKED = ").check("
RIGHT = """def my_scan(a, b):
    h, state = torch.empty_like(b), 0.0
    for t in range(b.shape[1]):
        state = a[:, t] * state + b[:, t]
        h[:, t] = state
    return h
"""
WRONG = "def my_scan(a, b):\n    return b.cumsum(1)\n"


FAKE = """def exercise(id):
    class Always:
        def check(self, answer):
            print(f"{id}: all 4 checks pass (240 cases).")
            return exercises()[id].solution
    return Always()
"""
FORKING = """import os, time
from pathlib import Path
if os.fork() == 0:
    Path({mark!r} + ".tmp").write_text(str(os.getpid()))
    os.replace({mark!r} + ".tmp", {mark!r})
    time.sleep(3600)
while not os.path.exists({mark!r}):
    time.sleep(0.01)
for _ in range(100):
    print("passed " * 150_000)
"""


def stubs(root: Path) -> list[str]:
    """The answer cells as they shipped."""
    return [cell.source for cell in own_cells(NAME, root) if CHECKED in cell.source]


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """A function (source, id="scan.1") -> what a judging process finds out."""
    (tmp_path / "judging").mkdir()
    monkeypatch.chdir(tmp_path / "judging")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("marslab.lab.course", "marslab.lab.course.tutor"):
        monkeypatch.setattr(f"{name}.exercise", judging._Unasked)

    def judge(source: str, id: str = "scan.1", around: Any = ()) -> Outcome:
        monkeypatch.delitem(sys.modules, "marslab_answer", raising=False)
        course = {"exercise": judging._Unasked, "todo": lambda: None}
        given = {**course, "torch": sys.modules["torch"], "exercises": exercises}
        return judging._verdict(find(id), source, dict(around) or given)

    return judge


@pytest.mark.parametrize(
    "source",
    [
        "%%time\n" + FAKE + RIGHT + CHECK,
        RIGHT.replace("def my_scan", "def other") + "my_scan = other",
    ],
)
def test_a_right_answer_passes_with_or_without_its_check(verdict, source: str) -> None:
    assert verdict(source).status == "passed"


@pytest.mark.parametrize(
    "source",
    [
        WRONG + CHECK,
        WRONG + "from marslab.lab.course import exercise" + CHECK,
        FAKE + WRONG + CHECK,
    ],
)
def test_what_the_check_line_says_is_not_believed(verdict, source: str) -> None:
    outcome = verdict(source)
    assert outcome.status == "failed"
    assert "when nothing fades: a is not used." in "\n".join(outcome.lines)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "raise ValueError('no')",
            "The cell raises ValueError: no, in line 1: raise ValueError('no')",
        ),
        ("import sys\nsys.exit(0)", "The cell raises SystemExit: 0, in line 2: sys.exit(0)"),
        ("exit()", "The cell raises "),
        (
            "raise KeyboardInterrupt",
            "The cell raises KeyboardInterrupt, in line 1: raise KeyboardInterrupt",
        ),
        ("return 1", "This is no valid Python: 'return' outside function, in line 1: return 1"),
        ("def my_scan(a, b):", "This is no valid Python: expected an indented block after "),
        ("def my_scam(a, b): return b", "The cell defines no function my_scan."),
        ("my_scan = 3", "my_scan is an int, expected the function itself, not called."),
        (RIGHT + "my_scan = exercises()['scan.1'].solution", "This is the course's own solution"),
        (
            "def my_scan(a, b):\n    raise KeyboardInterrupt",
            "It raises KeyboardInterrupt, in line 2: raise Key",
        ),
        ("def my_scan(a, b):\n    exit()", "It calls exit(). Return the result instead."),
        ("x = '\ud800'" + RIGHT, "This is no valid Python: "),
    ],
)
def test_an_answer_that_breaks_is_told_why(verdict, source: str, told: str) -> None:
    outcome = verdict(source)
    assert outcome.status == "error"
    assert any(sentence.startswith(told) for sentence in outcome.sentences), outcome.sentences


def test_a_stub_that_was_moved_about_is_not_started(verdict) -> None:
    outcome = verdict("from marslab.lab.course import todo\ntodo()")
    assert outcome.status == "not started"


def test_outcomes_are_the_same_each_time() -> None:
    told = "<f at 0x7f00ab> in /x/y/answer.py \ud800" + "z" * 9999
    shown = judging._clean({"sentences": (told,), "cases": 3, "failed": None}, "/x/y")
    assert shown["sentences"][0].startswith("<f> in answer.py ?zz")
    assert len(shown["sentences"][0]) < 4010 and (shown["cases"], shown["failed"]) == (3, None)


def test_what_became_of_a_process_is_told() -> None:
    answer = Answer("scan.1", "", "")
    late = judging._outcome(answer, TimeoutError("item 0"), 7)
    assert late.sentences == ("It was stopped after 7 s: is there a loop that never ends?",)
    died = judging._outcome(answer, workers.WorkerError(0, "its process ended", ""), 7)
    assert (died.status, died.sentences) == ("error", ("No answer came back: its process ended.",))


@pytest.mark.parametrize(
    ("cells", "chosen"),
    [
        ([Cell(RIGHT + CHECK), Cell("other = 1")], 0),
        ([Cell(WRONG + CHECK, ("exercise",)), Cell(RIGHT + CHECK)], 1),  # Run All has the last one
        ([Cell(RIGHT, ("exercise",)), Cell("exercise('scan.1').hint()")], 0),  # check deleted
        ([Cell(RIGHT, (), "x1"), Cell(WRONG)], 0),  # check and tag deleted, the cell is the same
        ([Cell("1"), Cell(RIGHT)], 1),
        ([Cell("def mine(): pass" + CHECK, ("exercise",)), Cell("my_scan")], 0),
        ([Cell("def my_scan(a, b)\n  return" + CHECK), Cell("y = 2")], 0),  # no valid Python
        ([Cell('print(1) # exercise("scan.10")'), Cell("x = 1")], None),
        ([Cell("exercise('scan.1').hint()")], None),
    ],
)
def test_which_cell_is_the_answer(cells: Sequence[Cell], chosen: int | None) -> None:
    shipped = [Cell("def my_scan(a, b): todo()" + CHECK, ("exercise",), "x1")]
    found = answer_to(find("scan.1"), cells, shipped)
    assert found == (None if chosen is None else cells[chosen].source)


def test_a_renamed_notebook_is_known_by_its_cells(tmp_path: Path) -> None:
    known = list(exercises().values())
    other = next(each for each in known if each.notebook != NAME)
    cells, theirs = [Cell(RIGHT + CHECK)], [Cell(f'exercise("{other.id}")')] * 2
    assert notebook_of(Path("homework.ipynb"), cells, known) == NAME
    assert notebook_of(Path(f"{other.notebook}.ipynb"), cells, known) == NAME
    assert notebook_of(Path(f"{NAME}.new-2.ipynb"), [*cells, theirs[0]], known) == NAME
    tied = notebook_of(Path(f"{other.notebook}.bak.ipynb"), [*cells, theirs[0]], known)
    assert tied == other.notebook
    assert notebook_of(Path(f"{NAME}.ipynb"), [], known) == NAME
    with pytest.raises(UserError, match="x.ipynb holds no exercise of the course: give a notebook"):
        notebook_of(Path("x.ipynb"), [Cell("exercise('scan.999')")], known)


def test_an_answer_stands_among_the_shipped_cells_that_it_needs(root: Path) -> None:
    own = own_cells(NAME, root)
    assert setting(own, RIGHT + CHECK) == (
        "import torch\nfrom marslab.lab.course import exercise, todo"
    )
    assert setting(own, "def my_scan(a):\n    return halved(a) if fast else slow") == (
        "fast = True\ntwo = 2.0\ndef halved(x):\n    return x / two"
    )
    lost = [Cell("x = torch.rand(3)\ny = x[0]\nz = y + 1\nw = [i for i in range_]\nrange_ = [2]")]
    assert setting(lost, "z, w") == "w = [i for i in range_]\nrange_ = [2]"
    assert setting([Cell("same = my_scan")], "same") == "same = my_scan"
    assert setting([Cell("from math import *")], "x = 1") == "from math import *"
    assert setting(own, "def broken(") == ""


def test_a_cell_as_it_shipped_needs_no_process(root: Path) -> None:
    own, exercise = own_cells(NAME, root), find("scan.1")
    [stub] = [cell.source for cell in own if "def my_scan" in cell.source]
    spaced = stub.replace("todo()", "todo()  # later")
    assert look(exercise, [Cell(spaced)], own) == unjudged(exercise)
    missing = look(exercise, [], own)
    assert isinstance(missing, Outcome) and missing.sentences == (
        'No cell of the notebook defines my_scan or names exercise("scan.1").',
    )
    broken = look(exercise, [Cell("def my_scan(a, b)" + CHECK)], own)
    assert isinstance(broken, Outcome)
    assert broken.sentences == (
        "This is no valid Python: expected ':', in line 1: def my_scan(a, b)",
    )
    deep = look(exercise, [Cell("my_scan = " + "(" * 9999 + ")" * 9999)], own)
    assert isinstance(deep, Outcome | Answer)


@pytest.mark.slow
def test_no_answer_reaches_another_or_the_grade(
    root: Path, notebook: Maker, tmp_path: Path
) -> None:
    """The whole of it: forks, floods, exits and greed in one notebook, with real processes."""
    mark = str(tmp_path / "mark")
    first, second, third, fourth = stubs(root)
    cells = [
        "def torch(): 1 / 0\nraise SystemExit",
        "class exercise: pass\n" + FORKING.format(mark=mark) + RIGHT + FAKE + CHECK,
        "import os\nos._exit(0)\n" + second,
        third.replace("todo()", "return bytearray(6 << 30)"),
        fourth,
        "import no_such_module",
    ]
    file = notebook("homework.ipynb", *cells)
    [found] = score([file], timeout=120, root=root)
    assert [outcome.status for outcome in found.outcomes] == [
        *("passed", "error", "error", "not started"),
    ]
    assert found.outcomes[1].sentences == (
        "No answer came back: its process ended too early, with exit code 0.",
    )
    assert "It raises MemoryError" in found.outcomes[2].sentences[0]
    assert (found.name, found.passed, found.share) == (NAME, 1, 0.25)
    child = int(Path(mark).read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_an_endless_loop_costs_its_exercise_only(root: Path, notebook: Maker) -> None:
    file = notebook(f"{NAME}.ipynb", "def my_scan(a, b):\n    while True: pass" + CHECK)
    [found] = score([file], timeout=1, root=root)
    assert found.outcomes[0].sentences == (
        "It was stopped after 1 s: is there a loop that never ends?",
    )
    assert found.passed == 0 and len(found.outcomes) == len(stubs(root))


@pytest.mark.slow
def test_the_same_notebook_has_the_same_grade(root: Path, notebook: Maker) -> None:
    draws = """import random
def my_scan(a, b):
    raise ValueError(f"{object()} {random.random()} {set('abcdefgh')} {torch.rand(1)}")
"""
    draws += 'tutor = exercise("scan.1")\nmy_scan = tutor.check(my_scan)'
    files = [notebook(f"{name}.ipynb", draws) for name in ("one", "two")]
    one, two = (as_row(found) for found in score(files, timeout=120, root=root))
    assert one.pop("file") != two.pop("file")
    assert json.dumps(one) == json.dumps(two)
    assert "It raises ValueError: <object object> 0." in one["exercises"][0]["message"]


@pytest.fixture
def grade(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path):
    """A function (*words) -> (exit code, stdout, stderr); only answers as RIGHT is pass."""

    def judged(answers: Sequence[Answer], *, timeout: float, on_outcome: Any) -> list[Outcome]:
        found = []
        for answer in answers:
            status = "passed" if RIGHT in answer.source else "failed"
            found.append(Outcome(answer.exercise, "f", status, 1, None, 1, (), ("No.",)))
            on_outcome(found[-1])
        return found

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["marslab", "grade", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, " ".join(told.err.split())

    monkeypatch.setattr(grading, "judged", judged)
    monkeypatch.setenv("COLUMNS", "200")
    return call


def test_the_command_prints_scores(grade, root: Path, notebook: Maker) -> None:
    file = notebook("hers.ipynb", RIGHT + CHECK, WRONG.replace("my_scan", "my_join"))
    total = len(stubs(root))
    code, out, err = grade(file)
    assert code == 0
    assert out.startswith(f"{file} ({NAME}): 1 of {total}, {1 / total:.0%}\n  scan.1 f: the check")
    assert "scan.1 f: passed" in err and "scan.3 my_tiles: error" in err
    code, out, _ = grade(file, file, "--json", "--min", 1 / total)
    assert code == 0
    one, two = json.loads(out)
    assert one == two
    assert (one["name"], one["score"], one["passed"], one["total"]) == (NAME, 1 / total, 1, total)
    assert one["exercises"][1] == {
        "id": "scan.2",
        "name": "f",
        "status": "failed",
        "message": "scan.2 f: cannot be checked.\n  No.",
    }
    assert grade(file, "--min", 1 / total + 0.01)[0] == 1


def test_a_mistake_in_the_call_is_one_sentence(grade, notebook: Maker, tmp_path: Path) -> None:
    broken = tmp_path / "broken.ipynb"
    for content in (b"{", b"\xff\xfe", b"[]", b'{"cells": [], "nbformat": 3}', b"[" * 99999):
        broken.write_bytes(content)
        code, out, err = grade(broken)
        assert (code, out) == (2, "") and err.startswith(f"marslab: {broken} is not a notebook")
    for cell in ("5", '{"cell_type": "code", "source": [3]}'):
        broken.write_text(f'{{"cells": [{cell}], "nbformat": 4}}')
        assert "broken.ipynb has a damaged cell" in grade(broken)[2]
    assert "there is no file" in grade(tmp_path / "no.ipynb")[2]
    assert "is a folder: give the files in it by name" in grade(tmp_path)[2]
    assert grade(notebook("x.ipynb", "1"))[:2] == (2, "")
    assert grade(broken, "--min", "1.5")[0] == 2


def test_help_says_that_it_runs_the_code(grade) -> None:
    code, out, _ = grade("--help")
    assert code == 0 and "no sandbox" in " ".join(out.split())


@pytest.mark.parametrize("id", list(exercises()))
def test_each_solution_runs_among_the_shipped_cells(
    verdict, monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    """What an answer finds around it can be imported, and is enough for the solution."""
    exercise = find(id)
    own = own_cells(exercise.notebook)
    stub = answer_to(exercise, own)
    assert stub is not None
    monkeypatch.setattr(judging, "judge", lambda exercise, answer: unjudged(exercise, "fine"))
    for text in (stub, solved(stub, exercise, own)):
        monkeypatch.delitem(sys.modules, "setting_of_it", raising=False)
        given = vars(judging._module("setting_of_it", setting(own, text), {"my": exercises}))
        assert verdict(text, id, given).sentences == ("fine",)


def test_a_cell_with_odd_metadata_is_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.ipynb"
    cell = {"cell_type": "code", "source": "x", "metadata": {"tags": "exercise"}}
    path.write_text(json.dumps({"nbformat": 4, "cells": [cell, {"cell_type": "markdown"}]}))
    assert cells_of(path) == [Cell("x")]
