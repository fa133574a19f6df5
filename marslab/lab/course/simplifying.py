"""A case that fails, with numbers as simple as can be: the part of the search hypothesis does.

It leaves no trace: no warning, no file beside the notebook, no random state.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import environ
from typing import TYPE_CHECKING, Any, TypeVar

from marslab.errors import UserError
from marslab.home import home
from marslab.lab.course.drawing import Draw

if TYPE_CHECKING:
    from hypothesis import settings

EXAMPLES = 60  # cases, at most, among which it looks for one to begin with

Failure = TypeVar("Failure")
Cases = Callable[[Draw], tuple[Any, ...]]
Probe = Callable[[tuple[Any, ...]], Failure | None]


class _Fails(Exception):
    """Tells hypothesis that a case fails."""


class Strategies:
    """A source of choices that hypothesis makes, and makes smaller."""

    def __init__(self, choose: Callable[..., Any]) -> None:
        self._choose = choose

    def below(self, count: int) -> int:
        """Choose one of 0 .. count-1."""
        from hypothesis.strategies import integers

        return self._choose(integers(0, count - 1))

    def places(self, n: int, count: int) -> list[int]:
        """Choose n times one of 0 .. count-1."""
        from hypothesis.strategies import binary

        # One draw for all: a draw for each takes most of the time of a search.
        return [byte % count for byte in self._choose(binary(min_size=n, max_size=n))]


def simplified(cases: Cases, probe: Probe[Failure], limits: Sequence[int]) -> Failure | None:
    """Return what `probe` says to the simplest case with sizes up to `limits` that it refuses.

    None if no case of those that are tried fails.
    """
    from hypothesis import given, seed, strategies
    from hypothesis.errors import Flaky, Unsatisfiable

    failures: list[Failure] = []

    @strategies.composite
    def drawn(choose: Callable[..., Any]) -> tuple[Any, ...]:
        return cases(Draw(Strategies(choose), max(limits, default=1), limits))

    @seed(0)
    @_quiet()
    @given(drawn())
    def each(args: tuple[Any, ...]) -> None:
        failure = probe(args)
        if failure is not None:
            failures.append(failure)
            raise _Fails

    with _elsewhere():
        try:
            each()
        except (_Fails, Flaky, Unsatisfiable):
            pass
    return failures[-1] if failures else None  # hypothesis ends with the smallest


def _quiet() -> "settings":
    from hypothesis import HealthCheck, Phase, Verbosity, settings

    return settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        # Cases may be slow or large: that is their author's affair, and no word for a learner.
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
            HealthCheck.large_base_example,
            HealthCheck.nested_given,
        ],
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Let hypothesis keep its tables in MARSLAB_HOME and its warnings to itself."""
    from hypothesis.configuration import set_hypothesis_home_dir
    from hypothesis.errors import HypothesisWarning

    place = None if environ.get("HYPOTHESIS_STORAGE_DIRECTORY") else _cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        if place:
            set_hypothesis_home_dir(place)
        try:
            yield
        finally:
            if place:
                set_hypothesis_home_dir(None)


def _cache() -> str:
    try:
        return str(home() / "cache" / "hypothesis")
    except UserError:
        return tempfile.gettempdir()
