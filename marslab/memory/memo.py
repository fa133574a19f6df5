"""Answers given before, found by the likeness of the question: a least-recently-used cache."""

import re
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

# What changes an answer though it hardly changes the spelling: numbers, and signs that are not
# those of a sentence.
FIGURES = re.compile(r"""\d+(?:[.,]\d+)*|[^\w\s.,!?;:'"…«»“”„–—]""")


class Hit(NamedTuple):
    """A question seen before, its answer, and how like it is (cosine)."""

    question: str
    answer: str
    score: float


class Memo:
    """Up to `size` answers; a lookup is one product of the [size, dim] keys with the question.

    A hit needs a cosine of at least `threshold`, and the same numbers and signs in both
    questions: "x^2 - 5x + 6 = 0" and "x^2 - 5x + 7 = 0" are 0.94 alike to the hashed embedder.
    `strict=False` leaves that second demand out, as the design does. What was asked or answered
    longest ago goes first; the book-keeping costs the same whatever is kept.

    Shapes (M dim):
        vector: [M] float32, length 1

    Errors:
        ValueError: size or threshold is out of range, or a vector is not M wide

    Source:
        design section 4.1, Memo; erratum T59 (a cosine has no exact hash: it is a product).

    >>> memo = Memo(size=2, dim=2)
    >>> memo.put(np.array([1.0, 0.0]), "2 + 2?", "4")
    >>> memo.get(np.array([0.99, 0.141]), "2+2 ?").answer
    '4'
    >>> memo.get(np.array([1.0, 0.0]), "2 + 3?") is None
    True
    """

    def __init__(
        self, size: int = 256, dim: int = 384, *, threshold: float = 0.92, strict: bool = True
    ) -> None:
        if size < 1 or dim < 1 or not -1 <= threshold <= 1:
            raise ValueError(
                "a Memo needs a positive size and dim and a threshold in [-1, 1], "
                f"got {size}, {dim} and {threshold}"
            )
        self.size, self.threshold, self.strict = size, threshold, strict
        self._keys = np.zeros((size, dim), dtype=np.float32)
        self._kept: list[tuple[str, str]] = [("", "")] * size
        self._order: OrderedDict[int, None] = OrderedDict()
        self._slots: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._order)

    def get(self, vector: np.ndarray, question: str) -> Hit | None:
        """Return the most similar question's answer, or None; a hit makes it the newest."""
        scores = self._keys @ self._checked(vector)
        near = np.flatnonzero(scores >= self.threshold)
        for slot in near[np.argsort(-scores[near])].tolist():
            seen, answer = self._kept[slot]
            if slot in self._order and (not self.strict or figures(seen) == figures(question)):
                self._order.move_to_end(slot)
                return Hit(seen, answer, min(float(scores[slot]), 1.0))
        return None

    def put(self, vector: np.ndarray, question: str, answer: str) -> None:
        """Keep an answer; the same question has one answer, the last."""
        vector = self._checked(vector)
        slot = self._slots.get(question)
        if slot is None:
            slot = len(self._order)
            if slot == self.size:
                slot, _ = self._order.popitem(last=False)
                del self._slots[self._kept[slot][0]]
            self._slots[question] = slot
        self._keys[slot] = vector
        self._kept[slot] = (question, answer)
        self._order[slot] = None
        self._order.move_to_end(slot)

    def _checked(self, vector: np.ndarray) -> np.ndarray:
        if vector.shape != self._keys.shape[1:]:
            raise ValueError(f"a vector must be [{self._keys.shape[1]}], got {list(vector.shape)}")
        return vector.astype(np.float32)


def figures(question: str) -> list[str]:
    """The numbers and signs of a question, in order.

    >>> figures("Solve: 3x^2 = 12!")
    ['3', '^', '2', '=', '12']
    """
    return FIGURES.findall(question)
