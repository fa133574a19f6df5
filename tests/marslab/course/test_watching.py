"""The tutor's answers at each save: one round a save, whatever editors do to the file meanwhile."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from marslab import cli
from marslab.lab.course import records, watching
from marslab.lab.course.checking import Outcome
from marslab.lab.course.judging import Answer

Maker = Callable[..., Path]
RIGHT = """def my_scan(a, b):
    h, state = torch.empty_like(b), 0.0
    for t in range(b.shape[1]):
        state = a[:, t] * state + b[:, t]
        h[:, t] = state
    return h
"""
WRONG = "def my_scan(a, b):\n    return b.cumsum(1)\n"
JOIN = "\ndef my_join(a1, b1, a2, b2):\n    return a2 * a1, a2 * b1 + b2\n"
PERCENT = """# %% tags=["parameters"]
fast = True

# %% tags=["exercise"]
{answer}

my_scan = exercise("scan.1").check(my_scan)
"""
Step = Callable[[], object]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The ids that were judged in each round; only answers as RIGHT is pass."""
    rounds: list[list[str]] = []

    def judged(answers: Sequence[Answer], *, timeout: float) -> list[Outcome]:
        rounds.append([answer.exercise for answer in answers])
        return [
            Outcome(answer.exercise, "f", "passed", 1, None, 1, (), ())
            if RIGHT in answer.source
            else Outcome(answer.exercise, "f", "failed", 2, (1, "is right"), 0, (), ("No.",))
            for answer in answers
        ]

    monkeypatch.setattr(watching, "judged", judged)
    return rounds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path):
    """A function (file, *steps) -> (exit code, stdout, stderr); a step before each look."""

    def call(file: Path, *steps: Step) -> tuple[int, str, str]:
        left = iter(steps)

        def pause() -> None:
            step = next(left, None)
            if step is None:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr(watching, "pause", pause)
        monkeypatch.setattr(sys, "argv", ["marslab", "watch", str(file)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(str(ended.value.code)), told.out, told.err

    return call


def nothing() -> None:
    """A look without a change before it."""


def save(file: Path, text: str) -> Step:
    return lambda: file.write_text(text)


def test_each_save_is_one_round_and_ctrl_c_is_the_end(watch, asked, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(WRONG)
    steps = [nothing, nothing, save(file, RIGHT), nothing, save(file, RIGHT), nothing, nothing]
    code, out, err = watch(file, *steps)
    assert code == 130
    assert asked == [["scan.1"], ["scan.1"]]
    first, second = re.split(r"^\d\d:\d\d:\d\d ", out, flags=re.MULTILINE)[:2]
    assert first == "scan.1 f: check 1 of 2 fails: is right\n  No.\n"
    assert second == "0 of 1 pass\nscan.1 f: the check passes (1 cases).\n"
    assert out.endswith(" 1 of 1 pass\n")
    assert err == f"watching {file}: scan.1; Ctrl-C ends this\n"
    record = records.read("scan.1")
    assert (record.passed, record.tries) == (True, 2)


def test_only_answers_that_changed_are_judged_again(watch, asked, root: Path) -> None:
    shipped = root / "01_from_loop_to_scan.ipynb"
    content = json.loads(shipped.read_text())
    places = [at for at, cell in enumerate(content["cells"]) if ").check(" in str(cell["source"])]
    file = root.parent / shipped.name

    def answer(number: int, text: str) -> Step:
        def write() -> None:
            content["cells"][places[number]]["source"] = text
            file.write_text(json.dumps(content))

        return write

    answer(0, WRONG)()
    code, out, _ = watch(file, nothing, answer(1, JOIN), nothing, answer(0, RIGHT), nothing)
    assert code == 130 and asked == [["scan.1"], ["scan.2"], ["scan.1"]]
    assert out.count("scan.3 my_tiles: not started.") == 1
    assert f" 1 of {len(places)} pass" in out


def test_what_is_half_written_or_away_is_waited_for(watch, asked, tmp_path: Path, root) -> None:
    file = tmp_path / "mine.ipynb"
    whole = (root / "01_from_loop_to_scan.ipynb").read_text().replace("todo()", "return 1")
    file.write_text(whole)
    steps = [
        *(nothing, file.unlink, nothing, nothing, save(file, ""), nothing, nothing),
        *(save(file, whole[:50]), save(file, whole[:90]), save(file, whole), nothing),
        *(save(file, whole[:50]), nothing, nothing, file.unlink, nothing),
        *(save(file, whole.replace("return 1", "return 2")), nothing),
    ]
    code, _, err = watch(file, *steps)
    assert code == 130 and len(asked) == 2
    assert err.count("is not a notebook") == 1
    assert "save it again; waiting for the next save" in err


def test_a_plain_file_is_judged_whole(watch, asked, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("\ufeffimport torch\r\n" + RIGHT + JOIN, encoding="utf-8")
    found = watching.answers_in(file.read_bytes(), file)
    assert list(found) == ["scan.1", "scan.2"]
    assert found["scan.1"] == Answer("scan.1", "import torch\n" + RIGHT + JOIN, "")
    broken = save(file, "import torch\ndef my_scan(a, b)\n")
    code, out, _ = watch(file, nothing, broken, nothing, save(file, "x = 1"), nothing)
    assert code == 130
    assert "This is no valid Python: expected ':', in line 2: def my_scan(a, b)" in out


def test_a_file_in_cells_is_judged_as_a_notebook(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "01_from_loop_to_scan.py"
    found = watching.answers_in(PERCENT.format(answer=RIGHT).encode(), file)
    answer = found["scan.1"]
    assert isinstance(answer, Answer)
    assert answer.source.startswith(RIGHT) and "check(my_scan)" in answer.source
    assert answer.setting == "import torch\nfrom marslab.lab.course import exercise, todo"
    assert isinstance(found["scan.2"], Outcome)


def test_a_mistake_in_the_call_is_one_sentence(watch, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    code, out, err = watch(file)
    assert (code, out) == (2, "") and f"there is no file {file}" in err
    file.write_text("def other(): pass")
    assert "has no function that is named like an exercise's: call yours as" in watch(file)[2]
    file.write_bytes(b"\xff\xfe")
    assert "is not a text in UTF-8" in watch(file)[2]
    assert "is a folder" in watch(tmp_path)[2]


@pytest.mark.slow
def test_a_saved_file_is_really_judged(watch, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import torch\n" + WRONG + "print('mine')")
    code, out, _ = watch(file, nothing)
    assert code == 130
    assert "yours" in out and "when nothing fades: a is not used." in out and "mine" not in out
