"""Exercises of 07_nonlinear_recurrences: one sweep, Newton's tangents, and the residual."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from marslab.kernels.gated_recurrence import naive
from marslab.lab.course.content import newton_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "07_nonlinear_recurrences"
SWEEP = recognised(*newton_wrong.SWEEP)
TANGENTS = recognised(*newton_wrong.TANGENTS)
RESIDUAL = recognised(*newton_wrong.RESIDUAL)


def one_sweep(guess: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    """Every state of h[t] = z[t] sigmoid(w h[t-1]) + gamma[t] h[t-1], the gates from a guess.

    Shapes (L steps of one bucket): guess of the states, z, gamma: [L]; w, h0 numbers; returns [L]
    """
    before = torch.cat([torch.full_like(guess[:1], h0), guess[:-1]])
    poured = z * torch.sigmoid(w * before)  # all gates at once
    states, h = [], h0
    for gamma_t, b_t in zip(gamma, poured, strict=True):  # a linear scan
        h = gamma_t * h + b_t
        states.append(h)
    return torch.stack(states)


def tangents(before: Tensor, z: Tensor, w: float, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Each step h -> z sigmoid(w h) + gamma h as a straight line a h + b that touches it at before.

    Shapes (L steps of one bucket): before (the guessed state before each step), z, gamma: [L];
        w a number; returns a [L], b [L]
    """
    gate = torch.sigmoid(w * before)
    a = gamma + z * w * gate * (1 - gate)
    return a, z * gate + gamma * before - a * before


def residual(h: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    """By how much h breaks h[t] = z[t] sigmoid(w h[t-1]) + gamma[t] h[t-1], at the worst step.

    Shapes (L steps of one bucket): h, z, gamma: [L]; w, h0 numbers; returns one number
    """
    before = torch.cat([torch.full_like(h[:1], h0), h[:-1]])
    return (h - z * torch.sigmoid(w * before) - gamma * before).abs().max()


def _exact(z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    """The states, step by step, by the library's definition."""
    weight, start = torch.full((1, 1), w).to(z), torch.full((1, 1), h0).to(z)
    z, gamma = z.view(1, -1, 1), gamma.view(1, -1, 1)
    return naive.gated_recurrence(z, weight, gamma, start)[0].view(-1)


def _bucket(draw: Draw, L: int) -> tuple[Tensor, float, Tensor, float]:
    """z, w, gamma, h0: none of them 0, so that no mistake can hide behind one."""
    z, gamma = draw.tensor(L, low=1, high=3), draw.tensor(L, low=0.5, high=0.75)
    return z, draw.number(1, 2), gamma, draw.number(1, 2)


def _guessed(shortest: int, longest: int) -> Callable:
    def cases(draw: Draw) -> tuple:
        L = draw.size(longest, low=shortest)
        return draw.tensor(L, low=-2, high=2, step=1), *_bucket(draw, L)

    return cases


def _one_more_each(answer: Callable, guess: Tensor, *bucket: Any) -> None:
    exact = _exact(*bucket)
    for swept in range(1, len(guess) + 1):
        guess = answer(guess, *bucket)
        for t in range(swept):
            assert torch.isclose(guess[t], exact[t]), (
                f"After sweep {swept} the first {swept} states must be exact, whatever the first "
                f"guess was: state {t} is {guess[t]:.4g}, exact is {exact[t]:.4g}. "
                f"{newton_wrong.FROZEN.told}"
            )


def _points(slowest: float) -> Callable:
    def cases(draw: Draw) -> tuple:
        L = draw.size(3)
        z, w, gamma, _ = _bucket(draw, L)
        return draw.tensor(L, low=1, high=2), z, w * slowest, gamma

    return cases


def _touches(answer: Callable, before: Tensor, z: Tensor, w: float, gamma: Tensor) -> None:
    a, b = answer(before, z, w, gamma)
    line, step = a * before + b, z * torch.sigmoid(w * before) + gamma * before
    for t, (one, other) in enumerate(zip(line.tolist(), step.tolist(), strict=True)):
        assert abs(one - other) < 1e-9, (
            f"a * before + b is {one:.4g} at step {t}, and the step itself gives {other:.4g} "
            f"where the line should touch it. {newton_wrong.OLD_INPUT.told}"
        )


def _solved(draw: Draw) -> tuple:
    bucket = _bucket(draw, draw.size(3))
    return _exact(*bucket), *bucket


EXERCISES = (
    Exercise(
        id="newton.1",
        name="one_sweep",
        notebook=NOTEBOOK,
        title="One sweep: gates from a guess, then a scan",
        solution=one_sweep,
        checks=(
            Check(
                "the first state is exact, whatever the guess",
                _guessed(1, 1),
                SWEEP,
            ),
            Check(
                "each sweep makes one more state exact",
                _guessed(1, 4),
                law=_one_more_each,
            ),
            Check("gates from the guess, the rest a scan", _guessed(2, 4), SWEEP),
        ),
        hints=(
            "Two parts: first all gates, from states that you have. Then the states, one after "
            "the other, with the gates given.",
            "The state before step t is guess[t - 1], and h0 before step 0. So shift the guess by "
            "one and put h0 in front.",
            "before = [h0, guess[0], ..., guess[L - 2]]; b = z * torch.sigmoid(w * before); then "
            "from h = h0 on, h = gamma[t] * h + b[t] for each t.",
        ),
        wrong=(*newton_wrong.SWEEP, newton_wrong.FROZEN),
    ),
    Exercise(
        id="newton.2",
        name="tangents",
        notebook=NOTEBOOK,
        title="Newton's step: a straight line that touches each nonlinear one",
        solution=tangents,
        checks=(
            Check("a gate that looks at nothing", _points(0.0), TANGENTS),
            Check("the line touches the step", _points(1.0), law=_touches),
            Check("the line has the slope of the step", _points(1.0), TANGENTS),
        ),
        hints=(
            "Two conditions: at `before` the line has the slope of the step, and its value.",
            "a is the derivative of z sigmoid(w h) + gamma h by h. b is the value of the step at "
            "`before`, less a * before.",
            "With s = sigmoid(w * before): a = gamma + z * w * s * (1 - s), and "
            "b = z * s + gamma * before - a * before.",
        ),
        wrong=(*newton_wrong.TANGENTS, newton_wrong.OLD_INPUT),
    ),
    Exercise(
        id="newton.3",
        name="residual",
        notebook=NOTEBOOK,
        title="The residual: how much a result breaks its own recurrence",
        solution=residual,
        checks=(
            Check("the right states leave nothing over", _solved, RESIDUAL),
            Check("the worst step counts", _guessed(1, 3), RESIDUAL),
        ),
        hints=(
            "Take each state as given and make one step from it: where should the next one be?",
            "Shift h by one, with h0 in front; put that through the step; compare with h itself.",
            "With before = [h0, h[0], ...]: "
            "(h - z * torch.sigmoid(w * before) - gamma * before).abs().max().",
        ),
        wrong=newton_wrong.RESIDUAL,
    ),
)
