"""Search by a graph of neighbours (HNSW), kept in a file beside the store and never trusted."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from marslab import files, home
from marslab.memory.exact_index import Found, best
from marslab.memory.store import Store, Version

if TYPE_CHECKING:
    from usearch.index import Index

KIND = "memory-hnsw"
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 128
# The graph is written again when so large a part of it is new.
WORTH_SAVING = 0.05


class HnswIndex:
    """usearch's HNSW graph over the vectors of a store; SQLite stays the truth.

    The file beside the store says of which store and vectors it is, and carries a hash. Missing,
    damaged, or of other vectors: the graph is built from SQLite. Behind: what is missing is added,
    what was forgotten is removed. The graph sees the vectors in
    8 bits and proposes; the store's own, exact ones are compared.

    Source:
        Malkov and Yashunin 2016, arXiv:1603.09320; design section 4.1, LEANN.
    """

    def __init__(self, dim: int, path: Path | None) -> None:
        self.path, self._dim = path, dim
        self._generation = ""
        self._removed = self._last = self._unsaved = 0
        self._graph: Index | None = None

    def __len__(self) -> int:
        return 0 if self._graph is None else len(self._graph)

    def follow(self, store: Store, version: Version) -> None:
        """Take over what changed since the last call, or since the file was written."""
        if self._graph is None or version.generation != self._generation:
            self._dim, self._generation = store.dim, version.generation
            self._load(version)
        graph = self._graph
        assert graph is not None
        for ids, rows in store.vectors(after=self._last):
            graph.add(ids.astype(np.uint64), rows)
            self._last = int(ids[-1])
            self._unsaved += len(ids)
        if version.removed != self._removed or len(graph) > version.size:
            gone = np.setdiff1d(np.asarray(graph.keys).astype(np.int64), store.ids())
            if len(gone):
                graph.remove(gone.astype(np.uint64))
                self._unsaved += len(gone)
            self._removed = version.removed
        if self._unsaved > WORTH_SAVING * len(graph):
            self.save()

    def search(self, store: Store, vector: np.ndarray, k: int) -> list[Found]:
        """Return about the `k` most similar records, best first, with their exact cosines."""
        if self._graph is None or not len(self._graph):
            return []
        proposed = self._graph.search(vector, min(2 * k + 8, len(self._graph)))
        ids, rows = store.vectors_of(np.asarray(proposed.keys).astype(np.int64).tolist())
        return best(ids, rows @ vector, k)

    def save(self) -> None:
        """Write the graph beside the store; the file is the old one or the whole new one."""
        if self.path is None or self._graph is None or not self._unsaved:
            return
        graph = bytes(self._graph.save() or b"")
        about: dict[str, Any] = home.stamp(KIND) | {
            "generation": self._generation,
            "removed": self._removed,
            "last": self._last,
            "dim": self._dim,
            "sha256": hashlib.sha256(graph).hexdigest(),
        }
        files.write_bytes(self.path, json.dumps(about).encode() + b"\n" + graph)
        self._unsaved = 0

    def _load(self, version: Version) -> None:
        """Start from the file beside the store if it is whole and of these vectors, else empty."""
        self._graph = self._empty()
        self._removed = self._last = self._unsaved = 0
        if self.path is None or not self.path.is_file():
            return
        line, _, graph = self.path.read_bytes().partition(b"\n")
        try:
            about = json.loads(line)
            home.check(KIND, about, self.path)
            fits = (about["generation"], about["dim"]) == (version.generation, self._dim)
            whole = hashlib.sha256(graph).hexdigest() == about["sha256"]
            last, removed = int(about["last"]), int(about["removed"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if fits and whole and last <= version.last_id:
            self._graph.load(graph)
            self._last, self._removed = last, removed

    def _empty(self) -> "Index":
        from usearch.index import Index

        return Index(
            ndim=self._dim,
            metric="cos",
            dtype="i8",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
