"""Known wrong answers to the exercises of notebook 31, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def unit(x: Tensor) -> Tensor:
    """The vector of length 1 in the direction of x."""
    return x / x.norm()


def _mean(memory: Tensor | None, seen: Tensor, keep: float) -> Tensor:
    return seen if memory is None else keep * memory + (1 - keep) * seen


def _gate(memory: Tensor, thought: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.sigmoid(weight @ torch.cat([memory, thought]) + bias)


def _mixed(memory: Tensor, thought: Tensor, g: Tensor) -> Tensor:
    return g * thought + (1 - g) * memory


FOLLOW = (
    Wrong(
        "as printed",
        _mean,
        "of the printed formula: neither seen nor the result has length 1 (T37).",
    ),
    Wrong(
        "seen as long as it is",
        lambda memory, seen, keep: unit(_mean(memory, seen, keep)),
        "when seen enters as long as it is: then its length decides, not keep.",
    ),
    Wrong(
        "a mean that is too short",
        lambda memory, seen, keep: _mean(memory, unit(seen), keep),
        "when the mean stays as short as it is: divide it by its length.",
    ),
    Wrong(
        "the shares swapped",
        lambda memory, seen, keep: unit(_mean(memory, unit(seen), 1 - keep)),
        "when the shares are swapped: keep is that of the memory.",
    ),
    Wrong(
        "nothing counts as zeros",
        lambda memory, seen, keep: (
            (1 - keep) * unit(seen) if memory is None else unit(_mean(memory, unit(seen), keep))
        ),
        "when a missing memory counts as zeros: the first memory is seen itself.",
    ),
)

LET_IN = (
    Wrong(
        "swapped",
        lambda memory, thought, weight, bias: _mixed(
            thought, memory, _gate(memory, thought, weight, bias)
        ),
        "when an open gate keeps the memory: it lets the thought in.",
    ),
    Wrong(
        "the thought first",
        lambda memory, thought, weight, bias: _mixed(
            memory, thought, _gate(thought, memory, weight, bias)
        ),
        "when the thought comes first in the gate's input: the memory does.",
    ),
    Wrong(
        "no sigmoid",
        lambda memory, thought, weight, bias: _mixed(
            memory, thought, weight @ torch.cat([memory, thought]) + bias
        ),
        "when the sigmoid is left out.",
    ),
    Wrong(
        "added",
        lambda memory, thought, weight, bias: (
            memory + _gate(memory, thought, weight, bias) * thought
        ),
        "when the thought is added and nothing makes room for it: memory keeps 1 - g.",
    ),
)

PHASE = (
    Wrong(
        "three waves each",
        lambda wave, waves: min(wave // 3, 3),
        "of one printed time table, three waves a phase: six waves never get past the second.",
    ),
    Wrong(
        "counted from 1",
        lambda wave, waves: min((wave + 1) * 4 // waves, 3),
        "when the waves are counted from 1: the first one has number 0.",
    ),
    Wrong(
        "no last phase",
        lambda wave, waves: wave * 4 // waves,
        "when waves after the last get a fifth phase: there are four.",
    ),
    Wrong(
        "first and last at the ends",
        lambda wave, waves: min(wave * 3 // max(waves - 1, 1), 3),
        "when the last wave alone is the end of the line: each phase gets a quarter of it.",
    ),
)
