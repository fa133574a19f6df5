"""Known wrong answers to the exercises of notebook 61, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _cut(image: Tensor, patch: int) -> Tensor:
    """The squares by their place, and in each its pixels by theirs: [rows, columns, p, p]."""
    return image.unfold(0, patch, patch).unfold(1, patch, patch)


def _softmax(x: Tensor) -> Tensor:
    return torch.softmax(x, 0)


def _cosines(asked: Tensor, kept: Tensor) -> Tensor:
    return torch.cosine_similarity(asked[None], kept)


def _packed(dim: int, bits: int) -> int:
    return (dim * bits + 7) // 8


SQUARES = (
    Wrong(
        "pixels in a row",
        lambda image, patch: image.reshape(-1, patch * patch),
        "when pixels are taken row by row through the whole image: a square takes from several.",
    ),
    Wrong(
        "columns of squares",
        lambda image, patch: _cut(image, patch).transpose(0, 1).reshape(-1, patch * patch),
        "when squares are taken column by column: the second one lies to the right of the first.",
    ),
    Wrong(
        "columns in a square",
        lambda image, patch: _cut(image, patch).mT.reshape(-1, patch * patch),
        "when the pixels of a square are taken column by column.",
    ),
    Wrong(
        "everywhere",
        lambda image, patch: image.unfold(0, patch, 1).unfold(1, patch, 1).reshape(-1, patch**2),
        "when squares overlap: each pixel belongs to one.",
    ),
)

WEIGHTS = (
    Wrong(
        "longer is more like",
        lambda asked, kept, sharp: _softmax(sharp * (kept @ asked)),
        "when products are taken in place of cosines: a long vector is no more like the question.",
    ),
    Wrong(
        "never sharp",
        lambda asked, kept, sharp: _softmax(_cosines(asked, kept)),
        "when `sharp` is left out: the weights are nearly alike.",
    ),
    Wrong(
        "a temperature",
        lambda asked, kept, sharp: _softmax(_cosines(asked, kept) / sharp),
        "when the cosines are divided by `sharp`: it multiplies.",
    ),
    Wrong(
        "the winner alone",
        lambda asked, kept, sharp: torch.eye(len(kept)).double()[_cosines(asked, kept).argmax()],
        "when the nearest class gets all: a softmax gives each its share.",
    ),
    Wrong(
        "nothing over nothing",
        lambda asked, kept, sharp: _softmax(
            sharp * (kept @ asked) / (kept.norm(dim=1) * asked.norm())
        ),
        "when 0 is divided by 0: a class without anything has cosine 0.",
    ),
    Wrong(
        "shares of cosines",
        lambda asked, kept, sharp: (
            sharp * _cosines(asked, kept) / (sharp * _cosines(asked, kept)).sum()
        ),
        "when each cosine is divided by their sum: a softmax takes exponentials first.",
    ),
)

BYTES = (
    Wrong(
        "no scale",
        lambda banks, dim, bits: banks * (dim * 4 if bits == 32 else _packed(dim, bits)),
        "when level and step are left out: 8 bytes a vector; codes alone are no numbers.",
    ),
    Wrong(
        "one scale",
        lambda banks, dim, bits: banks * dim * 4 if bits == 32 else banks * _packed(dim, bits) + 8,
        "when all vectors share one scale: each has its own.",
    ),
    Wrong(
        "a scale for floats",
        lambda banks, dim, bits: banks * (_packed(dim, bits) + 8),
        "when float32 numbers get a scale too: they are kept as they are.",
    ),
    Wrong(
        "half a byte",
        lambda banks, dim, bits: banks * (dim * 4 if bits == 32 else dim * bits // 8 + 8),
        "when a byte that was begun is not counted.",
    ),
    Wrong(
        "no gap between vectors",
        lambda banks, dim, bits: (
            banks * dim * 4 if bits == 32 else _packed(banks * dim, bits) + 8 * banks
        ),
        "when vectors follow each other without a gap: each ends in a whole byte.",
    ),
    Wrong(
        "a byte each",
        lambda banks, dim, bits: banks * (dim * 4 if bits == 32 else dim + 8),
        "when every number takes a byte: packed, a byte holds 8 / bits of them.",
    ),
)
