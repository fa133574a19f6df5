"""Exercises of 61_mars_walkthrough: squares as steps, what the memory says, bytes that it keeps."""

import torch
from torch import Tensor

from marslab.lab.course.content import mars_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "61_mars_walkthrough"
SQUARES, WEIGHTS, BYTES = (
    recognised(*known) for known in (mars_wrong.SQUARES, mars_wrong.WEIGHTS, mars_wrong.BYTES)
)
FULL = 32  # bits of a number that is kept as it is


def squares(image: Tensor, patch: int) -> Tensor:
    """Cut an image into squares: each is one step, the pixels of a square row by row.

    Squares come row by row too, from the upper left corner.

    Shapes (R rows, C columns, n squares): image: [R, C]; returns [n, patch * patch]
    """
    rows = image.split(patch)
    return torch.stack([part.flatten() for row in rows for part in row.split(patch, 1)])


def class_weights(asked: Tensor, kept: Tensor, sharp: float) -> Tensor:
    """How much of each class the memory gives: softmax of sharp * cosine.

    A class that nothing was written for is a row of zeros; its cosine is 0.

    Shapes (D width, C classes): asked: [D]; kept: [C, D]; returns [C]
    """
    return torch.softmax(sharp * torch.cosine_similarity(asked[None], kept), 0)


def stored_bytes(banks: int, dim: int, bits: int) -> int:
    """The bytes of `banks` vectors of `dim` numbers in `bits` bits.

    Each vector ends in a whole byte and has two float32 beside it, the least level and the step;
    with 32 bits the numbers are float32 as they are, and nothing stands beside them.
    """
    if bits == FULL:
        return banks * dim * 4
    return banks * ((dim * bits + 7) // 8 + 8)


def _image(draw: Draw, patch: int) -> tuple[Tensor, int]:
    rows, columns = (patch * draw.size(3) for _ in range(2))
    return draw.tensor(rows, columns, low=0, high=9, step=1), patch


def _likenesses(draw: Draw, longest: tuple[float, ...]) -> tuple[Tensor, Tensor, float]:
    """A question, and classes at angles from it, each with a length of its own."""
    classes = draw.size(4, low=2)
    angles = 0.5 * torch.tensor(draw.permutation(classes), dtype=torch.float64)
    lengths = torch.tensor([draw.choice(longest) for _ in range(classes)], dtype=torch.float64)
    kept = lengths[:, None] * torch.stack([angles.cos(), angles.sin()], 1)
    return torch.tensor([draw.choice((1.0, 3.0)), 0.0]).double(), kept, draw.choice((1.0, 10.0))


def _empty(draw: Draw) -> tuple[Tensor, Tensor, float]:
    asked, kept, sharp = _likenesses(draw, (1.0,))
    kept[draw.integer(0, len(kept) - 1)] = 0
    return asked, kept, sharp


def _store(draw: Draw, bits: tuple[int, ...]) -> tuple[int, int, int]:
    return draw.size(3), draw.integer(1, 40), draw.choice(bits)


EXERCISES = (
    Exercise(
        id="mars.1",
        name="squares",
        notebook=NOTEBOOK,
        title="An image as steps",
        solution=squares,
        checks=(
            Check("each pixel is a step", lambda draw: _image(draw, 1), SQUARES),
            Check("squares of two by two", lambda draw: _image(draw, 2), SQUARES),
        ),
        hints=(
            "The first square is image[:patch, :patch]. Flatten it, and it is the first step.",
            "The next one lies to the right of it; after the last of a row of squares comes the "
            "first of the row below.",
            "torch.stack([part.flatten() for row in image.split(patch) for part in "
            "row.split(patch, 1)]).",
        ),
        wrong=mars_wrong.SQUARES,
    ),
    Exercise(
        id="mars.2",
        name="class_weights",
        notebook=NOTEBOOK,
        title="What the memory says",
        solution=class_weights,
        checks=(
            Check("classes of one length", lambda draw: _likenesses(draw, (1.0,)), WEIGHTS),
            Check("classes of other lengths", lambda draw: _likenesses(draw, (2.0, 0.5)), WEIGHTS),
            Check("a class that nothing was written for", _empty, WEIGHTS),
        ),
        hints=(
            "The cosine is the product of two vectors over the product of their lengths: how long "
            "a class is does not matter.",
            "torch.cosine_similarity(asked[None], kept) gives all of them, and 0 for an empty row.",
            "torch.softmax(sharp * cosines, 0).",
        ),
        wrong=mars_wrong.WEIGHTS,
    ),
    Exercise(
        id="mars.3",
        name="stored_bytes",
        notebook=NOTEBOOK,
        title="What a memory takes up",
        solution=stored_bytes,
        checks=(
            Check("whole numbers", lambda draw: _store(draw, (32,)), BYTES),
            Check("one byte a number", lambda draw: _store(draw, (8,)), BYTES),
            Check("several numbers a byte", lambda draw: _store(draw, (1, 2, 4)), BYTES),
        ),
        hints=(
            "A vector of dim numbers has dim * bits bits. Eight bits are a byte, and a byte that "
            "was begun is taken whole.",
            "Beside each packed vector stand its least level and its step: two float32, 8 bytes.",
            "banks * dim * 4 for 32 bits, else banks * ((dim * bits + 7) // 8 + 8).",
        ),
        wrong=mars_wrong.BYTES,
    ),
)
