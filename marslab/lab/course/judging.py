"""Judging answers that nobody has read: each runs in a process of its own, with limits.

This keeps accidents and jokes from the verdict: an endless loop, exit(), a flood of output, a
check line that was tampered with. It is no sandbox: an answer has the rights of whoever judges it.
"""

import ast
import os
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from marslab.containment import alone, limit_memory
from marslab.lab.course.cells import plain, unchecked
from marslab.lab.course.checking import Outcome, judge
from marslab.lab.course.registry import Exercise, exercises, find
from marslab.lab.course.signals import NotStarted
from marslab.lab.isolation import environment
from marslab.workers import WorkerError

MEMORY = 4 << 30  # bytes that an answer may take
LONGEST = 4000  # characters of one text of an outcome
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
FILE = "marslab_answer.py"
MODES = ("MARSLAB_STRICT", "MARSLAB_SOLUTIONS")


@dataclass(frozen=True)
class Answer:
    """A cell's source, and the statements that stand before it."""

    exercise: str  # its id
    source: str
    setting: str


def judged(
    answers: Sequence[Answer],
    *,
    timeout: float,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Return what comes of each answer. Answers cannot reach each other or this process's verdict.

    Units:
        timeout: seconds for one answer, when everything is loaded
    """
    tell = on_outcome or (lambda outcome: None)
    # The same order of sets in every process: the same answer gets the same message.
    with (
        tempfile.TemporaryDirectory(prefix="marslab-grade-", ignore_cleanup_errors=True) as folder,
        environment(PYTHONHASHSEED="0"),
    ):
        items = [asdict(answer) | {"folder": f"{folder}/{at}"} for at, answer in enumerate(answers)]
        results = alone(
            judge_answer,
            items,
            timeout=timeout,
            on_result=lambda at, result: tell(_outcome(answers[at], result, timeout)),
        )
    return [_outcome(*pair, timeout) for pair in zip(answers, results, strict=True)]


def unjudged(exercise: Exercise, *sentences: str) -> Outcome:
    """Return the outcome of an answer that was not called: `sentences` say why, or not started."""
    status = "error" if sentences else "not started"
    return Outcome(exercise.id, exercise.name, status, len(exercise.checks), None, 0, (), sentences)


def readable(exercise: Exercise, source: str, setting: str = "") -> Answer | Outcome:
    """Return the answer that `source` gives, or the outcome where it is no valid Python."""
    try:
        ast.parse(plain(source))
    except SyntaxError as error:
        return unjudged(exercise, _invalid(error))
    except (ValueError, RecursionError, MemoryError):
        pass  # as odd as this it is left to the process that is thrown away
    return Answer(exercise.id, source, setting)


def judge_answer(item: dict[str, str], begin: Callable[[], None]) -> dict[str, Any]:
    """Judge one answer in this process, which is thrown away afterwards."""
    folder = Path(item["folder"])
    _settle(folder)
    exercise = find(item["exercise"])
    given: dict[str, Any] = {each.name: each.solution for each in exercises().values()}
    given |= vars(_module("marslab_setting", item["setting"], given))
    given.pop(exercise.name)
    limit_memory(MEMORY)
    _seed()
    begin()
    return _clean(asdict(_verdict(exercise, item["source"], given)), str(folder.resolve()))


def _verdict(exercise: Exercise, source: str, given: dict[str, Any]) -> Outcome:
    """What comes of the answer, also of one that no `except Exception` would catch."""
    try:
        answer = vars(_module(FILE.removesuffix(".py"), unchecked(source), given)).get(
            exercise.name
        )
    except NotStarted:
        return unjudged(exercise)
    except SyntaxError as error:
        return unjudged(exercise, _invalid(error))
    except BaseException as error:
        return unjudged(exercise, f"The cell raises {_told(error)}", *_why(error))
    if answer is None:
        return unjudged(exercise, f"The cell defines no function {exercise.name}.")
    if answer is exercise.solution:
        return unjudged(exercise, "This is the course's own solution, not an answer.")
    try:
        return judge(exercise, answer)
    except BaseException as error:
        return unjudged(exercise, f"It raises {_told(error)}")


def _invalid(error: SyntaxError) -> str:
    line = f", in line {error.lineno}: {(error.text or '').strip()}" if error.lineno else "."
    return f"This is no valid Python: {error.msg}{line}"


def _told(error: BaseException) -> str:
    told = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    lines = [each for each in extract_tb(error.__traceback__) if each.filename.endswith(FILE)]
    return f"{told}, in line {lines[-1].lineno}: {lines[-1].line}" if lines else f"{told}."


def _why(error: BaseException) -> Iterator[str]:
    if isinstance(error, NameError):
        yield (
            "An answer sees the imports, functions and plain values of the notebook as it shipped, "
            "and nothing of other cells."
        )


def _settle(folder: Path) -> None:
    """Stand in a folder of our own, without the learner's progress and without the modes."""
    folder.mkdir()
    os.chdir(folder)
    os.environ["MARSLAB_HOME"] = str(folder / "home")
    for mode in MODES:
        os.environ.pop(mode, None)
    sys.dont_write_bytecode = True
    for name in ("marslab.lab.course", "marslab.lab.course.tutor"):
        if name in sys.modules:
            vars(sys.modules[name])["exercise"] = _Unasked


class _Unasked:
    """Stands for `exercise` in an answer: its check is not what decides here."""

    def __init__(self, *_: object) -> None:
        pass

    def check(self, answer: Any) -> Any:
        return answer

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def _module(name: str, source: str, given: dict[str, Any]) -> ModuleType:
    """Import `source` as a module in which the names `given` are known from the start.

    From a file, so that tracebacks, numba and Triton find the lines.
    """
    path = Path(f"{name}.py")
    path.write_text(source, encoding="utf-8", errors="surrogatepass")
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    own = {key: value for key, value in given.items() if not key.startswith("__")}
    vars(module).update(own)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _seed() -> None:
    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  (the learner's code may draw from it)
    torch.manual_seed(0)


def _clean(value: Any, folder: str) -> Any:
    """Make the texts of an outcome the same each time: no addresses, no temporary folder."""
    if isinstance(value, str):
        value = ADDRESS.sub("", value.replace(f"{folder}{os.sep}", ""))
        value = value.encode("utf-8", "replace").decode()
        return value if len(value) <= LONGEST else f"{value[:LONGEST]} ..."
    if isinstance(value, dict):
        return {key: _clean(each, folder) for key, each in value.items()}
    return [_clean(each, folder) for each in value] if isinstance(value, list | tuple) else value


def _outcome(answer: Answer, result: Any, timeout: float) -> Outcome:
    """The outcome that a process sent, or that tells what became of the process."""
    if isinstance(result, TimeoutError):
        told = f"It was stopped after {timeout:g} s: is there a loop that never ends?"
        return unjudged(find(answer.exercise), told)
    if isinstance(result, WorkerError):
        reason = str(result).partition(": ")[2]
        return unjudged(find(answer.exercise), f"No answer came back: {reason}.")
    example = tuple((label, text) for label, text in result["example"])
    failed = None if result["failed"] is None else tuple(result["failed"])
    sentences = tuple(result["sentences"])
    return Outcome(**result | {"example": example, "failed": failed, "sentences": sentences})
