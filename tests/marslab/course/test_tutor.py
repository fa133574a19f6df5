"""What a notebook meets: `exercise(id).check`, `.hint`, `.solution`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from marslab.errors import UserError
from marslab.lab.course import ExerciseUnsolved, exercise, records, todo
from marslab.lab.course.registry import Exercise

pytestmark = pytest.mark.usefixtures("few_cases")
Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: capsys.readouterr().out.splitlines()


def stub(a: Tensor, b: Tensor) -> Tensor:
    todo()


def wrong(a: Tensor, b: Tensor) -> Tensor:
    return b.cumsum(1)


def test_an_answer_that_passes_comes_back(scan: Exercise, lines: Lines) -> None:
    def mine(a: Tensor, b: Tensor) -> Tensor:
        return scan.solution(a, b)

    assert exercise("scan.1").check(mine) is mine
    assert lines() == ["scan.1 my_scan: all 3 checks pass (30 cases)."]
    assert records.read("scan.1").passed


def test_a_stub_goes_on_with_the_solution_and_is_no_try(scan: Exercise, lines: Lines) -> None:
    assert exercise("scan.1").check(stub) is scan.solution
    assert lines()[0].startswith("scan.1 my_scan: not started.")
    assert records.read("scan.1") == records.Record("scan.1")


def test_hints_come_from_the_second_failure_on(scan: Exercise, lines: Lines) -> None:
    ends = []
    for _ in range(4):
        assert exercise("scan.1").check(wrong) is scan.solution
        ends.append(lines()[5:])
    assert ends == [
        [],
        ["  hint 1 of 2: write the loop over t"],
        ["  hint 2 of 2: h starts at zero"],
        ["  hint 2 of 2: h starts at zero", "  `marslab solution scan.1` shows a solution."],
    ]


def test_a_first_failure_gives_no_hint_also_to_who_asked_before(
    scan: Exercise, lines: Lines
) -> None:
    exercise("scan.1").hint()
    exercise("scan.1").check(wrong)
    assert [line for line in lines() if "hint" in line] == ["hint 1 of 2: write the loop over t"]


def test_hints_on_request(scan: Exercise, lines: Lines) -> None:
    asked = exercise("scan.1")
    asked.hint()
    asked.hint()
    assert lines() == ["hint 1 of 2: write the loop over t", "hint 2 of 2: h starts at zero"]
    asked.hint()
    assert lines() == [
        "hint 1 of 2: write the loop over t",
        "hint 2 of 2: h starts at zero",
        "That was all; `marslab solution scan.1` shows a solution.",
    ]
    assert records.read("scan.1").hints == 2


def test_the_solution_on_request(scan: Exercise, lines: Lines) -> None:
    exercise("scan.1").solution()
    shown = lines()
    assert shown[0] == "def my_scan(a: Tensor, b: Tensor) -> Tensor:"
    assert shown[-1] == "    return torch.stack(states, 1)"


@pytest.mark.parametrize("answer", [stub, wrong, None])
def test_strict(scan: Exercise, answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSLAB_STRICT", "1")
    with pytest.raises(ExerciseUnsolved, match="scan.1 my_scan: "):
        exercise("scan.1").check(answer)


def test_a_solved_exercise_is_solved_under_strict_too(
    scan: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARSLAB_STRICT", "1")
    assert exercise("scan.1").check(scan.solution) is scan.solution


def test_the_solution_in_place_of_the_answer(
    scan: Exercise, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setenv("MARSLAB_SOLUTIONS", "1")
    monkeypatch.setenv("MARSLAB_STRICT", "1")
    assert exercise("scan.1").check(stub) is scan.solution
    assert lines() == ["scan.1 my_scan: all 3 checks pass (30 cases)."]
    assert records.read("scan.1") == records.Record("scan.1")


def test_switches_that_are_0_are_off(scan: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSLAB_SOLUTIONS", "0")
    monkeypatch.setenv("MARSLAB_STRICT", "0")
    exercise("scan.1").check(wrong)
    assert records.read("scan.1").tries == 1


def test_progress_that_cannot_be_kept_is_a_line_and_no_more(
    scan: Exercise, lines: Lines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MARSLAB_HOME", str(tmp_path / "file" / "home"))
    assert exercise("scan.1").check(wrong) is scan.solution
    assert lines()[-1].startswith("  Your progress was not kept: marslab cannot make its folder")


@pytest.mark.usefixtures("scan")
def test_an_unknown_exercise_is_one_sentence() -> None:
    with pytest.raises(UserError) as error:
        exercise("scam.1")
    assert str(error.value) == (
        "there is no exercise 'scam.1'. Did you mean 'scan.1'? Choose from: scan.1."
    )
    assert repr(exercise("scan.1")) == "exercise('scan.1')  # A scan as a loop"
