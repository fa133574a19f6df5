"""Known wrong answers to the exercises of notebook 07, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

Pair = tuple[Tensor, Tensor]


def _before(h: Tensor, h0: float) -> Tensor:
    return torch.cat([torch.full_like(h[:1], h0), h[:-1]])


def _scan(gamma: Tensor, b: Tensor, h0: float) -> Tensor:
    h, states = torch.full_like(b[0], h0), []
    for gamma_t, b_t in zip(gamma, b, strict=True):
        h = gamma_t * h + b_t
        states.append(h)
    return torch.stack(states)


def _step(h: Tensor, z: Tensor, w: float, gamma: Tensor) -> Tensor:
    return z * torch.sigmoid(w * h) + gamma * h


def _loop(_: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    h, states = torch.full_like(z[0], h0), []
    for z_t, gamma_t in zip(z, gamma, strict=True):
        h = _step(h, z_t, w, gamma_t)
        states.append(h)
    return torch.stack(states)


def _own_guess(guess: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    return _scan(gamma, z * torch.sigmoid(w * guess), h0)


def _all_from_guess(guess: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    return _step(_before(guess, h0), z, w, gamma)


def _from_empty(guess: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    return _scan(gamma, z * torch.sigmoid(w * _before(guess, 0.0)), 0.0)


def _frozen(_: Tensor, z: Tensor, w: float, gamma: Tensor, h0: float) -> Tensor:
    return _scan(gamma, z * torch.sigmoid(w * torch.full_like(z, h0)), h0)


def _line(before: Tensor, z: Tensor, w: float, gamma: Tensor, *factors: Tensor | float) -> Pair:
    """The line whose slope is gamma and these factors of the gate's slope."""
    gate = torch.sigmoid(w * before)
    slope = gate * (1 - gate)
    for factor in factors:
        slope = slope * factor
    a = gamma + slope
    return a, _step(before, z, w, gamma) - a * before


def _whole_step(before: Tensor, z: Tensor, w: float, gamma: Tensor) -> Pair:
    return _line(before, z, w, gamma, z, w)[0], _step(before, z, w, gamma)


def _old_input(before: Tensor, z: Tensor, w: float, gamma: Tensor) -> Pair:
    return _line(before, z, w, gamma, z, w)[0], z * torch.sigmoid(w * before)


def _left(h: Tensor, before: Tensor, z: Tensor, w: float, gamma: Tensor) -> Tensor:
    return h - _step(before, z, w, gamma)


SWEEP = (
    Wrong(
        "gates at their own step",
        _own_guess,
        "when gate t looks at guess[t]: it has to look at the state before its step, guess[t - 1], "
        "and the first gate at h0.",
    ),
    Wrong(
        "everything from the guess",
        _all_from_guess,
        "when what is kept is taken from the guess as well: only the gates are, the rest is "
        "carried from step to step.",
    ),
    Wrong(
        "the loop",
        _loop,
        "when the gates look at the states as they are computed: that is the loop, exact, but each "
        "step waits for the one before. Take the gates from the guess.",
    ),
    Wrong(
        "an empty start",
        _from_empty,
        "when the bucket is empty at the start: before the first step it holds h0.",
    ),
)

FROZEN = Wrong(
    "gates frozen at the start",
    _frozen,
    "Gate t looks at guess[t - 1], which the sweep before has made exact.",
)

TANGENTS = (
    Wrong(
        "the whole step as b",
        _whole_step,
        "when b is the whole step: a * before is in the line already, so it has to be taken away.",
    ),
    Wrong(
        "the gate frozen",
        lambda before, z, w, gamma: (gamma.clone(), z * torch.sigmoid(w * before)),
        "when the gate is frozen, as in a sweep: a change of h moves the gate too, and that "
        "belongs to the slope a.",
    ),
    Wrong(
        "no chain rule",
        lambda before, z, w, gamma: _line(before, z, w, gamma, z),
        "when the chain rule is left out: inside the sigmoid stands w h, so its slope has a factor "
        "w.",
    ),
    Wrong(
        "the supply forgotten",
        lambda before, z, w, gamma: _line(before, z, w, gamma, w),
        "when the slope of the gate has lost its supply: the gate is multiplied by z, so its slope "
        "is too.",
    ),
)
OLD_INPUT = Wrong(
    "the b of a frozen gate", _old_input, "When the slope grows, b has to make up for it."
)

RESIDUAL = (
    Wrong(
        "its own step",
        lambda h, z, w, gamma, h0: _left(h, h, z, w, gamma).abs().max(),
        "when h[t] is put into its own step: step t begins at h[t - 1], and the first one at h0.",
    ),
    Wrong(
        "signs",
        lambda h, z, w, gamma, h0: _left(h, _before(h, h0), z, w, gamma).max(),
        "when signs are kept: a state that is too low breaks the recurrence as much as one that "
        "is too high.",
    ),
    Wrong(
        "an empty start",
        lambda h, z, w, gamma, h0: _left(h, _before(h, 0.0), z, w, gamma).abs().max(),
        "when the bucket is empty at the start: before the first step it holds h0.",
    ),
)
