"""Calling a learner's function: whatever it does, one sentence says so and nothing else breaks."""

import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from io import StringIO
from traceback import extract_tb
from types import TracebackType
from typing import Any

import numpy as np
import torch

from marslab.lab.course import answers
from marslab.lab.course.comparing import difference
from marslab.lab.course.signals import NotStarted


class Fault(Exception):
    """The function did not get as far as an answer; the message is the sentence for its author."""

    def __init__(self, sentence: str, *, raised: bool = False) -> None:
        super().__init__(sentence)
        self.raised = raised


class Guarded:
    """A learner's function that is called with copies, quietly, and with the same seed each time.

    Errors:
        Fault: it raised, returned nothing, or changed its arguments
        NotStarted: it called `todo()`
    """

    def __init__(self, answer: Callable[..., Any], parameters: Sequence[str]) -> None:
        self.answer = answer
        self.parameters = parameters
        self.printed = ""  # by the last call

    def __call__(self, *args: Any, **named: Any) -> Any:
        given, kept = copied((args, named)), StringIO()
        _seed()
        try:
            with redirect_stdout(kept):
                got = self.answer(*given[0], **given[1])
        except NotStarted:
            raise
        except (Exception, SystemExit) as error:
            raise Fault(self._raised(error), raised=True) from None
        finally:
            self.printed = kept.getvalue()
        if got is None:
            raise Fault("It returns None. Is the line `return ...` missing?")
        self._refuse_changes(given, (args, named))
        return got

    def _raised(self, error: BaseException) -> str:
        if isinstance(error, SystemExit):
            return "It calls exit(). Return the result instead."
        told = answers.error(error)
        line = _line(error.__traceback__, self.answer)
        if not line and isinstance(error, TypeError):
            return f"It is called with ({', '.join(self.parameters)}), and raises {told}"
        return f"It raises {told}{line}"

    def _refuse_changes(self, given: Any, original: Any) -> None:
        numbers = [f"number {i + 1}" for i in range(len(self.parameters), len(given[0]))]
        names = [*self.parameters, *numbers][: len(given[0])] + list(given[1])
        after, before = ((*args, *named.values()) for args, named in (given, original))
        for name, now, then in zip(names, after, before, strict=True):
            if type(then).__eq__ is not object.__eq__ and difference(now, then):
                raise Fault(
                    f"It changes its argument {name} in place. The caller still needs that: "
                    "compute a new tensor, or work on a copy."
                )


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Leave the random numbers of torch, NumPy and Python as they are on entry."""
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002  # learners may use them
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])  # noqa: NPY002


def _seed() -> None:
    """The same random numbers for each call, on the CPU."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.default_generator.manual_seed(0)


def copied(value: Any) -> Any:
    """Return a deep copy; quick for tensors in tuples, lists and dicts.

    >>> a = torch.ones(2)
    >>> copied((a, [a]))[1][0] is a
    False
    """
    if isinstance(value, torch.Tensor):
        return value.clone()
    if type(value) is tuple or type(value) is list:
        return type(value)(copied(each) for each in value)
    if type(value) is dict:
        return {key: copied(each) for key, each in value.items()}
    return deepcopy(value)


def _line(trace: TracebackType | None, answer: Callable[..., Any]) -> str:
    """The last line of the learner's own code that was reached, as " in line N: ..."."""
    code = getattr(inspect.unwrap(answer), "__code__", None)
    frames = [each for each in extract_tb(trace) if code and each.filename == code.co_filename]
    if not frames:
        return ""
    return f", in line {frames[-1].lineno}: {frames[-1].line or '...'}"
