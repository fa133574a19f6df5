"""One door to the memory: remember a text, recall what is like a question."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.memory.embedding import Embedder
from marslab.memory.leann import Leann
from marslab.memory.living import LivingTitans
from marslab.memory.memo import Hit, Memo
from marslab.memory.projection import Projection
from marslab.memory.records import checked_text
from marslab.memory.store import Store
from marslab.memory.titans import Titans
from marslab.tracing import emit

# A row that takes another's place gets the highest id: the order of ids is the order of writing.
KEEP = "INSERT OR REPLACE INTO memo (question, answer, vector) VALUES (?, ?, ?)"
DROP = "DELETE FROM memo WHERE id <= (SELECT id FROM memo ORDER BY id DESC LIMIT 1 OFFSET ?)"


class Recalled(NamedTuple):
    """A text that came back: an answer given before ("memo", no id) or a record ("store").

    Units:
        score: cosine with the question
    """

    text: str
    score: float
    id: int | None
    source: Literal["memo", "store"]


class MemoryHub:
    """Memo, LEANN and Titans behind remember and recall.

    Before thinking a question passes Memo -> LEANN -> Titans, and `memory_vector` is what they
    know of it; after thinking the answer goes to Memo (`keep_answer`) and what should last to the
    store (`remember`). Cached answers are kept in the store's file too; which one was asked for
    last is known to this process only.

    Emits "memo", "leann", and with a Titans "titans_learn" and "titans_read".

    Shapes (M memory width: that of the Titans, else `memory_dim`, else that of the store):
        memory_vector: [M]

    Errors:
        UserError: the store cannot be opened, or a text cannot be kept

    Source:
        design section 4.1; `path` None keeps all in memory.

    >>> with MemoryHub() as hub:
    ...     hub.remember("The lighthouse is 31 metres high.")
    ...     found = hub.recall("how high is the lighthouse?", k=1)
    1
    >>> found[0].text, found[0].source
    ('The lighthouse is 31 metres high.', 'store')
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        embedder: Embedder | None = None,
        titans: Titans | None = None,
        *,
        memory_dim: int | None = None,
        exact_below: int = 20_000,
        memo_size: int = 256,
    ) -> None:
        self.store = Store(path, embedder)
        self.leann = Leann(self.store, exact_below=exact_below)
        width = titans.memory_dim if titans is not None else memory_dim or self.store.dim
        self.projection = Projection(self.store.dim, width)
        beside = None if path is None else Path(f"{os.fspath(path)}.titans")
        self.titans = None if titans is None else LivingTitans(titans, self.projection, beside)
        self._lock = RLock()
        self._memo: Memo | None = None
        self._memo_size = memo_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def memo(self) -> Memo:
        """The answers given before; read from the store when first asked for."""
        if self._memo is None:
            self._memo = Memo(self._memo_size, self.store.dim)
            query = "SELECT question, answer, vector FROM memo ORDER BY id"
            for question, answer, vector in self.store.database.rows(query):
                self._memo.put(np.frombuffer(vector, dtype="<f4"), question, answer)
        return self._memo

    def remember(self, text: str, meta: Mapping[str, Any] | None = None) -> int:
        """Keep a text for good and return its id; Titans learns it if it is surprising."""
        with self._lock:
            id = self.store.remember(text, meta)
            if self.titans is not None:
                self.titans.follow(self.store)
            return id

    def forget(self, id: int) -> bool:
        """Delete a record; what Titans learned from it fades only as new things are learned."""
        return self.store.forget(id)

    def recall(self, query: str, k: int = 5) -> list[Recalled]:
        """Return up to `k` texts, an answer given before first, then records, best first."""
        with self._lock:
            vector = self._embedded(query)
            hit = self._lookup(vector, query)
            found = self._records(vector, k)
        if hit is None:
            return found
        return [Recalled(hit.answer, hit.score, None, "memo"), *found][:k]

    def answered(self, query: str) -> Hit | None:
        """Return the answer to (nearly) this question if it was given before."""
        with self._lock:
            return self._lookup(self._embedded(query), query)

    def keep_answer(self, query: str, answer: str) -> None:
        """Keep an answer for the next time, in this process and in the store's file."""
        checked_text(answer, "the answer")
        with self._lock:
            vector = self._embedded(query)
            self.memo.put(vector, query, answer)
            with self.store.database.transaction() as run:
                run(KEEP, (query, answer, vector.tobytes()))
                run(DROP, (self.memo.size,))

    def search(self, memory: Tensor, k: int = 5) -> list[Recalled]:
        """Return the records that are like a memory vector [M] (with a phase added, say)."""
        with self._lock:
            vector = self.projection.up(memory.detach().float().cpu())
            return self._records(vector.numpy(), k)

    @torch.no_grad()
    def memory_vector(self, query: str, k: int = 5) -> Tensor | None:
        """Return what is known of a question as a unit vector, or None if nothing is.

        The sum of: the answer given before, times its cosine; the `k` nearest records, each times
        its cosine; what Titans reads for the question, times 1 - its surprise. What is negative
        counts nothing.
        """
        with self._lock:
            asked = self._embedded(query)
            total = torch.zeros(self.store.dim)
            hit = self._lookup(asked, query)
            if hit is not None:
                total += hit.score * torch.from_numpy(self._embedded(hit.answer))
            found = {id: score for id, score in self.leann.search(asked, k) if score > 0}
            for id, row in zip(*self.store.vectors_of(list(found)), strict=True):
                total += found[int(id)] * torch.tensor(row)
            known = bool(total.any())
            vector = self.projection.down(total) * total.norm() if known else None
            return self._with_titans(vector, torch.from_numpy(asked))

    def close(self) -> None:
        """Write what is kept beside the store, and give its file back."""
        with self._lock:
            self.leann.close()
            if self.titans is not None:
                self.titans.save()
            self.store.close()

    def _with_titans(self, vector: Tensor | None, asked: Tensor) -> Tensor | None:
        if self.titans is not None:
            self.titans.follow(self.store)
            cue, living = self.projection.down(asked), self.titans
            surprise = living.titans.surprise(cue, living.state)
            emit("titans_read", surprise=surprise)
            weight = (1 - surprise).clamp(min=0)
            if living.state.writes and weight > 0:
                read = weight * living.titans.read(cue, living.state)
                vector = read if vector is None else vector + read
        return None if vector is None else F.normalize(vector, dim=-1)

    def _embedded(self, query: str) -> np.ndarray:
        return self.store.embedded([checked_text(query, "the question")])[0]

    def _lookup(self, vector: np.ndarray, query: str) -> Hit | None:
        hit = self.memo.get(vector, query)
        emit("memo", hit=hit is not None, score=0.0 if hit is None else hit.score)
        return hit

    def _records(self, vector: np.ndarray, k: int) -> list[Recalled]:
        found = self.leann.search(vector, k)
        texts = self.store.get([id for id, _ in found])
        return [Recalled(texts[id].text, s, id, "store") for id, s in found if id in texts]
