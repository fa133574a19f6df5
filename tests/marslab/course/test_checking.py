"""What the tutor finds out about an answer, and that nothing else happens meanwhile."""

import os
import pickle
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from marslab.home import home
from marslab.lab.course import todo
from marslab.lab.course.checking import judge
from marslab.lab.course.registry import Check, Exercise


def message(exercise: Exercise, answer: object) -> str:
    return "\n".join(judge(exercise, answer).lines)


def test_the_solution_passes(scan: Exercise) -> None:
    outcome = judge(scan, scan.solution)
    assert (outcome.status, outcome.failed, outcome.cases) == ("passed", None, 180)
    assert outcome.lines == ["scan.1 my_scan: all 3 checks pass (180 cases)."]


def test_a_stub_is_not_started(scan: Exercise) -> None:
    def stub(a: Tensor, b: Tensor) -> Tensor:
        todo()

    outcome = judge(scan, stub)
    assert outcome.status == "not started"
    assert outcome.lines == [
        "scan.1 my_scan: not started. Replace todo() with your code; "
        "until then the notebook goes on with the reference solution."
    ]


def test_a_wrong_answer_gets_the_smallest_case_in_numbers(scan: Exercise) -> None:
    outcome = judge(scan, lambda a, b: b.cumsum(1))
    assert outcome.status == "failed"
    assert outcome.failed == (2, "carries the state from step to step")
    assert outcome.lines == [
        "scan.1 my_scan: check 2 of 3 fails: carries the state from step to step",
        "  smallest case   a = [0.0, 0.0], b = [1.0, 0.0]        (shape [1, 2, 1])",
        "  yours           [1.0, 1.0]",
        "  expected        [1.0, 0.0]",
        "  That is the plain sum: a[t] is not used.",
    ]


def test_a_law_tells_its_own_sentence(scan: Exercise) -> None:
    law = Exercise(**{**vars(scan), "checks": scan.checks[2:]})
    outcome = judge(law, lambda a, b: scan.solution(a, b) + 1)
    assert outcome.lines == [
        "scan.1 my_scan: check 1 of 1 fails: is linear in b",
        "  smallest case   a = [0.0], b = [0.0]        (shape [1, 1, 1])",
        "  Twice b does not give twice h.",
    ]
    assert "cannot use what it returns: TypeError" in message(law, lambda a, b: {})
    assert "It returns None." in message(law, lambda a, b: None)


def only_if_long(a: Tensor, b: Tensor) -> Tensor:
    return b.cumsum(1) if b.shape[1] > 3 else run(a, b)


def run(a: Tensor, b: Tensor) -> Tensor:
    h, states = torch.zeros_like(b[:, 0]), []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        (lambda a, b: run(a, b)[:1].expand(b.shape), "[2, 1, 1]"),
        (lambda a, b: run(a, b)[..., :1].expand(b.shape), "[1, 1, 2]"),
        (lambda a, b: run(b, b), "[1, 2, 1]"),
        (only_if_long, "[1, 4, 1]"),
        (lambda a, b: b, "[1, 2, 1]"),  # numbers alone would leave it at [2, 2, 1]
    ],
)
def test_the_case_is_as_small_as_the_mistake_allows(
    scan: Exercise, answer: Callable[..., Tensor], shape: str
) -> None:
    assert f"(shape {shape})" in message(scan, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda a, b: None, "  It returns None. Is the line `return ...` missing?"),
        (lambda a, b: run(a, b)[0], "  It has shape [1, 1], expected [1, 1, 1]."),
        (
            lambda a, b: run(a, b).float(),
            "  It has dtype float32, expected float64 as the arguments have: "
            "make new tensors with their dtype, as torch.zeros_like does.",
        ),
        (lambda a, b: run(a, b).long(), "  It has dtype int64, expected float64."),
        (lambda a, b: run(a, b).tolist(), "  It is a list, expected a tensor."),
        (lambda a, b: (run(a, b), b), "  It is a tuple, expected a tensor."),
        (lambda a, b: run(a, b) * float("nan"), "  It has NaN where a number is expected."),
        (
            lambda a, b: b.mul_(a),
            "  It changes its argument b in place. The caller still needs that: "
            "compute a new tensor, or work on a copy.",
        ),
        (
            lambda a, b: run(a, b).to_sparse(),
            "  It is a sparse tensor, expected a dense one: use its to_dense().",
        ),
        (lambda a, b: todo() if len(b) > 1 else run(a, b), "  It still reaches a todo()."),
    ],
)
def test_each_kind_of_mistake_has_its_sentence(
    scan: Exercise, answer: Callable[..., object], sentence: str
) -> None:
    outcome = judge(scan, answer)
    assert outcome.status == "failed"
    assert sentence in outcome.lines


