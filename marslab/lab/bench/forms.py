"""The form in which a variant wants its operands, and the part of them that is compared.

A layout is written as letters, one for each axis: "BLD". An op says in which letters its own
operands stand; a form says what a variant takes in their place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

Tensors = tuple[Tensor, ...]


def _same(*operands: Tensor) -> Tensors:
    return operands


@dataclass(frozen=True)
class Form:
    """How operands are made from those of the op before the clock starts, and how to go back.

    `back` takes a part of them in float64 and is differentiable; what comes of it goes through
    `truth`, or through that of the op when there is none.
    """

    enter: Callable[..., Tensors] = _same
    back: Callable[..., Tensors] = _same
    operands: tuple[str, ...] = ()  # the op's own letters when empty
    result: str = ""
    truth: Callable[..., Tensor] | None = None


PLAIN = Form()


def turned(x: Tensor, have: str, want: str) -> Tensor:
    """View a tensor with its axes in another order.

    >>> import torch
    >>> turned(torch.zeros(2, 3, 5), "BLD", "BDL").shape
    torch.Size([2, 5, 3])
    """
    return x if have == want else x.permute([have.index(letter) for letter in want])


def laid(
    have: tuple[str, ...],
    want: tuple[str, ...],
    result: str,
    truth: Callable[..., Tensor] | None = None,
) -> Form:
    """A form that changes nothing but the order of the axes."""

    def enter(*ours: Tensor) -> Tensors:
        return tuple(turned(x, h, w).contiguous() for x, h, w in zip(ours, have, want, strict=True))

    def back(*theirs: Tensor) -> Tensors:
        return tuple(turned(x, w, h) for x, h, w in zip(theirs, have, want, strict=True))

    return Form(enter, back, want, result, truth)


def part(x: Tensor, letters: str, few: Mapping[str, int]) -> Tensor:
    """View a part of a tensor: along each letter in `few` about so many indices, the last included.

    What happens along these axes is independent, so that a part is a small case of its own, and
    the part still reaches across the whole of the large one.

    >>> import torch
    >>> part(torch.arange(10), "D", {"D": 3})
    tensor([0, 3, 6, 9])
    """
    for axis, letter in enumerate(letters):
        if letter in few and x.shape[axis] > few[letter]:
            step = x.shape[axis] // few[letter]
            start = (x.shape[axis] - 1) % step
            x = x[(slice(None),) * axis + (slice(start, None, step),)]
    return x
