"""Known wrong answers to the exercises of notebook 20, and what whoever gives one is told."""

from math import comb, pi, sqrt

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _convolved(key: Tensor, value: Tensor) -> Tensor:
    return key @ torch.stack([value.roll(i) for i in range(len(key))])


def _correlated(key: Tensor, value: Tensor) -> Tensor:
    return key @ torch.stack([value.roll(-i) for i in range(len(key))])


def _cut_off(key: Tensor, value: Tensor) -> Tensor:
    D = len(key)
    rows = [torch.cat([value.new_zeros(i), value[: D - i]]) for i in range(D)]
    return key @ torch.stack(rows)


def _share(n: int) -> float:
    return (1 + comb(n - 1, (n - 1) // 2) / 2 ** (n - 1)) / 2


BOUND = (
    Wrong(
        "correlated",
        _correlated,
        "when the value is moved backwards, number k + i in place of k - i: that takes a key off.",
    ),
    Wrong(
        "number by number",
        lambda key, value: key * value,
        "when the numbers are multiplied one by one: that binds in MAP, here all meet all.",
    ),
    Wrong(
        "cut off at the end",
        _cut_off,
        "when what leaves at the end is lost: it comes in again at the front, the places form a "
        "circle.",
    ),
    Wrong(
        "added",
        lambda key, value: key + value,
        "when the two are added: a sum is like both of them, and a bound pair is like neither.",
    ),
)

UNBOUND = (
    Wrong(
        "as printed",
        lambda key, memory: _correlated(memory, key),
        "of the printed line, where the memory is conjugated in place of the key: it runs "
        "backwards (M8).",
    ),
    Wrong(
        "bound once more",
        _convolved,
        "when the key is bound a second time: only a key that is its own inverse comes off so.",
    ),
    Wrong(
        "number by number",
        lambda key, memory: key * memory,
        "when the numbers are multiplied one by one: that takes a key off in MAP.",
    ),
)

MAJORITY = (
    Wrong(
        "the share of places",
        _share,
        "of the share of places that agree: the cosine is that less the share that does not.",
    ),
    Wrong(
        "a sum that is not rounded",
        lambda n: 1 / sqrt(n),
        "of a sum that is kept as it is: a majority keeps only its sign, and that costs.",
    ),
    Wrong(
        "the limit",
        lambda n: sqrt(2 / (pi * n)),
        "of the limit for many votes: it is near, but here the splits are counted.",
    ),
    Wrong(
        "a split of all n",
        lambda n: comb(n, (n - 1) // 2) / 2**n,
        "when all n votes are split: an odd number has no even split, look at the other n - 1.",
    ),
)
