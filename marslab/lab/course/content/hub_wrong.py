"""Known wrong answers to the exercises of notebook 23, and what whoever gives one is told."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

BARE = "The borders are missing: the pieces are those of the word with a space at both ends."
SPACE = "The space alone is counted: it says nothing about the word."
ONE_LENGTH = "Only pieces of the full length are counted: all lengths from 1 on are."
ONCE = "Each piece is counted once: count how often it occurs."


def _grams(bordered: str, lengths: range) -> Counter[str]:
    return Counter(bordered[at : at + n] for n in lengths for at in range(len(bordered) - n + 1))


def _full(word: str, longest: int) -> dict[str, int]:
    found = _grams(f" {word} ", range(1, longest + 1))
    del found[" "]
    return dict(found)


def pieces(args: tuple[str, int], got: Any, expected: dict[str, int]) -> str:
    """What to say of counts that are not the expected ones."""
    _, longest = args
    if " " in got:
        return SPACE
    if longest > 1 and not any(" " in gram for gram in got):
        return BARE
    if got.keys() == expected.keys() and set(got.values()) == {1}:
        return ONCE
    return ONE_LENGTH if {len(gram) for gram in got} == {longest} else ""


GRAMS = (
    Wrong(
        "no borders",
        lambda word, longest: dict(_grams(word, range(1, longest + 1))),
        BARE,
    ),
    Wrong(
        "a lone space",
        lambda word, longest: dict(_grams(f" {word} ", range(1, longest + 1))),
        SPACE,
    ),
    Wrong(
        "once each",
        lambda word, longest: dict.fromkeys(_full(word, longest), 1),
        ONCE,
    ),
    Wrong(
        "one length",
        lambda word, longest: (
            dict(_grams(f" {word} ", range(longest, longest + 1)))
            if longest > 1
            else _full(word, longest)
        ),
        ONE_LENGTH,
    ),
)


def _nearest(keys: Tensor, vector: Tensor, enough: Tensor) -> int:
    best = int((keys @ vector).argmax())
    return best if bool(enough[best]) else -1


LOOKUP = (
    Wrong(
        "always a hit",
        lambda keys, vector, threshold: int((keys @ vector).argmax()),
        "when the best is returned however unlike it is.",
    ),
    Wrong(
        "the first good one",
        lambda keys, vector, threshold: next(
            iter(torch.nonzero(keys @ vector >= threshold).flatten().tolist()), -1
        ),
        "when the first good one is taken: a later one may be better.",
    ),
    Wrong(
        "more than the threshold",
        lambda keys, vector, threshold: _nearest(keys, vector, keys @ vector > threshold),
        "when the cosine must be more than the threshold: being equal is enough.",
    ),
    Wrong(
        "either sign",
        lambda keys, vector, threshold: (
            best if (both := (keys @ vector).abs())[best := int(both.argmax())] >= threshold else -1
        ),
        "when the sign is dropped: a cosine of -1 is the least alike of all.",
    ),
)


def _scaled(total: Tensor) -> Tensor:
    return total / total.norm()


VECTOR = (
    Wrong(
        "subtracts",
        lambda vectors, asked: _scaled((vectors @ asked) @ vectors),
        "when negative cosines count: what points away would be subtracted.",
    ),
    Wrong(
        "all alike",
        lambda vectors, asked: _scaled(((vectors @ asked) > 0).double() @ vectors),
        "when every vector counts alike: each counts by its cosine.",
    ),
    Wrong(
        "only the best",
        lambda vectors, asked: vectors[int((vectors @ asked).argmax())],
        "when only the nearest is taken: all that are near have a say.",
    ),
    Wrong(
        "its own length",
        lambda vectors, asked: (vectors @ asked).clamp(min=0) @ vectors,
        "when the sum keeps its own length: it is scaled to length 1.",
    ),
)
