"""From texts and question-answer pairs to rows of ids with the targets of the next byte."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

IGNORED = -100  # the target that no loss counts
SEPARATOR = "\n"


class Tokenizer(Protocol):
    """What a tokenizer has here: `ByteTokenizer` and `Cp1251Tokenizer` both do."""

    pad: int
    bos: int
    eos: int
    vocabulary: int

    def encode(self, text: str, *, bos: bool = False, eos: bool = False) -> list[int]:
        """Return the ids of `text`."""
        ...

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """Return the text of `ids`."""
        ...


class Example(NamedTuple):
    """One whole piece of training text.

    Shapes (n ids):
        ids: [n]
        learned: [n], True for the ids that the model is to predict
    """

    ids: list[int]
    learned: list[bool]


class Packed(NamedTuple):
    """Rows of ids and what comes after each.

    Shapes (B rows, L length):
        ids, targets: [B, L] int64; targets of -100 are not counted
    """

    ids: Tensor
    targets: Tensor


def encode_example(
    tokenizer: Tokenizer, prompt: str, answer: str, *, learn_prompt: bool = False
) -> Example:
    """Return `BOS prompt newline answer EOS`; the answer and EOS are to be predicted.

    With `learn_prompt` the prompt and the newline are predicted too, as plain text is.

    >>> from marslab.text import ByteTokenizer
    >>> example = encode_example(ByteTokenizer(), "2+2=?", "4")
    >>> example.ids
    [256, 50, 43, 50, 61, 63, 10, 52, 257]
    >>> [i for i, learned in zip(example.ids, example.learned) if learned]
    [52, 257]
    """
    before = tokenizer.encode(prompt + SEPARATOR, bos=True)
    after = tokenizer.encode(answer, eos=True)
    asked = [False] + [learn_prompt] * (len(before) - 1)
    return Example(before + after, asked + [True] * len(after))


def encode_text(tokenizer: Tokenizer, text: str) -> Example:
    """Return `BOS text EOS`, all of it to be predicted.

    >>> from marslab.text import ByteTokenizer
    >>> encode_text(ByteTokenizer(), "hi")
    Example(ids=[256, 104, 105, 257], learned=[False, True, True, True])
    """
    ids = tokenizer.encode(text, bos=True, eos=True)
    return Example(ids, [False] + [True] * (len(ids) - 1))


def row_of(examples: Sequence[Example], length: int, pad: int) -> tuple[list[int], list[int]]:
    """Return one row of ids and its targets: the examples one after another, then padding.

    Errors:
        ValueError: the examples are longer than `length`

    >>> row_of([Example([2, 7, 3], [False, True, True])], 4, pad=0)
    ([2, 7, 3, 0], [7, 3, -100, -100])
    """
    ids = [token for example in examples for token in example.ids]
    learned = [flag for example in examples for flag in example.learned]
    if len(ids) > length:
        raise ValueError(f"row_of: {len(ids)} ids do not fit into a row of {length}")
    targets = [token if flag else IGNORED for token, flag in zip(ids[1:], learned[1:], strict=True)]
    fill = length - len(ids)
    return ids + [pad] * fill, targets + [IGNORED] * (length - len(targets))


def pack(
    examples: Iterable[Example],
    length: int,
    *,
    pad: int = 0,
    share: bool = True,
    longer: Literal["refuse", "skip"] = "refuse",
) -> Packed:
    """Return rows of `length` that hold whole examples only, in their order.

    With `share` a row holds as many examples as fit. No state is reset within a row, so a
    recurrent model sees the examples before one as its context; no target ever crosses from one
    example to the next. With `share=False` each example has a row for itself, and sees no other.

    Shapes (B rows, L length):
        returns: ids and targets [B, L]

    Errors:
        ValueError: an example is longer than a row and `longer` is "refuse", or there is none

    >>> from marslab.text import ByteTokenizer
    >>> tokens = ByteTokenizer()
    >>> rows = pack([encode_example(tokens, "1+1", "2")] * 3, 16, pad=tokens.pad)
    >>> rows.ids.shape, int((rows.targets != -100).sum())
    (torch.Size([2, 16]), 6)
    """
    rows: list[list[Example]] = []
    room = 0
    for at, example in enumerate(examples):
        size = len(example.ids)
        if size > length:
            if longer == "skip":
                continue
            raise ValueError(
                f"pack: example {at} has {size} ids, a row has {length}: "
                'take longer rows, or longer="skip"'
            )
        if not share or size > room:
            rows.append([])
            room = length
        rows[-1].append(example)
        room -= size
    if not rows:
        raise ValueError("pack: there is no example to pack")
    made = [row_of(row, length, pad) for row in rows]
    return Packed(torch.tensor([r[0] for r in made]), torch.tensor([r[1] for r in made]))
