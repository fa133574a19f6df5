"""Known wrong answers to the exercises of notebook 36, and what whoever gives one is told."""

import math

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

Pair = tuple[float, float]


def recurrence(d: Tensor) -> Pair:
    """The best a and b in d[t+1] = a d[t] + b d[t-1]."""
    known = torch.stack([d[1:-1].flatten(), d[:-2].flatten()], 1)
    a, b = torch.linalg.lstsq(known, d[2:].flatten()[:, None]).solution[:, 0].tolist()
    return a, b


def _blocks(states: Tensor, rows: int, columns: int, *, back: bool = False) -> Tensor:
    order = reversed(range(rows)) if back else range(rows)
    return torch.cat([states[i : i + columns].T for i in order])


def _channel_by_channel(states: Tensor, rows: int) -> Tensor:
    columns = len(states) - rows + 1
    return torch.cat([torch.stack([x[i : i + columns] for i in range(rows)]) for x in states.T])


def _apart(states: Tensor, rows: int) -> Tensor:
    columns = len(states) // rows
    return states[: rows * columns].reshape(columns, -1).T


def _gap(states: Tensor, lag: int) -> Tensor:
    return (states[-1] - states[-1 - lag]).norm()


def _ratio(gap: Tensor, size: Tensor) -> float:
    return (gap / size).item() if size > 0 else math.inf


def _spread(states: Tensor) -> Tensor:
    return (states - states.mean(0)).square().sum(1).mean().sqrt()


def _turning_only(states: Tensor) -> Pair:
    d = states.diff(dim=0)
    now = d[1:-1]
    return (((d[2:] + d[:-2]) * now).sum() / now.square().sum()).item(), -1.0


HANKEL = (
    Wrong(
        "lying down",
        lambda states, rows: _blocks(states, rows, len(states) - rows + 1).T,
        "when the states lie in rows: each stands in a column, so that there are rows * D rows.",
    ),
    Wrong(
        "backwards",
        lambda states, rows: _blocks(states, rows, len(states) - rows + 1, back=True),
        "when the later block rows stand on top: the first block row begins with the first state.",
    ),
    Wrong(
        "channel by channel",
        _channel_by_channel,
        "when each number of a state gets a Hankel matrix of its own: a state stays together, one "
        "below the other.",
    ),
    Wrong(
        "windows apart",
        _apart,
        "when the next column begins where this one ends: it begins one state later.",
    ),
    Wrong(
        "one column short",
        lambda states, rows: _blocks(states, rows, len(states) - rows),
        "when the last state is left out: there are n - rows + 1 columns.",
    ),
)

MISS = (
    Wrong(
        "relative to the state",
        lambda states, lag: _ratio(_gap(states, lag), states[-1].norm()),
        "when the distance is taken relative to the last state: far from 0 everything is near.",
    ),
    Wrong(
        "spread around 0",
        lambda states, lag: _ratio(
            _gap(states, lag), states[-(lag + 1) :].square().sum(1).mean().sqrt()
        ),
        "when the spread is taken around 0: take it around the mean of the span.",
    ),
    Wrong(
        "the whole window",
        lambda states, lag: _ratio(_gap(states, lag), _spread(states)),
        "when all states count for the spread: only the last lag + 1 do.",
    ),
    Wrong(
        "the state after",
        lambda states, lag: _ratio(
            (states[-1] - states[-lag]).norm(), _spread(states[-(lag + 1) :])
        ),
        "for a lag that is one step too short: the state `lag` steps before is states[-1 - lag].",
    ),
    Wrong(
        "divided by nothing",
        lambda states, lag: (_gap(states, lag) / _spread(states[-(lag + 1) :])).item(),
        "when 0 is divided by 0: states that are all alike miss by infinity, since standing still "
        "is no return.",
    ),
)

TURN = (
    Wrong(
        "states in place of steps",
        recurrence,
        "when the states themselves are fitted: the circle has a centre, and only steps forget it.",
    ),
    Wrong(
        "the other order",
        lambda states: recurrence(states.diff(dim=0))[::-1],
        "when the two are swapped: a belongs to the step just before.",
    ),
    Wrong(
        "backwards",
        lambda states: recurrence(states.diff(dim=0).flip(0)),
        "when time runs backwards: a spiral then opens.",
    ),
    Wrong(
        "always a circle",
        _turning_only,
        "when b is set to -1: that is what a circle has, and whether it is one is the question.",
    ),
    Wrong(
        "the last three steps",
        lambda states: recurrence(states[-4:].diff(dim=0)),
        "when only the last three steps are looked at: fit all of them.",
    ),
)
