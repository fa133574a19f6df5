"""A corpus in one file that is mapped, not read: any size, constant memory, any place at once.

The file: a header of 1,024 bytes (JSON, filled up with spaces), the ids (one byte each where the
vocabulary allows, else two), and one bit for each id that says whether it is to be predicted.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from math import gcd
from pathlib import Path
from random import Random
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import torch

from marslab import home
from marslab.errors import UserError
from marslab.tasks.corpus import IGNORED, Example, Packed

KIND = "corpus"
_HEADER = 1024
_COPIED = 1 << 20


class CorpusWriter:
    """Writes examples one by one; the file appears under its name when all of it is on the disk.

    Use it in a `with` block: leaving by an error, or a kill, leaves no file and an old one as it
    was.

    Errors:
        ValueError: the vocabulary does not fit into two bytes, or an id is outside it
        OSError: the folder cannot be written
    """

    def __init__(self, path: str | os.PathLike[str], vocabulary: int) -> None:
        if not 1 <= vocabulary <= 1 << 16:
            raise ValueError(f"CorpusWriter: vocabulary must be in 1..65536, got {vocabulary}")
        self.vocabulary = vocabulary
        self.count = 0
        self._kind = np.dtype(np.uint8 if vocabulary <= 256 else "<u2")
        self._target = Path(os.path.realpath(path))
        self._waiting: list[bool] = []

    def __enter__(self) -> Self:
        folder = self._target.parent
        folder.mkdir(parents=True, exist_ok=True)
        name = secrets.token_hex(8)
        self._names = [folder / f".{name}.tmp", folder / f".{name}.bits.tmp"]
        self._ids, self._bits = (open(part, "x+b") for part in self._names)
        self._ids.write(b" " * _HEADER)
        return self

    def add(self, example: Example) -> None:
        """Append one example."""
        if any(not 0 <= token < self.vocabulary for token in example.ids):
            raise ValueError(f"CorpusWriter.add: ids must be in 0..{self.vocabulary - 1}")
        if len(example.ids) != len(example.learned):
            raise ValueError("CorpusWriter.add: ids and learned must have one length")
        self._ids.write(np.asarray(example.ids, self._kind).tobytes())
        self.count += len(example.ids)
        self._waiting += example.learned
        whole = len(self._waiting) // 8 * 8
        self._bits.write(np.packbits(np.asarray(self._waiting[:whole], np.bool_)).tobytes())
        self._waiting = self._waiting[whole:]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish(self._ids, self._bits)
        finally:
            for file, name in zip((self._ids, self._bits), self._names, strict=True):
                file.close()
                name.unlink(missing_ok=True)

    def _finish(self, ids: BinaryIO, bits: BinaryIO) -> None:
        bits.write(np.packbits(np.asarray(self._waiting, np.bool_)).tobytes())
        bits.seek(0)
        shutil.copyfileobj(bits, ids, _COPIED)
        header = home.stamp(KIND) | {"ids": self.count, "vocabulary": self.vocabulary}
        ids.seek(0)
        ids.write(json.dumps(header).encode("ascii"))
        ids.flush()
        os.fsync(ids.fileno())
        ids.close()
        os.replace(self._names[0], self._target)


def write_corpus(path: str | os.PathLike[str], examples: Iterable[Example], vocabulary: int) -> int:
    """Write all examples to `path` atomically and return how many ids they have.

    Errors:
        ValueError: an id is outside the vocabulary
        OSError: the folder cannot be written
    """
    with CorpusWriter(path, vocabulary) as writer:
        for example in examples:
            writer.add(example)
    return writer.count


class MappedCorpus:
    """Reads windows of a corpus file that stays on the disk.

    A window at `cursor` has the ids cursor .. cursor + L - 1 and their successors as targets.
    Windows cut through examples: this is the stream for plain text, `pack` is for whole examples.

    Errors:
        UserError: the file is missing, of another kind, or cut off

    >>> write_corpus("tiny.corpus", [Example([2, 65, 66, 3], [False, True, True, True])], 256)
    4
    >>> MappedCorpus("tiny.corpus").window(0, 3)
    Packed(ids=tensor([[ 2, 65, 66]]), targets=tensor([[65, 66,  3]]))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        count, self.vocabulary = _header(self.path)
        kind = np.dtype(np.uint8 if self.vocabulary <= 256 else "<u2")
        expected = _HEADER + count * kind.itemsize + (count + 7) // 8
        found = self.path.stat().st_size
        if found != expected:
            raise UserError(
                f"{self.path} has {found} bytes, its header promises {expected}: "
                "it was cut off; write it again"
            )
        if count < 2:
            raise UserError(f"{self.path} holds {count} ids: a corpus needs at least two")
        self._ids = np.memmap(self.path, kind, "r", _HEADER, (count,))
        start = _HEADER + count * kind.itemsize
        self._bits = np.memmap(self.path, np.uint8, "r", start, ((count + 7) // 8,))

    def __len__(self) -> int:
        return len(self._ids)

    def window(self, cursor: int, length: int) -> Packed:
        """Return the one row [1, length] that starts at `cursor`.

        Errors:
            ValueError: the window leaves the file
        """
        if not 0 <= cursor <= len(self) - length - 1 or length < 1:
            raise ValueError(
                f"MappedCorpus.window: {length} ids and their successors from {cursor} "
                f"leave the corpus of {len(self)} ids"
            )
        ids = torch.from_numpy(self._ids[cursor : cursor + length + 1].astype(np.int64))
        first, last = (cursor + 1) // 8, (cursor + length) // 8 + 1
        bits = np.unpackbits(self._bits[first:last])[cursor + 1 - first * 8 :][:length]
        learned = torch.from_numpy(bits.astype(np.bool_))
        return Packed(ids[None, :-1], torch.where(learned, ids[1:], IGNORED)[None])

    def stream(self, length: int, rows: int, cursor: int = 0) -> Iterator[tuple[Packed, int]]:
        """Yield batches in the order of the file, each with the cursor to go on from.

        What does not fill a batch at the end of the file is left out.

        Shapes (B rows, L length):
            ids, targets: [B, L]

        Errors:
            ValueError: the cursor is below zero, `length` or `rows` below one
        """
        if cursor < 0 or length < 1 or rows < 1:
            raise ValueError(
                "MappedCorpus.stream: cursor must be >= 0, length and rows >= 1, "
                f"got {cursor}, {length}, {rows}"
            )
        size = rows * length
        for at in range(cursor, len(self) - size, size):
            yield self._batch(list(range(at, at + size, length)), length), at + size

    def batch(self, seed: int, step: int, length: int, rows: int) -> Packed:
        """Return batch number `step` of a shuffled walk: a pure function of its arguments.

        The file is cut into windows of `length`. Each epoch visits every window once, in an order
        of its own (an affine step through the windows, so that no list is kept), and shifts the
        cuts. An interrupted run goes on with the next step and sees what it would have seen.

        Shapes (B rows, L length):
            ids, targets: [B, L]

        Errors:
            ValueError: the file has no window of this length, or `rows` or `step` is too small
        """
        windows = (len(self) - 1) // length if length > 0 else 0
        if not windows or rows < 1 or step < 0:
            raise ValueError(
                f"MappedCorpus.batch: length must be in 1..{len(self) - 1}, rows >= 1, step >= 0, "
                f"got {length}, {rows}, {step}"
            )
        numbers = range(step * rows, (step + 1) * rows)
        return self._batch([_place(seed, n, windows, length, len(self)) for n in numbers], length)

    def _batch(self, cursors: list[int], length: int) -> Packed:
        parts = [self.window(cursor, length) for cursor in cursors]
        return Packed(torch.cat([p.ids for p in parts]), torch.cat([p.targets for p in parts]))


def _place(seed: int, number: int, windows: int, length: int, size: int) -> int:
    """The cursor of window `number` of the shuffled walk."""
    epoch, at = divmod(number, windows)
    rng = Random(f"corpus {seed} {epoch} {windows}")
    shift = rng.randrange(size - windows * length)
    stride, start = rng.randrange(1, windows + 1), rng.randrange(windows)
    while gcd(stride, windows) > 1:
        stride = stride % windows + 1
    return (start + at * stride) % windows * length + shift


def _header(path: Path) -> tuple[int, int]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(_HEADER))
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): write the corpus first"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a {KIND} file of marslab: its header is broken") from error
    home.check(KIND, found, path)
    count, vocabulary = found.get("ids"), found.get("vocabulary")
    if type(count) is not int or type(vocabulary) is not int or not 1 <= vocabulary <= 1 << 16:
        raise UserError(f"{path} is not a {KIND} file of marslab: its header is broken")
    return count, vocabulary
