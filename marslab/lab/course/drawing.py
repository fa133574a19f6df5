"""What the cases of a check are drawn with: small sizes and round numbers, easy to follow by hand.

A counter-example is made smaller for as long as it stays one: sizes go to their lower end, numbers
to 0, then 1, texts to nothing, choices to the first.
"""

from collections.abc import Sequence
from functools import cache
from math import prod
from random import Random
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
GRID = 150  # elements of the grid that a small tensor is cut out of
LETTERS = "abcdefghijklmnopqrstuvwxyz "


class Source(Protocol):
    """Where the choices come from; the simplest choice is 0."""

    def below(self, count: int) -> int:
        """Choose one of 0 .. count-1."""
        ...

    def places(self, n: int, count: int) -> list[int]:
        """Choose n times one of 0 .. count-1, with count up to 256."""
        ...


class Dice:
    """Choices at random, or always the simplest."""

    def __init__(self, random: Random | None) -> None:
        self._random = random

    def below(self, count: int) -> int:
        return self._random.randrange(count) if self._random else 0

    def places(self, n: int, count: int) -> list[int]:
        if self._random is None:
            return [0] * n
        # Every fourth time few different values: zeros, ones and ties are where mistakes show.
        count = min(count, 3) if self._random.random() < 0.25 else count
        return self._random.choices(range(count), k=n)


class Draw:
    """Draws the arguments of one case. Each call is one more choice of the case.

    `most` bounds every `size`, `limits` the first of them one by one.
    """

    def __init__(self, source: Source, most: int, limits: Sequence[int] = ()) -> None:
        self.sizes: list[tuple[int, int]] = []  # (low, drawn) of each size so far
        self._source = source
        self._most = most
        self._limits = limits
        self._longest = 1  # axis that this case may have

    def size(self, high: int = 4, low: int = 1) -> int:
        """Return a length of an axis, from low to high; shrinks towards low."""
        limit = [*self._limits[len(self.sizes) :], self._most][0]
        high = max(low, min(high, limit))
        self._longest = max(self._longest, high)
        drawn = low + self._source.below(high - low + 1)
        self.sizes.append((low, drawn))
        return drawn

    def integer(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included; shrinks towards 0."""
        near = min(max(0, low), high)
        return _around(near, self._source.below(high - low + 1), near - low, high - near)

    def number(self, low: float = -2.0, high: float = 2.0, step: float = 0.25) -> float:
        """Return a multiple of `step` from low to high; shrinks towards 0, then 1."""
        return self.choice(nice_numbers(low, high, step))

    def tensor(
        self,
        *shape: int,
        low: float = -2.0,
        high: float = 2.0,
        step: float = 0.25,
        dtype: torch.dtype = torch.float64,
    ) -> Tensor:
        """Return a tensor of multiples of `step` from low to high; each shrinks as `number`."""
        return self._filled(shape, nice_numbers(low, high, step), dtype)

    def integers(self, *shape: int, low: int, high: int) -> Tensor:
        """Return a tensor of int64 from low to high, both included; each shrinks towards 0."""
        return self._filled(shape, nice_numbers(low, high, 1), torch.int64)

    def mask(self, *shape: int) -> Tensor:
        """Return a tensor of bool; each shrinks towards False."""
        return self._filled(shape, (False, True), torch.bool)

    def permutation(self, n: int) -> list[int]:
        """Return 0 .. n-1 in some order; shrinks towards the sorted one."""
        left = list(range(n))
        return [left.pop(self._source.below(len(left))) for _ in range(n)]

    def text(self, high: int = 8, low: int = 0, letters: str = LETTERS) -> str:
        """Return from low to high letters; shrinks towards few of the first one."""
        return "".join(self.several(letters, high, low))

    def byte_string(self, high: int = 8, low: int = 0) -> bytes:
        """Return from low to high bytes; shrinks towards few zeros."""
        return bytes(self.several(range(256), high, low))

    def several(self, options: Sequence[T], high: int = 4, low: int = 0) -> list[T]:
        """Return from low to high choices of the options; shrinks towards few of the first."""
        length = low + self._source.below(high - low + 1)
        return [options[place] for place in self._source.places(length, len(options))]

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options; shrinks towards the first."""
        return options[self._source.below(len(options))]

    def flag(self) -> bool:
        """Return a truth value; shrinks towards False."""
        return self.choice((False, True))

    def _filled(self, shape: Sequence[int], values: Sequence[Any], dtype: torch.dtype) -> Tensor:
        # Cut out of a grid whose size is the same in every case, so that the elements stay where
        # they are while an axis shrinks. Places shrink to zeros in front, so the grid is filled
        # from behind: what is left stands at the first elements.
        least = min(self._longest, int(GRID ** (1 / max(1, len(shape)))))
        axes = [max(length, least) for length in shape]
        places = self._source.places(prod(axes), len(values))
        grid = torch.tensor([values[place] for place in reversed(places)], dtype=dtype)
        return grid.reshape(axes)[tuple(slice(length) for length in shape)].clone()


def _around(near: int, step: int, below: int, above: int) -> int:
    """The `step`-th nearest of the numbers from near - below to near + above."""
    both = min(below, above)
    if step <= 2 * both:
        return near + ((step + 1) // 2 if step % 2 else -(step // 2))
    return near + (step - both if above > below else both - step)


@cache
def nice_numbers(low: float, high: float, step: float) -> tuple[float, ...]:
    """Return the multiples of `step` from low to high, the simplest first.

    >>> nice_numbers(-1, 1, 0.5)
    (0.0, 1.0, -1.0, 0.5, -0.5)
    """
    first, last = -int(-low // step), int(high // step)
    found = [k * step for k in range(first, last + 1)]
    if not 0 < len(found) <= 256:
        raise ValueError(
            f"from {low} to {high} in steps of {step} are {len(found)} numbers, take 1 to 256"
        )
    return tuple(sorted(found, key=lambda x: (x % 1 != 0, x * 2 % 1 != 0, abs(x), x < 0)))
