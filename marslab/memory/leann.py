"""Find records by likeness: exactly while they are few, by a neighbour graph when they are many."""

from pathlib import Path

import numpy as np

from marslab.memory.exact_index import ExactIndex, Found
from marslab.memory.hnsw_index import HnswIndex
from marslab.memory.store import Store
from marslab.tracing import emit

MOST = 1000


class Leann:
    """Cosine top-k over a store, in step with it, whoever writes to it.

    Up to `exact_below` records a search is one matrix product over all of them; above, an HNSW
    graph in a file beside the store proposes and the stored vectors decide. The name is the
    design's ("lightweight efficient ANN"); Berkeley's LEANN is another program (erratum T60).

    Emits "leann" with the path taken, how many were found, and the best score.

    Shapes (M dim):
        vector: [M] floating point, of any length but 0

    Errors:
        ValueError: a vector is not M wide, not finite or zero, or k is not in 1..1000

    Source:
        design section 4.1, LEANN.

    >>> store = Store()
    >>> ids = [store.remember(text) for text in ("the sea is deep", "a triangle has 3 sides")]
    >>> [id for id, _ in Leann(store).search(store.embedded(["how deep is the sea?"])[0], k=1)]
    [1]
    """

    def __init__(self, store: Store, *, exact_below: int = 20_000) -> None:
        if exact_below < 0:
            raise ValueError(f"exact_below must be at least 0 records, got {exact_below}")
        self.store, self.exact_below = store, exact_below
        beside = None if store.path is None else Path(f"{store.path}.hnsw")
        self._exact = ExactIndex(store.dim)
        self._hnsw = HnswIndex(store.dim, beside)

    def search(self, vector: np.ndarray, k: int = 5, *, exact: bool | None = None) -> list[Found]:
        """Return the `k` most similar records, best first; `exact` forces a path."""
        vector = self._checked(vector)
        if not 1 <= k <= MOST:
            raise ValueError(f"k must be in 1..{MOST}, got {k}")
        version = self.store.version()
        if exact is None:
            exact = version.size <= self.exact_below
        if exact:
            self._exact.follow(self.store, version)
            found = self._exact.search(vector, k)
        else:
            self._hnsw.follow(self.store, version)
            found = self._hnsw.search(self.store, vector, k)
        best = found[0].score if found else 0.0
        emit("leann", path="exact" if exact else "hnsw", found=len(found), best=best)
        return found

    def close(self) -> None:
        """Write the graph beside the store if it has changed."""
        self._hnsw.save()

    def _checked(self, vector: np.ndarray) -> np.ndarray:
        vector = np.asarray(vector, dtype=np.float32)
        if vector.shape != (self.store.dim,):
            raise ValueError(f"a vector must be [{self.store.dim}], got {list(vector.shape)}")
        length = np.linalg.norm(vector)
        if not (np.isfinite(length) and length > 0):
            raise ValueError("a vector must be finite and not zero")
        return vector / length
