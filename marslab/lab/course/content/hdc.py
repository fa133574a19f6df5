"""Exercises of 20_hdc_basics: binding, taking a key off again, and what a majority keeps."""

from math import comb

import torch
from torch import Tensor

from marslab.lab.course.content import hdc_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "20_hdc_basics"
BOUND, UNBOUND, MAJORITY = (
    recognised(*known) for known in (hdc_wrong.BOUND, hdc_wrong.UNBOUND, hdc_wrong.MAJORITY)
)


def bound(key: Tensor, value: Tensor) -> Tensor:
    """The circular convolution of two vectors: number k is the sum of key[i] value[k - i].

    Shapes (D width): key, value: [D]; k - i counts round the circle; returns [D]
    """
    D = len(key)
    turned = torch.stack([value.roll(i) for i in range(D)])
    return key @ turned


def unbound(key: Tensor, memory: Tensor) -> Tensor:
    """The circular correlation with the key: number k is the sum of key[i] memory[k + i].

    Shapes (D width): key, memory: [D]; k + i counts round the circle; returns [D]
    """
    D = len(key)
    turned = torch.stack([memory.roll(-i) for i in range(D)])
    return key @ turned


def majority(n: int) -> float:
    """The cosine that a majority of n random vectors of -1 and 1 has with each of them; n is odd.

    It is the share of places where they agree less the share where they do not.
    """
    return comb(n - 1, (n - 1) // 2) / 2 ** (n - 1)


def _vectors(draw: Draw) -> tuple[Tensor, Tensor]:
    D = draw.size(5)
    return draw.tensor(D, step=1), draw.tensor(D, step=1)


def _odd(draw: Draw) -> tuple[int]:
    return (draw.choice((1, 3, 5, 7, 21)),)


EXERCISES = (
    Exercise(
        id="hdc.1",
        name="bound",
        notebook=NOTEBOOK,
        title="Bind two vectors",
        solution=bound,
        checks=(Check("short vectors", _vectors, BOUND),),
        hints=(
            "Number k of the result is a sum over all i of key[i] times one number of the value. "
            "Which one? The two indices add up to k, and after the last place comes the first.",
            "value[(k - i) % D]. In torch, value.roll(i) has the number value[k - i] at place k.",
            "result = torch.zeros_like(value); for i in range(len(key)): result += key[i] * "
            "value.roll(i).",
        ),
        wrong=hdc_wrong.BOUND,
    ),
    Exercise(
        id="hdc.2",
        name="unbound",
        notebook=NOTEBOOK,
        title="Take a key off again",
        solution=unbound,
        checks=(Check("short vectors", _vectors, UNBOUND),),
        hints=(
            "Binding moved each number of the value forward by i places, weighed by key[i]. Move "
            "it back.",
            "memory.roll(-i) has the number memory[k + i] at place k. With Fourier transforms: the "
            "spectrum of the key is conjugated, that of the memory is not.",
            "result = torch.zeros_like(memory); for i in range(len(key)): result += key[i] * "
            "memory.roll(-i).",
        ),
        wrong=hdc_wrong.UNBOUND,
    ),
    Exercise(
        id="hdc.3",
        name="majority",
        notebook=NOTEBOOK,
        title="What a majority keeps of one vote",
        solution=majority,
        checks=(Check("odd numbers of votes", _odd, MAJORITY),),
        hints=(
            "At one place, look at the other n - 1 votes. Only if they are split evenly does this "
            "vote decide. Otherwise the majority agrees with it as often as not.",
            "The cosine is the probability of an even split of n - 1 coins. How many of the "
            "2 ** (n - 1) outcomes have as many heads as tails?",
            "math.comb(n - 1, (n - 1) // 2) / 2 ** (n - 1).",
        ),
        wrong=hdc_wrong.MAJORITY,
    ),
)
