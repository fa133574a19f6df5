"""A small exercise of the tests' own, known under its id as those of the course are."""

import json
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marslab.lab.course import registry, searching
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise, Wrong


def my_scan(a: Tensor, b: Tensor) -> Tensor:
    """h[t] = a[t] h[t-1] + b[t]"""
    h, states = torch.zeros_like(b[:, 0]), []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    return torch.stack(states, 1)


def one_step(draw: Draw) -> tuple[Tensor, Tensor]:
    shape = draw.size(3), 1, draw.size(3)
    return draw.tensor(*shape, low=0, high=1), draw.tensor(*shape)


def steps(draw: Draw) -> tuple[Tensor, Tensor]:
    shape = draw.size(3), draw.size(6), draw.size(3)
    return draw.tensor(*shape, low=0, high=1), draw.tensor(*shape)


def tell(args: tuple[Tensor, Tensor], got: Tensor, expected: Tensor) -> str:
    same = torch.equal(got, args[1].cumsum(1))
    return "That is the plain sum: a[t] is not used." if same else ""


def doubles(answer: Callable[..., Tensor], a: Tensor, b: Tensor) -> None:
    if not torch.allclose(answer(a, 2 * b), 2 * answer(a, b)):
        raise AssertionError("Twice b does not give twice h.")  # pytest adds words to an assert


@pytest.fixture
def scan(monkeypatch: pytest.MonkeyPatch) -> Exercise:
    exercise = Exercise(
        id="scan.1",
        name="my_scan",
        notebook="01_from_loop_to_scan",
        title="A scan as a loop",
        solution=my_scan,
        checks=(
            Check("starts from zero", one_step),
            Check("carries the state from step to step", steps, tell),
            Check("is linear in b", steps, law=doubles),
        ),
        hints=("write the loop over t", "h starts at zero"),
        wrong=(Wrong("cumsum", lambda a, b: b.cumsum(1), "the plain sum"),),
    )
    monkeypatch.setattr(registry, "exercises", lambda: {"scan.1": exercise})
    return exercise


SETUP = """import math
import torch
import no_such_module_of_ours
from marslab.lab.course import exercise, todo

two = 2.0
slow = math.factorial(5)


def halved(x):
    return x / two


raise SystemExit("what nobody asks for does not run")"""
Maker = Callable[..., Path]


@pytest.fixture
def notebook(tmp_path: Path) -> Maker:
    """A function (name, *sources, tags, keep) -> notebook file with these code cells."""

    def make(name: str, *sources: str, tags: tuple[str, ...] = (), ids: str = "cell") -> Path:
        cells = [
            {
                "cell_type": "code",
                "id": f"{ids}{at}",
                "metadata": {"tags": [tag for tag in tags if "exercise(" in source]},
                "source": source.splitlines(keepends=True),
                "outputs": [],
                "execution_count": None,
            }
            for at, source in enumerate(sources)
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(content), "utf-8")
        return path

    return make


def stub(exercise: Exercise) -> str:
    """An answer cell as it ships."""
    names = ", ".join(signature(exercise.solution).parameters)
    check = f'{exercise.name} = exercise("{exercise.id}").check({exercise.name})'
    return f'def {exercise.name}({names}):\n    """What it does."""\n    todo()\n\n\n{check}'


@pytest.fixture
def root(notebook: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped notebooks: the exercises of the first one, among cells of the tests."""
    found = [each for each in registry.exercises().values() if each.notebook.startswith("01_")]
    stubs = [stub(each) for each in found]
    path = notebook(f"shipped/{found[0].notebook}.ipynb", "fast = True", SETUP, *stubs)
    for place in ("grading", "exporting"):
        monkeypatch.setattr(f"marslab.lab.course.{place}.shipped", lambda: path.parent)
    return path.parent


@pytest.fixture
def few_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten cases a check, for tests that look at something else."""
    monkeypatch.setattr(searching, "ROUNDS", ((1, 1), (9, 2)))
