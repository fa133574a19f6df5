"""The tutor of one exercise, as a notebook meets it: check, hint, solution."""

from collections.abc import Callable
from inspect import getsource
from os import environ
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError
from marslab.lab.course import answers, records
from marslab.lab.course.registry import Exercise, find
from marslab.lab.course.signals import ExerciseUnsolved

if TYPE_CHECKING:
    from marslab.lab.course.checking import Outcome


def exercise(id: str) -> "Tutor":
    """Return the tutor of the exercise `id`.

    Errors:
        UserError: there is no such exercise
    """
    return Tutor(find(id))


class Tutor:
    """Checks answers to one exercise, gives hints, shows the solution."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise

    def __repr__(self) -> str:
        return f"exercise({self.exercise.id!r})  # {self.exercise.title}"

    def check(self, answer: Any) -> Callable[..., Any]:
        """Tell what is right and wrong about `answer`; return it if it passes, else the solution.

        MARSLAB_SOLUTIONS=1 checks and returns the solution in place of `answer`, and keeps no
        progress.

        Errors:
            ExerciseUnsolved: it does not pass, under MARSLAB_STRICT=1
        """
        from marslab.lab.course.checking import judge

        solution = self.exercise.solution
        swapped = _on("MARSLAB_SOLUTIONS")
        outcome = judge(self.exercise, solution if swapped else answer)
        told = [*outcome.lines, *([] if swapped else self.kept(outcome))]
        message = "\n".join(told)
        if outcome.status == "passed":
            print(message)
            return solution if swapped else answer
        if _on("MARSLAB_STRICT"):
            raise ExerciseUnsolved(message)
        print(message)
        return solution

    def kept(self, outcome: "Outcome") -> list[str]:
        """Keep the try; return the hint that it earned, and why nothing could be kept if so."""
        if outcome.status == "not started":
            return []
        try:
            record = records.note(self.exercise, passed=outcome.status == "passed")
        except (OSError, UserError) as error:
            return [f"  Your progress was not kept: {answers.one_line(error)}"]
        hints = self.exercise.hints
        if record.passed or record.tries < 2 or not record.hints:
            return []
        told = [f"  {answers.hint(record.hints, hints)}"]
        if record.tries > len(hints) + 1:  # there is no new one
            told += [f"  `marslab solution {self.exercise.id}` shows a solution."]
        return told

    def hint(self) -> None:
        """Print the next hint; after the last one, all of them and where the solution is."""
        print(next_hint(self.exercise))

    def solution(self) -> None:
        """Print the source of the solution."""
        print(source(self.exercise))


def next_hint(exercise: Exercise) -> str:
    """Count one more hint as given, and return it; after the last one, all of them."""
    before = records.read(exercise.id).hints
    if before < len(exercise.hints):
        return answers.hint(records.note_hint(exercise).hints, exercise.hints)
    hints = [answers.hint(n, exercise.hints) for n in range(1, len(exercise.hints) + 1)]
    return "\n".join([*hints, f"That was all; `marslab solution {exercise.id}` shows a solution."])


def source(exercise: Exercise) -> str:
    """Return the source of the solution, without a newline at its end."""
    return dedent(getsource(exercise.solution)).rstrip("\n")


def _on(switch: str) -> bool:
    """Whether a variable of the environment is set to something but 0."""
    return environ.get(switch, "") not in ("", "0")
