"""Learn a scenario with the chosen method, and beside it with none and with all tasks at once."""

import threading
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.learning.continual import learn_tasks, make_method
from marslab.learning.continual.methods import find_method
from marslab.learning.continual.runner import Sequence
from marslab.tasks.continual import Scenario, find_scenario
from marslab.widgets.frame import Say
from marslab.widgets.views.continual.setup import ContinualSetup
from marslab.widgets.views.continual.watched import Watched

BESIDE = ("naive", "joint")
HIDDEN = 100  # width of the perceptron
_drawing = threading.Lock()  # torch's own random numbers are one stream for all pages


class Learned(NamedTuple):
    """One method's way through the tasks.

    Shapes (S readings, T tasks, P pixels):
        accuracy: [S, T]; importance: [T, P], Fisher of each pixel's weights after each task

    Units:
        steps: of each reading, over all tasks; ends: last step of each task
        seconds: of training and reading, on this machine
    """

    found: Sequence
    steps: list[int]
    accuracy: Tensor
    ends: list[int]
    importance: Tensor
    needs_task_id: bool
    seconds: float


class ContinualResult(NamedTuple):
    """All that the view shows: by method, the chosen one first."""

    setup: ContinualSetup
    tasks: tuple[str, ...]
    kind: str
    learned: dict[str, Learned]


def run(
    setup: ContinualSetup, say: Say = lambda line: None, known: ContinualResult | None = None
) -> ContinualResult:
    """Train what `setup` asks for; naive and joint are taken from `known` where that has them.

    >>> found = run(ContinualSetup(method="replay", epochs=2))
    >>> list(found.learned), found.tasks[0]
    (['replay', 'naive', 'joint'], '0, 1')
    """
    scenario = find_scenario(setup.scenario)
    there = known.learned if known is not None and known.setup.beside == setup.beside else {}
    done: dict[str, Learned] = {}
    for name in dict.fromkeys((setup.method, *BESIDE)):
        again = there.get(name) if name in BESIDE else None
        done[name] = again or _learned(name, setup, scenario, say)
    tasks = tuple(task.name for task in scenario.tasks)
    return ContinualResult(setup, tasks, scenario.kind, done)


def _learned(name: str, setup: ContinualSetup, scenario: Scenario, say: Say) -> Learned:
    began = perf_counter()
    strength = setup.strength if name == setup.method else None
    method = make_method(name, strength, seed=setup.seed)
    watched = Watched(method, scenario, setup.budget, say, name, seed=setup.seed)
    with _drawing, torch.random.fork_rng(devices=[]):
        torch.manual_seed(setup.seed)
        model = find_method(name).model(scenario, HIDDEN)
    found = learn_tasks(scenario, model, watched, setup.budget, seed=setup.seed)
    return Learned(
        found,
        watched.steps,
        torch.tensor(watched.accuracy),
        watched.ends,
        torch.stack(watched.importance),
        method.needs_task_id,
        perf_counter() - began,
    )
