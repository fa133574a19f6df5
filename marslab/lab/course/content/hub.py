"""Exercises of 23_memory_hub: n-grams of a word, a cache of cosines, and the memory vector."""

from collections import Counter

import torch
from torch import Tensor

from marslab.lab.course.content import hub_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "23_memory_hub"
LOOKUP, VECTOR = (recognised(*known) for known in (hub_wrong.LOOKUP, hub_wrong.VECTOR))


def my_grams(word: str, longest: int) -> dict[str, int]:
    """How often each n-gram of 1 to `longest` characters occurs in " word ", a lone space never."""
    bordered = f" {word} "
    found = Counter(
        bordered[start : start + n]
        for n in range(1, longest + 1)
        for start in range(len(bordered) - n + 1)
    )
    del found[" "]
    return dict(found)


def my_lookup(keys: Tensor, vector: Tensor, threshold: float) -> int:
    """The row of the most similar key if its cosine is at least the threshold, else -1.

    Of several that are equally similar, the first.

    Shapes (N keys, M numbers of a vector, all of length 1): keys: [N, M]; vector: [M]
    """
    cosines = keys @ vector
    best = int(cosines.argmax())
    return best if float(cosines[best]) >= threshold else -1


def my_memory_vector(vectors: Tensor, asked: Tensor) -> Tensor:
    """The sum of the vectors, each times its cosine with what is asked, scaled to length 1.

    A negative cosine counts as 0. At least one is positive.

    Shapes (N vectors, M numbers, all of length 1): vectors: [N, M]; asked: [M]; returns [M]
    """
    cosines = (vectors @ asked).clamp(min=0)
    total = cosines @ vectors
    return total / total.norm()


def _word(draw: Draw) -> tuple:
    return draw.text(5, 1, "abn"), draw.choice((1, 2, 3, 4))


def _one(draw: Draw) -> tuple:
    return draw.text(4, 1, "ab"), 1


def _units(draw: Draw, count: int, width: int) -> Tensor:
    """Rows of length 1 with round numbers: axes, and 3-4-5 triangles between two of them."""
    rows = torch.zeros(count, width, dtype=torch.float64)
    for row in rows:
        a, b = draw.integer(0, width - 1), draw.integer(0, width - 1)
        sign = draw.choice((1.0, -1.0))
        if a == b:
            row[a] = sign
        else:
            row[a], row[b] = 0.6 * sign, draw.choice((0.8, -0.8))
    return rows


def _keys(draw: Draw) -> tuple:
    width = draw.size(3, 2)
    keys, (vector,) = _units(draw, draw.size(4), width), _units(draw, 1, width)
    return keys, vector, draw.choice((0.5, 0.9, 0.25))


def _border(draw: Draw) -> tuple:
    keys = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    vector = torch.tensor(draw.choice(((0.6, 0.8), (1.0, 0.0))), dtype=torch.float64)
    return keys, vector, draw.choice((1.0, 0.8))


def _recalled(draw: Draw, signs: bool) -> tuple:
    width = draw.size(3, 2)
    asked = torch.zeros(width, dtype=torch.float64)
    asked[0] = 1.0
    rows = _units(draw, draw.size(3), width)
    rows[0] = asked  # so that there is something to sum
    if not signs:
        rows[:, 0] = rows[:, 0].abs()
    return rows, asked


EXERCISES = (
    Exercise(
        id="hub.1",
        name="my_grams",
        notebook=NOTEBOOK,
        title="Count the pieces of a word",
        solution=my_grams,
        checks=(
            Check("single characters, borders not counted", _one, hub_wrong.pieces),
            Check("pieces of all lengths, borders included", _word, hub_wrong.pieces),
        ),
        hints=(
            'Put a space at both ends first: bordered = f" {word} ". The borders belong to the '
            "pieces: that is how the start of a word differs from its middle.",
            "For each n from 1 to longest and each start from 0 to len(bordered) - n, count "
            "bordered[start : start + n].",
            'At the end take the lone space out: found.pop(" ").',
        ),
        wrong=hub_wrong.GRAMS,
    ),
    Exercise(
        id="hub.2",
        name="my_lookup",
        notebook=NOTEBOOK,
        title="Look an answer up by likeness",
        solution=my_lookup,
        checks=(
            Check("the most similar key, if it is similar enough", _keys, LOOKUP),
            Check("a cosine of exactly the threshold is enough", _border, LOOKUP),
        ),
        hints=(
            "All cosines are one product, since all vectors have length 1: keys @ vector.",
            "argmax gives the row. Return it if its cosine is >= threshold, else -1.",
        ),
        wrong=hub_wrong.LOOKUP,
    ),
    Exercise(
        id="hub.3",
        name="my_memory_vector",
        notebook=NOTEBOOK,
        title="One vector for all that is known of a question",
        solution=my_memory_vector,
        checks=(
            Check("weighs each vector by its cosine", lambda x: _recalled(x, False), VECTOR),
            Check("leaves out what points away", lambda x: _recalled(x, True), VECTOR),
        ),
        hints=(
            "vectors @ asked are the cosines [N]; .clamp(min=0) makes negative ones 0.",
            "weights @ vectors is the weighted sum [M]. Divide it by its own .norm().",
        ),
        wrong=hub_wrong.VECTOR,
    ),
)