def broken(a: Tensor, b: Tensor) -> Tensor:
    return b[:, 7]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (broken, "in line 138: return b[:, 7]"),
        (lambda a: a, "It is called with (a, b), and raises TypeError:"),
        (lambda a, b: sys.exit(), "It calls exit(). Return the result instead."),
        (lambda a, b: broken(b, a), "It raises IndexError: index 7 is out of bounds"),
    ],
)
def test_an_answer_that_raises_is_an_error_of_its_own(
    scan: Exercise, answer: Callable[..., object], sentence: str
) -> None:
    line = broken.__code__.co_firstlineno + 1
    outcome = judge(scan, answer)
    assert outcome.status == "error"
    assert sentence.replace("line 138", f"line {line}") in "\n".join(outcome.lines)


def test_what_is_no_function_cannot_be_checked(scan: Exercise) -> None:
    outcome = judge(scan, torch.ones(2))
    assert outcome.status == "error"
    assert outcome.lines == [
        "scan.1 my_scan: cannot be checked.",
        "  my_scan is a tensor of shape [2], expected the function itself, not called.",
    ]


def test_an_endless_function_can_be_stopped(scan: Exercise) -> None:
    def stopped(a: Tensor, b: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(scan, stopped)


def test_the_same_answer_gets_the_same_words(scan: Exercise) -> None:
    first, again = (judge(scan, lambda a, b: b.cumsum(1)) for _ in range(2))
    assert first == again == pickle.loads(pickle.dumps(first))


def test_random_numbers_of_an_answer_are_the_same_each_time(scan: Exercise) -> None:
    def noisy(a: Tensor, b: Tensor) -> Tensor:
        return b + torch.rand(()) + random.random() + np.random.rand()  # noqa: NPY002

    torch.manual_seed(1)
    first = judge(scan, noisy)
    torch.manual_seed(2)
    assert judge(scan, noisy) == first


def test_an_answer_that_remembers_is_told_so(scan: Exercise) -> None:
    calls = []

    def moody(a: Tensor, b: Tensor) -> Tensor:
        calls.append(b)
        return b + 1 if len(calls) == 20 else run(a, b)

    told = message(scan, moody)
    assert "It does not give the same result each time it gets the same arguments." in told


def test_what_an_answer_prints_is_shown_for_the_smallest_case_alone(
    scan: Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatty(a: Tensor, b: Tensor) -> Tensor:
        for t in range(9):
            print("step", t, list(b.shape))
        return b

    lines = judge(scan, chatty).lines
    start = lines.index("  printed         step 0 [1, 2, 1]")
    assert lines[start + 1 : start + 4] == [
        "                  step 1 [1, 2, 1]",
        "                  step 2 [1, 2, 1]",
        "                  ...",
    ]
    assert capsys.readouterr() == ("", "")


def test_nothing_else_happens(
    scan: Exercise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        judge(scan, scan.solution)
        judge(scan, lambda a, b: b + torch.rand(()))
    after = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert warned == []
    assert os.listdir() == []


def test_hypothesis_keeps_its_tables_in_the_home(scan: Exercise) -> None:
    from hypothesis.configuration import storage_directory

    places = []

    def spy(a: Tensor, b: Tensor) -> Tensor:
        places.append(storage_directory("x", intent_to_write=False).path)
        return b + (len(b) > 1)

    before = storage_directory("x", intent_to_write=False).path
    judge(scan, spy)
    assert home() / "cache" / "hypothesis" / "x" in places
    assert storage_directory("x", intent_to_write=False).path == before


class Odd:
    """A result that nobody can compare."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("no two\nare equal")


def test_what_cannot_be_compared_is_said_in_one_line(scan: Exercise) -> None:
    law = Check("is odd", scan.checks[0].cases)
    exercise = Exercise(**{**vars(scan), "checks": (law,), "solution": lambda a, b: Odd()})
    told = judge(exercise, lambda a, b: Odd()).lines[-1]
    assert told == "  It is an Odd that cannot be compared: ValueError: no two are equal"


def test_a_law_without_words_and_one_with_many(scan: Exercise) -> None:
    def law(words: str) -> Exercise:
        def fails(answer: object, a: Tensor, b: Tensor) -> None:
            raise AssertionError(words)

        return Exercise(**{**vars(scan), "checks": (Check("x", scan.checks[0].cases, law=fails),)})

    assert judge(law(""), scan.solution).lines[-1] == "  It does not."
    assert judge(law("one\n  two"), scan.solution).lines[-1] == "  one two"


def test_a_sentence_that_fails_is_left_out(scan: Exercise) -> None:
    def tell(args: object, got: Tensor, expected: Tensor) -> str:
        raise IndexError

    check = Check("carries", scan.checks[1].cases, tell)
    exercise = Exercise(**{**vars(scan), "checks": (check,)})
    assert judge(exercise, lambda a, b: b + 1).lines[-1] == "  expected        [0.0]"
