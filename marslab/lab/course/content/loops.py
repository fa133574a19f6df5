"""Exercises of 36_loop_detection: the Hankel matrix, a return, and the law of a turning thought."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from marslab.lab.course.content import loops_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "36_loop_detection"
HANKEL = recognised(*loops_wrong.HANKEL)
MISS = recognised(*loops_wrong.MISS)
TURN = recognised(*loops_wrong.TURN)


def hankel(states: Tensor, rows: int) -> Tensor:
    """The block Hankel matrix: block row i holds the states i, i + 1, ..., one in each column.

    Shapes (n states, D width): states: [n, D]; returns [rows D, n - rows + 1]
    """
    columns = len(states) - rows + 1
    return torch.cat([states[i : i + columns].T for i in range(rows)])


def miss(states: Tensor, lag: int) -> float:
    """How far the last state misses the one `lag` steps before, against what lies between.

    The distance over the root mean square distance of the lag + 1 states from their own mean;
    infinite where they are all alike.

    Shapes (n states, D width): states: [n, D], oldest first; 1 <= lag < n
    """
    span = states[-(lag + 1) :]
    spread = (span - span.mean(0)).square().sum(1).mean().sqrt()
    gap = (span[-1] - span[0]).norm()
    return (gap / spread).item() if spread > 0 else math.inf


def turn(states: Tensor) -> tuple[float, float]:
    """The a and b that fit d[t+1] = a d[t] + b d[t-1] best, d being the steps between states.

    Shapes (n states, D width): states: [n, D]; returns two numbers
    """
    return loops_wrong.recurrence(states.diff(dim=0))


def _states(draw: Draw, shortest: int, widest: int = 2) -> Tensor:
    return draw.tensor(draw.size(5, low=shortest), draw.size(widest), low=1, high=9, step=1)


def _laid_out(draw: Draw) -> tuple[Tensor, int]:
    states = _states(draw, 3)
    return states, draw.choice((2, 3))


def _single(draw: Draw) -> tuple[Tensor, int]:
    return _states(draw, 3), 1


def _spanned(draw: Draw) -> tuple[Tensor, int]:
    states = draw.tensor(draw.size(5, low=4), draw.size(2), low=-3, high=3, step=1)
    return states, draw.choice((2, 3))


def _away(draw: Draw) -> tuple[Tensor, int]:
    states, lag = _spanned(draw)
    return states + draw.choice((10.0, 100.0)), lag


def _still(draw: Draw) -> tuple[Tensor, int]:
    return torch.full((4, 1), draw.choice((1.0, 5.0)), dtype=torch.float64), 2


def _spiral(*shrink: float, planes: int = 1) -> Callable:
    def cases(draw: Draw) -> tuple:
        t = torch.arange(draw.size(8, low=6), dtype=torch.float64)
        keeps, parts = draw.choice(shrink), []
        for plane in range(planes):
            angle = draw.choice((0.5, 1.0, 1.5)) + 0.25 * plane
            radius = (keeps - 0.25 * plane) ** t
            parts += [radius * (angle * t).cos(), radius * (angle * t).sin()]
        return (torch.stack(parts, 1) + draw.choice((3.0, 1.0)),)

    return cases


EXERCISES = (
    Exercise(
        id="loop.1",
        name="hankel",
        notebook=NOTEBOOK,
        title="The block Hankel matrix of a window of states",
        solution=hankel,
        checks=(
            Check("one block row is the states themselves", _single, HANKEL),
            Check("each block row begins one state later", _laid_out, HANKEL),
        ),
        hints=(
            "A column holds `rows` states one below the other. The next column holds the same "
            "window one step later.",
            "There are n - rows + 1 columns. Block row i is the states from i to i + columns - 1, "
            "each as a column: a transpose.",
            "torch.cat([states[i : i + columns].T for i in range(rows)]).",
        ),
        wrong=loops_wrong.HANKEL,
    ),
    Exercise(
        id="loop.2",
        name="miss",
        notebook=NOTEBOOK,
        title="How far a return misses",
        solution=miss,
        checks=(
            Check("states around 0", _spanned, MISS),
            Check("states far from 0", _away, MISS),
            Check("states that are all alike", _still, MISS),
        ),
        hints=(
            "Two distances: from the last state to the one `lag` steps before, and how far the "
            "lag + 1 states of that span lie from their own mean.",
            "span = states[-(lag + 1):]. The spread is the square root of the mean of the squared "
            "distances from span.mean(0). It may be 0.",
            "spread = (span - span.mean(0)).square().sum(1).mean().sqrt(), gap = (span[-1] - "
            "span[0]).norm(); gap / spread, or math.inf if the spread is 0.",
        ),
        wrong=loops_wrong.MISS,
    ),
    Exercise(
        id="loop.3",
        name="turn",
        notebook=NOTEBOOK,
        title="The law of a thought that turns",
        solution=turn,
        checks=(
            Check("a circle", _spiral(1.0), TURN),
            Check("a spiral", _spiral(0.5, 0.75), TURN),
            Check("a circle and a spiral at once", _spiral(1.0, planes=2), TURN),
        ),
        hints=(
            "First the steps: d = states.diff(dim=0). Each but the first two gives D equations for "
            "a and b.",
            "Write them as one least-squares problem: the columns are d[1:-1] and d[:-2], "
            "flattened, and the right side is d[2:], flattened.",
            "A = torch.stack([d[1:-1].flatten(), d[:-2].flatten()], 1), then "
            "torch.linalg.lstsq(A, d[2:].flatten()[:, None]).solution holds a and b.",
        ),
        wrong=loops_wrong.TURN,
    ),
)
