"""Search without a shortcut: the product of every vector with the question."""

from typing import NamedTuple

import numpy as np

from marslab.memory.store import Store, Version


class Found(NamedTuple):
    """Which record, and its cosine with the question."""

    id: int
    score: float


class ExactIndex:
    """All vectors of a store as one float32 matrix, kept in step with it.

    Only what is new is read; after a deletion the ids are compared; after a reindex all is read.

    Shapes (M dim):
        vector: [M] float32, length 1

    >>> store = Store()
    >>> ids = [store.remember(text) for text in ("the sea", "the moon")]
    >>> index = ExactIndex(store.dim)
    >>> index.follow(store, store.version())
    >>> index.search(store.embedded(["the moon"])[0], 1)
    [Found(id=2, score=1.0)]
    """

    def __init__(self, dim: int) -> None:
        self._ids = np.empty(0, dtype=np.int64)
        self._rows = np.empty((0, dim), dtype=np.float32)
        self._count = self._removed = 0
        self._generation = ""

    def __len__(self) -> int:
        return self._count

    def follow(self, store: Store, version: Version) -> None:
        """Take over what changed in the store since the last call."""
        if version.generation != self._generation:
            self.__init__(store.dim)
        for ids, rows in store.vectors(after=self._last()):
            self._append(ids, rows)
        if version.removed != self._removed or self._count > version.size:
            keep = np.isin(self._ids[: self._count], store.ids())
            self._ids, self._rows = self._ids[: self._count][keep], self._rows[: self._count][keep]
            self._count = len(self._ids)
        self._generation, self._removed = version.generation, version.removed

    def search(self, vector: np.ndarray, k: int) -> list[Found]:
        """Return the `k` most similar records, best first; equal scores by id."""
        scores = self._rows[: self._count] @ vector
        k = min(k, self._count)
        near = np.argpartition(-scores, k - 1)[:k] if k else np.empty(0, dtype=np.int64)
        return best(self._ids[near], scores[near], k)

    def _last(self) -> int:
        return int(self._ids[self._count - 1]) if self._count else 0

    def _append(self, ids: np.ndarray, rows: np.ndarray) -> None:
        need = self._count + len(ids)
        if need > len(self._ids):  # double, so that n appends copy O(n) rows in all
            grown = max(need, 2 * len(self._ids))
            held, table = np.empty(grown, np.int64), np.empty((grown, rows.shape[1]), np.float32)
            held[: self._count] = self._ids[: self._count]
            table[: self._count] = self._rows[: self._count]
            self._ids, self._rows = held, table
        self._ids[self._count : need] = ids
        self._rows[self._count : need] = rows
        self._count = need


def best(ids: np.ndarray, scores: np.ndarray, k: int) -> list[Found]:
    """Sort candidates by score, equal ones by id, and keep `k`; cosines end at 1.

    >>> best(np.array([7, 3]), np.array([0.5, 0.5]), 1)
    [Found(id=3, score=0.5)]
    """
    order = np.lexsort((ids, -scores))[:k]
    return [Found(int(ids[at]), min(float(scores[at]), 1.0)) for at in order]
