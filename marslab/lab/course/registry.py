"""What an exercise is, and all of them by id."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from marslab.errors import UserError, unknown
from marslab.lab.course.content import MODULES

if TYPE_CHECKING:
    from marslab.lab.course.drawing import Draw


@dataclass(frozen=True)
class Wrong:
    """A known wrong answer, and what whoever gives it must be told."""

    name: str
    answer: Callable[..., Any]
    told: str  # a part of the tutor's message


@dataclass(frozen=True)
class Check:
    """One property that an answer must have, on cases that are drawn.

    Without a `law` the answer is compared with the solution; `tell` may add a sentence about a
    typical mistake. A law raises AssertionError with the sentence to tell.
    """

    name: str  # "carries the state from step to step"
    cases: "Callable[[Draw], tuple[Any, ...]]"  # the arguments of one case
    tell: Callable[..., str] | None = None  # tell(args, got, expected)
    law: Callable[..., None] | None = None  # law(answer, *args)
    tolerance: float = 1e-6  # |got - expected| <= tolerance * max(1, |expected|)


@dataclass(frozen=True)
class Exercise:
    """A function for the learner to write, and everything that the tutor knows about it."""

    id: str  # "scan.1"
    name: str  # the function's: "my_scan"
    notebook: str  # "01_from_loop_to_scan"
    title: str
    solution: Callable[..., Any]
    checks: tuple[Check, ...]
    hints: tuple[str, ...]
    wrong: tuple[Wrong, ...]


@cache
def exercises() -> dict[str, Exercise]:
    """Return every exercise by id, in the order of the course."""
    modules = [import_module(f"marslab.lab.course.content.{name}") for name in MODULES]
    return {each.id: each for module in modules for each in module.EXERCISES}


def find(id: str) -> Exercise:
    """Return the exercise `id`.

    Errors:
        UserError: there is none of that name
    """
    known = exercises()
    if id not in known:
        raise UserError(unknown("exercise", id, known))
    return known[id]
