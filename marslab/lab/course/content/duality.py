"""Exercises of 03_state_space_duality: the mask, the masked product, the state between chunks."""

import torch
from torch import Tensor

from marslab.lab.course.content import duality_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "03_state_space_duality"
MASK, ATTENTION, CARRY = (
    recognised(*known)
    for known in (duality_wrong.MASK, duality_wrong.ATTENTION, duality_wrong.CARRY)
)


def my_mask(decay: Tensor) -> Tensor:
    """What is left at step t of what step s wrote: decay[s+1] ... decay[t], multiplied.

    Shapes (L steps): decay: [L], each in [0, 1]; returns [L, L], row t, column s, 0 for s > t
    """
    mask = torch.eye(len(decay), dtype=decay.dtype, device=decay.device)
    for t in range(1, len(decay)):
        mask[t, :t] = decay[t] * mask[t - 1, :t]
    return mask


def my_attention(mask: Tensor, dt: Tensor, x: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """y[t], the sum over s of mask[t, s] (C[t] . B[s]) dt[s] x[s].

    Shapes (L steps, P numbers of a value, N of a key): mask: [L, L]; dt: [L]; x: [L, P];
    B, C: [L, N]; returns [L, P]
    """
    scores = C @ B.T
    values = dt[:, None] * x
    return (mask * scores) @ values


def my_carry(h: Tensor, decay: Tensor, x: Tensor, B: Tensor) -> Tensor:
    """The state after a chunk of T steps, each h = decay[s] h + x[s] B[s]^T, without such a loop.

    Shapes (P numbers of a value, N of a key): h, the state before: [P, N]; decay: [T]; x: [T, P];
    B: [T, N]; returns [P, N]
    """
    rest = torch.ones_like(decay)
    for s in reversed(range(len(decay) - 1)):
        rest[s] = rest[s + 1] * decay[s + 1]
    return decay.prod() * h + (rest[:, None] * x).T @ B


def _some_decays(draw: Draw, length: int, least: int = 1) -> tuple:
    """Decays below 1, lest a mistake be right by chance."""
    return (draw.tensor(draw.size(length, low=least), low=0.25, high=0.75),)


def _resets(draw: Draw) -> tuple:
    return (draw.tensor(draw.size(4, low=0), low=0, high=1, step=0.5),)


def _notes(draw: Draw, *, length: int = 1, key: int = 1, value: int = 1) -> tuple:
    L, N, P = draw.size(length), draw.size(key), draw.size(value)
    mask = my_mask(draw.tensor(L, low=0.25, high=0.75))
    dt, x = draw.tensor(L, low=1, high=3, step=1), draw.tensor(L, P, low=1, step=1)
    B, C = (
        1 + 2 * draw.tensor(L, N, low=0, high=1, step=1) for _ in "BC"
    )  # a 2 undoes a decay of 0.5
    return mask, dt, x, B, C


def _chunk(draw: Draw, *, length: int = 1, before: int = 1) -> tuple:
    T = draw.size(length)
    decay, (x, B) = draw.tensor(T, low=0.25, high=0.75), (draw.tensor(T, 1) for _ in "xB")
    return before * draw.tensor(1, 1, low=1, step=1), decay, x, B


def _any_chunk(draw: Draw) -> tuple:
    T, P, N = draw.size(4, low=0), draw.size(3), draw.size(3)
    decay = draw.tensor(T, low=0, high=1, step=0.5)
    return draw.tensor(P, N), decay, draw.tensor(T, P), draw.tensor(T, N)


EXERCISES = (
    Exercise(
        id="duality.1",
        name="my_mask",
        notebook=NOTEBOOK,
        title="The mask: what is left of each step at each later one",
        solution=my_mask,
        checks=(
            Check("a step sees itself whole", lambda x: _some_decays(x, 1), MASK),
            Check("the step before has faded once", lambda x: _some_decays(x, 2, 2), MASK),
            Check("each stretch has its own product", lambda x: _some_decays(x, 5), MASK),
            Check("takes a decay of 0, and no step at all", _resets, MASK),
        ),
        hints=(
            "Fill row after row. What happens to everything that row t - 1 still held, as step t "
            "comes?",
            "Start from torch.eye(L): each step sees itself whole. Row t, left of the diagonal, "
            "is row t - 1 once more faded.",
            "mask[t, :t] = decay[t] * mask[t - 1, :t], for t from 1. Nothing is divided.",
        ),
        wrong=duality_wrong.MASK,
    ),
    Exercise(
        id="duality.2",
        name="my_attention",
        notebook=NOTEBOOK,
        title="The recurrence as one masked product",
        solution=my_attention,
        checks=(
            Check("a single step finds its own value", _notes, ATTENTION),
            Check("earlier values arrive faded", lambda x: _notes(x, length=3), ATTENTION),
            Check(
                "queries look at keys, and bring values",
                lambda draw: _notes(draw, length=3, key=3, value=3),
                ATTENTION,
            ),
        ),
        hints=(
            "The scores C[t] . B[s] of all pairs are one product of two matrices. Which shape "
            "must it have, and which index is the row?",
            "scores = C @ B.T is [L, L], like the mask. The values that are looked up are "
            "dt[:, None] * x.",
            "Multiply mask and scores entry by entry with *, and the result with the values by @.",
        ),
        wrong=duality_wrong.ATTENTION,
    ),
    Exercise(
        id="duality.3",
        name="my_carry",
        notebook=NOTEBOOK,
        title="The state that a chunk hands to the next",
        solution=my_carry,
        checks=(
            Check("a chunk of one step", _chunk, CARRY),
            Check(
                "an empty memory gathers the chunk", lambda x: _chunk(x, length=3, before=0), CARRY
            ),
            Check("what was there fades through all of it", lambda x: _chunk(x, length=3), CARRY),
            Check("takes decays of 0, any size, an empty chunk", _any_chunk, CARRY),
        ),
        hints=(
            "Two parts: what is left of the state that entered, and what is left of each note of "
            "the chunk, at its end. Which decays does each of them meet?",
            "The old state meets all: decay.prod(). Note s meets those after s. From the back, "
            "rest[s] = rest[s + 1] * decay[s + 1], and 1 for the last.",
            "The notes together are one product of matrices: (rest[:, None] * x).T @ B, which is "
            "[P, N]. Add decay.prod() * h.",
        ),
        wrong=duality_wrong.CARRY,
    ),
)
