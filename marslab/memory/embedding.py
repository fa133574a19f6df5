"""Text to vectors without a download: hashed character n-grams, the same in every process."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from marslab.errors import UserError, unknown

TOKEN = re.compile(r"\w+|[^\w\s]")
SPACE = ord(" ")
LONGEST = 4
# One call embeds at most so many characters at once: it bounds the memory of the windows.
CHUNK = 1 << 18
# FNV-1a's factor, then the last mixing step of MurmurHash3: both defined on 64 bits, for ever.
FNV, MIX_1, MIX_2 = (np.uint64(n) for n in (0x100000001B3, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53))


class Embedder(Protocol):
    """What a store needs of an embedder: a name that changes with its vectors, and the vectors."""

    @property
    def name(self) -> str:
        """Says which embedder and which version; a store is bound to it."""
        ...

    @property
    def dim(self) -> int:
        """Width of a vector."""
        ...

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return [N, dim] float32 rows of length 1."""
        ...


class HashedNgramEmbedder:
    """Counts of character n-grams (1 to 4, within words, borders included), hashed to `dim` places.

    An n-gram seen c times adds sign * n * (1 + ln c) to its place; rows are scaled to length 1.
    Upper and lower case are one, and so are the forms that Unicode (NFKC) calls compatible. It
    compares spelling, not meaning: "car" and "automobile" are strangers to it.

    Shapes (N texts):
        texts: N strings
        returns: [N, dim] float32

    Errors:
        ValueError: dim is not positive, or a text has nothing but white space

    Source:
        Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning" (the sign);
        Joulin et al. 2017, section 2.2 (n-grams with word borders).

    >>> embed = HashedNgramEmbedder()
    >>> a, b, c = embed(["light on", "Lights on!", "x^2 = 4"])
    >>> bool(a @ b > 0.6 > 0.3 > a @ c)
    True
    """

    def __init__(self, dim: int = 384) -> None:
        if dim < 1:
            raise ValueError(f"dim must be positive, got {dim}")
        self.dim = dim
        self.name = f"hashed-ngram-{dim}-v1"

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        words = [" ".join(TOKEN.findall(_folded(text))) for text in texts]
        if not all(words):
            raise ValueError(f"text {words.index('')} of {len(texts)} is empty: nothing to embed")
        start = size = 0
        for at, text in enumerate(words):
            if size and size + len(text) > CHUNK:
                rows[start:at] = self._embedded(words[start:at])
                start, size = at, 0
            size += len(text)
        if words:
            rows[start:] = self._embedded(words[start:])
        return rows

    def _embedded(self, words: Sequence[str]) -> np.ndarray:
        """Embed texts whose tokens stand between single spaces."""
        spaced = [f" {text} " for text in words]
        joined = "".join(spaced).encode("utf-32-le", "surrogatepass")
        codes = np.frombuffer(joined, dtype=np.uint32).astype(np.uint64)
        lengths = [len(text) for text in spaced]
        owner = np.repeat(np.arange(len(words), dtype=np.uint64), lengths)
        sums = np.zeros(len(words) * self.dim)
        for n in range(1, LONGEST + 1):
            hashes, starts = _windows(codes, n)
            pairs = (owner[starts] << np.uint64(32)) | (hashes >> np.uint64(32))
            pairs, counts = np.unique(pairs, return_counts=True)
            rows, seen = pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF)
            places = (rows * np.uint64(self.dim) + seen % np.uint64(self.dim)).astype(np.int64)
            signs = 1.0 - 2.0 * (seen >> np.uint64(31)).astype(np.float64)
            weights = signs * n * (1 + np.log(counts))
            sums += np.bincount(places, weights, minlength=len(sums))
        return unit(sums.reshape(len(words), self.dim))


def unit(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1, as float32; a row of zeros becomes the first axis.

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6..., 0.8...], [1.0, 0.0]]
    """
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    first = np.zeros_like(rows)
    first[..., 0] = 1
    return np.where(lengths > 0, rows / np.where(lengths > 0, lengths, 1), first).astype(np.float32)


def embedder_named(name: str) -> Embedder:
    """Return the embedder that calls itself `name`, or the one that a short name stands for.

    Errors:
        UserError: there is none of that name
        MissingExtra: it needs a package that is not installed

    >>> embedder_named("hashed").name
    'hashed-ngram-384-v1'
    """
    from marslab.memory.sentence_embedder import SENTENCE, SentenceEmbedder

    hashed = re.fullmatch(r"hashed-ngram-([1-9]\d{0,4})-v1", name)
    if name == "hashed" or hashed:
        return HashedNgramEmbedder(int(hashed[1]) if hashed else 384)
    if name in ("sentence", SENTENCE):
        return SentenceEmbedder()
    raise UserError(unknown("embedder", name, ["hashed", "sentence"]))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _windows(codes: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and starts of the n-grams in which a space stands at a border only, and not alone."""
    count = max(len(codes) - n + 1, 0)
    hashes = np.full(count, n, dtype=np.uint64)
    allowed = np.ones(count, dtype=bool)
    for offset in range(n):
        part = codes[offset : offset + count]
        hashes = (hashes ^ part) * FNV
        if 0 < offset < n - 1 or n == 1:
            allowed &= part != SPACE
    if n == 2:
        allowed &= (codes[:count] != SPACE) | (codes[1 : 1 + count] != SPACE)
    hashes = hashes[allowed]
    for factor in (MIX_1, MIX_2):
        hashes = (hashes ^ (hashes >> np.uint64(33))) * factor
    return hashes ^ (hashes >> np.uint64(33)), np.flatnonzero(allowed)
