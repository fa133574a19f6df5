"""Known wrong answers to the exercises of notebook 32, and what whoever gives one is told."""

import math

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

Codes = tuple[Tensor, Tensor]


def _solved(half: Tensor, x: Tensor) -> Tensor:
    return torch.linalg.solve(torch.eye(len(x), dtype=x.dtype) - half, x)


def _stretch(angle: float, alpha: float) -> float:
    return math.hypot(1 + alpha * math.cos(angle), alpha * math.sin(angle))


def _moved(
    codes: Tensor, z: Tensor, index: Tensor, share: float, sizes: Tensor | None = None
) -> Tensor:
    """Codes that go `share` of the way to the mean of theirs, or by share / sizes to their sum."""
    codes = codes.clone()
    for k in range(len(codes)):
        mine = z[index == k]
        if len(mine):
            size = len(mine) if sizes is None else sizes[k]
            codes[k] += share * (mine.sum(0) - len(mine) * codes[k]) / size
    return codes


def _counted(counts: Tensor, index: Tensor, kept: float, new: float) -> Tensor:
    n = torch.bincount(index, minlength=len(counts)).to(counts)
    return kept * counts + new * n


def _of_means(codes: Tensor, counts: Tensor, z: Tensor, index: Tensor, decay: float) -> Codes:
    return _moved(codes, z, index, 1 - decay), _counted(counts, index, decay, 1 - decay)


def _jump(codes: Tensor, counts: Tensor, z: Tensor, index: Tensor, decay: float) -> Codes:
    return _moved(codes, z, index, 1.0), _counted(counts, index, decay, 1 - decay)


def _old_count(codes: Tensor, counts: Tensor, z: Tensor, index: Tensor, decay: float) -> Codes:
    moved = _moved(codes, z, index, 1 - decay, counts)
    return moved, _counted(counts, index, decay, 1 - decay)


def _never_forgets(codes: Tensor, counts: Tensor, z: Tensor, index: Tensor, decay: float) -> Codes:
    total = _counted(counts, index, 1.0, 1.0)
    return _moved(codes, z, index, 1.0, total), total


def _other_way(codes: Tensor, counts: Tensor, z: Tensor, index: Tensor, decay: float) -> Codes:
    new = _counted(counts, index, 1 - decay, decay)
    return _moved(codes, z, index, decay, new), new


ROTATE = (
    Wrong(
        "the other way",
        lambda omega, x: 2 * _solved(-omega / 2, x) - x,
        "when the signs of both brackets are swapped: that turns back. Solve with I - omega/2.",
    ),
    Wrong(
        "not halved",
        lambda omega, x: 2 * _solved(omega, x) - x,
        "when omega is not halved: both brackets have omega/2.",
    ),
    Wrong(
        "the solve alone",
        lambda omega, x: _solved(omega / 2, x),
        "when only the inverse bracket is applied: that makes the vector shorter.",
    ),
    Wrong(
        "one small step",
        lambda omega, x: x + omega @ x,
        "of x + omega x, the first step of the series: that makes the vector longer.",
    ),
    Wrong(
        "two half steps",
        lambda omega, x: x + omega @ x / 2,
        "when only I + omega/2 is applied: the inverse bracket is missing.",
    ),
)

GROWTH = (
    Wrong(
        "the rotation alone",
        lambda angle, alpha, blocks: 1.0,
        "when only G counts: G keeps a length, but the block adds alpha G x to x.",
    ),
    Wrong(
        "no turn",
        lambda angle, alpha, blocks: (1 + alpha) ** blocks,
        "when the two arrows point the same way: they do so only for an angle of 0.",
    ),
    Wrong(
        "squared",
        lambda angle, alpha, blocks: _stretch(angle, alpha) ** (2 * blocks),
        "when the square root is left out: that is the square of the length.",
    ),
    Wrong(
        "one after the other",
        lambda angle, alpha, blocks: 1 + blocks * (_stretch(angle, alpha) - 1),
        "when what each block adds is summed: each block stretches what the last one left.",
    ),
    Wrong(
        "the part along x",
        lambda angle, alpha, blocks: abs(1 + alpha * math.cos(angle)) ** blocks,
        "when the part across x is left out.",
    ),
)

FOLLOW = (
    Wrong(
        "a mean of means",
        _of_means,
        "when each code goes a share of the way to the mean of its vectors: then one vector pulls "
        "as hard as a hundred.",
    ),
    Wrong(
        "all the way",
        _jump,
        "when each code jumps to the mean of its vectors: nothing of the old batches is left.",
    ),
    Wrong(
        "the old count",
        _old_count,
        "when the sum is divided by the count from before: the new count comes first.",
    ),
    Wrong(
        "never forgets",
        _never_forgets,
        "when the counts only add up: old batches must fade, by decay.",
    ),
    Wrong(
        "decay the wrong way round",
        _other_way,
        "when decay and 1 - decay are swapped: decay is what is kept.",
    ),
)
