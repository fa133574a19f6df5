"""Exercises of 31_spine_and_chain: a memory that follows, a thought let in, and a time table."""

import torch
from torch import Tensor

from marslab.lab.course.content import chain_wrong
from marslab.lab.course.content.chain_wrong import unit
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "31_spine_and_chain"
FOLLOW = recognised(*chain_wrong.FOLLOW)
LET_IN = recognised(*chain_wrong.LET_IN)
PHASE = recognised(*chain_wrong.PHASE)


def follow(memory: Tensor | None, seen: Tensor, keep: float) -> Tensor:
    """unit(keep memory + (1 - keep) unit(seen)); where there is no memory yet, unit(seen).

    Shapes (M memory width): memory: [M], unit length, or None; seen: [M], any length but 0;
        returns [M]
    """
    seen = seen / seen.norm()
    if memory is None:
        return seen
    new = keep * memory + (1 - keep) * seen
    return new / new.norm()


def let_in(memory: Tensor, thought: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """g thought + (1 - g) memory, with g = sigmoid(weight [memory; thought] + bias) a channel.

    Shapes (M memory width): memory, thought, bias: [M]; weight: [M, 2 M]; returns [M]
    """
    g = torch.sigmoid(weight @ torch.cat([memory, thought]) + bias)
    return g * thought + (1 - g) * memory


def phase(wave: int, waves: int) -> int:
    """Which of the four phases (0 to 3) a wave, counted from 0, belongs to.

    Units: waves: how many the model may take; later ones belong to the last phase
    """
    return min(wave * 4 // waves, 3)


def _followed(draw: Draw) -> tuple[Tensor, Tensor, float]:
    M = draw.size(3, low=2)
    memory = unit(draw.tensor(M, low=1, high=3, step=1))
    return memory, draw.tensor(M, low=1, high=4, step=1), draw.choice((0.7, 0.5, 0.9))


def _first(draw: Draw) -> tuple[None, Tensor, float]:
    return None, draw.tensor(draw.size(3, low=2), low=1, high=4, step=1), 0.7


def _thought(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    M = draw.size(3)
    memory, thought = draw.tensor(M, step=1), draw.tensor(M, step=1)
    return memory, thought, draw.tensor(M, 2 * M, step=1), draw.tensor(M, step=1)


def _wave_of(waves: int, draw: Draw) -> tuple[int, int]:
    return draw.integer(0, waves - 1), waves


EXERCISES = (
    Exercise(
        id="chain.1",
        name="follow",
        notebook=NOTEBOOK,
        title="A memory that follows the thought",
        solution=follow,
        checks=(
            Check("a memory is there", _followed, FOLLOW),
            Check("no memory yet", _first, FOLLOW),
        ),
        hints=(
            "0.7 and 0.3 are shares only if what they share has one length. Which of the two has "
            "length 1 already?",
            "Divide seen by its own length first. The mean of two unit vectors is shorter than 1, "
            "so divide the result by its length too.",
            "seen = seen / seen.norm(); return it if memory is None; new = keep * memory + "
            "(1 - keep) * seen; new / new.norm().",
        ),
        wrong=chain_wrong.FOLLOW,
    ),
    Exercise(
        id="chain.2",
        name="let_in",
        notebook=NOTEBOOK,
        title="How much of a thought to let in",
        solution=let_in,
        checks=(Check("a few channels", _thought, LET_IN),),
        hints=(
            "The gate sees memory and thought side by side, memory first, and gives a number from "
            "0 to 1 for each channel.",
            "At g = 1 a channel is the thought, at g = 0 it is the memory.",
            "g = torch.sigmoid(weight @ torch.cat([memory, thought]) + bias); "
            "g * thought + (1 - g) * memory.",
        ),
        wrong=chain_wrong.LET_IN,
    ),
    Exercise(
        id="chain.3",
        name="phase",
        notebook=NOTEBOOK,
        title="A time table for any number of waves",
        solution=phase,
        checks=(
            Check("six waves", lambda draw: _wave_of(6, draw), PHASE),
            Check(
                "other numbers of waves",
                lambda draw: _wave_of(draw.choice((12, 4, 3, 1, 8)), draw),
                PHASE,
            ),
            Check(
                "more waves than planned",
                lambda draw: (draw.integer(8, 20), draw.choice((6, 4, 8))),
                PHASE,
            ),
        ),
        hints=(
            "Lay the waves along a line from 0 to 1. A wave begins at wave / waves. In which "
            "quarter is that?",
            "wave * 4 // waves counts the quarters that are over. A wave after the last one would "
            "get 4 or more.",
            "min(wave * 4 // waves, 3).",
        ),
        wrong=chain_wrong.PHASE,
    ),
)
