"""Judging an answer: every check of an exercise on drawn cases, up to the first that fails."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal

from marslab.lab.course import answers, searching, showing
from marslab.lab.course.comparing import difference, kind_of
from marslab.lab.course.guarding import Fault, Guarded, copied, random_states_kept
from marslab.lab.course.registry import Check, Exercise
from marslab.lab.course.signals import NotStarted

Status = Literal["passed", "failed", "not started", "error"]


@dataclass(frozen=True)
class Outcome:
    """What came of an answer: plain texts and numbers, safe to send to another process."""

    exercise: str  # its id
    name: str  # of the function
    status: Status  # "error": the answer raised, or is no function
    checks: int  # of the exercise
    failed: tuple[int, str] | None  # number (from 1) and name of the check that failed
    cases: int  # that passed
    example: tuple[tuple[str, str], ...]  # ("smallest case", ...), ("yours", ...), ...
    sentences: tuple[str, ...]  # what there is to say about it

    @property
    def lines(self) -> list[str]:
        """The tutor's message."""
        return answers.lines(self)


@dataclass(frozen=True)
class Failure:
    """One case that an answer did not pass."""

    args: tuple[Any, ...]
    sentence: str
    printed: str
    results: tuple[Any, Any] | None = None  # got and expected
    stopped: Literal["", "raised", "todo"] = ""


def judge(exercise: Exercise, answer: Any) -> Outcome:
    """Return what comes of `answer`, on the same cases every time. Nothing else happens.

    KeyboardInterrupt passes through: a function that never ends is stopped by its author.
    """
    if not callable(answer):
        told = f"{exercise.name} is {kind_of(answer)}, expected the function itself, not called."
        return _outcome(exercise, "error", sentences=(told,))
    names = list(signature(exercise.solution).parameters)
    guarded, cases = Guarded(answer, names), 0
    with random_states_kept():
        for number, check in enumerate(exercise.checks, 1):
            result = searching.search(check.cases, _probe(exercise, check, guarded))
            cases += result.passed
            if result.failure is not None:
                told = _told(check, result.failure, steady=result.steady)
                return _failed(
                    exercise, number, cases, result.failure, " ".join(filter(None, told))
                )
    return _outcome(exercise, "passed", cases=cases)


def _probe(
    exercise: Exercise, check: Check, guarded: Guarded
) -> Callable[[tuple[Any, ...]], Failure | None]:
    """Return what tries the answer on one case."""
    attempt = _by_law if check.law else _by_solution

    def probe(args: tuple[Any, ...]) -> Failure | None:
        guarded.printed = ""
        try:
            return attempt(exercise, check, guarded, args)
        except NotStarted:
            return Failure(args, "It still reaches a todo().", guarded.printed, stopped="todo")
        except Fault as fault:
            return Failure(
                args, str(fault), guarded.printed, stopped="raised" if fault.raised else ""
            )

    return probe


def _by_law(
    exercise: Exercise, check: Check, guarded: Guarded, args: tuple[Any, ...]
) -> Failure | None:
    assert check.law is not None
    try:
        check.law(guarded, *copied(args))
    except (NotStarted, Fault):
        raise
    except AssertionError as error:
        return Failure(args, answers.one_line(error) or "It does not.", guarded.printed)
    except Exception as error:  # the law could not compute with what the answer gave it
        told = f"The check cannot use what it returns: {answers.error(error)}"
        return Failure(args, told, guarded.printed)
    return None


def _by_solution(
    exercise: Exercise, check: Check, guarded: Guarded, args: tuple[Any, ...]
) -> Failure | None:
    got = guarded(*args)
    expected = exercise.solution(*copied(args))
    try:
        found = difference(got, expected, check.tolerance)
    except Exception as error:  # a sparse tensor, say, or an object of the learner's own
        told = f"It is {kind_of(got)} that cannot be compared: {answers.error(error)}"
        return Failure(args, told, guarded.printed)
    if found is None:
        return None
    return Failure(args, found.sentence, guarded.printed, results=(got, expected))


def _told(check: Check, failure: Failure, *, steady: bool) -> Iterator[str]:
    """The sentences about a failure, the check's own one about a typical mistake last."""
    if not steady:
        yield "It does not give the same result each time it gets the same arguments."
    yield failure.sentence
    if check.tell and failure.results:
        with suppress(Exception):  # it may have reckoned with another kind of result
            yield check.tell(copied(failure.args), *failure.results)


def _failed(exercise: Exercise, number: int, cases: int, failure: Failure, told: str) -> Outcome:
    if failure.stopped == "todo" and cases == 0:
        return _outcome(exercise, "not started")
    names = list(signature(exercise.solution).parameters)
    shown = showing.case(names, failure.args)
    example = [("smallest case", shown[0]), *(("", line) for line in shown[1:])]
    if failure.results is not None:
        example += zip(("yours", "expected"), showing.pair(*failure.results), strict=True)
    printed = showing.head(failure.printed)
    example += zip(["printed", *[""] * len(printed)], printed, strict=False)
    return _outcome(
        exercise,
        "error" if failure.stopped == "raised" else "failed",
        failed=(number, exercise.checks[number - 1].name),
        cases=cases,
        example=tuple(example),
        sentences=(told,) if told else (),
    )


def _outcome(
    exercise: Exercise,
    status: Status,
    *,
    failed: tuple[int, str] | None = None,
    cases: int = 0,
    example: tuple[tuple[str, str], ...] = (),
    sentences: tuple[str, ...] = (),
) -> Outcome:
    checks = len(exercise.checks)
    return Outcome(exercise.id, exercise.name, status, checks, failed, cases, example, sentences)
