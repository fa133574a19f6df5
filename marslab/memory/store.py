"""Records that outlive the process: SQLite, one transaction for each thing remembered."""

import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from marslab.errors import UserError
from marslab.memory.database import Database, Run
from marslab.memory.embedding import Embedder, HashedNgramEmbedder, embedder_named
from marslab.memory.records import Record, checked_text, packed_meta

BATCH = 2048
LARGEST_ID = 2**63 - 1
NEW = "INSERT INTO records (text, created, meta) VALUES (?, ?, ?)"


class Version(NamedTuple):
    """What an index compares with what it holds.

    generation changes when all vectors do, removed counts deletions, last_id grows with each
    record, size is how many there are.
    """

    generation: str
    removed: int
    last_id: int
    size: int


class Store:
    """Texts with their vectors in one SQLite file; None keeps them in memory.

    A store is bound to the embedder that wrote it: another one is refused, since its vectors mean
    something else. Without `embedder` the store's own is used (a new store: the hashed one).
    Several processes may use one store at a time. For what a kill may lose, see Database.

    Errors:
        UserError: the file is none, or was written with another embedder

    Source:
        design section 4.1, LEANN; the SQLite file is ours.

    >>> store = Store()
    >>> store.remember("the sky is blue", {"from": "window"})
    1
    >>> store.get([1])[1].text
    'the sky is blue'
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, embedder: Embedder | None = None
    ) -> None:
        self.path = None if path is None else Path(path)
        fresh = embedder or HashedNgramEmbedder()
        self._database = Database(self.path, fresh.name, fresh.dim)
        about = self._database.about()
        self.embedder_name, self.dim = str(about["embedder"]), int(about["dim"])
        self._embedder = embedder
        if embedder is not None and embedder.name != self.embedder_name:
            self.close()
            raise UserError(self._mixed(embedder.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self.version().size

    @property
    def embedder(self) -> Embedder:
        """The embedder that this store is bound to; loaded when it is first needed."""
        if self._embedder is None:
            self._embedder = embedder_named(self.embedder_name)
        return self._embedder

    @property
    def database(self) -> Database:
        """The file below, for what is kept beside the records."""
        return self._database

    def version(self) -> Version:
        """Which records and vectors there are now, other processes' included.

        Errors:
            UserError: another process has bound the store to another embedder
        """
        query = "SELECT key, value FROM about UNION ALL SELECT 'last', max(id) FROM records"
        about = dict(self._database.rows(query))
        self._refuse_mixing(about["embedder"])
        return Version(about["generation"], about["removed"], about["last"] or 0, about["count"])

    def remember(self, text: str, meta: Mapping[str, Any] | None = None) -> int:
        """Keep one text and return its id; when this returns, a kill cannot lose it.

        Errors:
            UserError: the text or meta cannot be kept (see checked_text and packed_meta)
        """
        return self.add([Record(0, text, time.time(), dict(meta or {}))])[0]

    def add(self, records: Iterable[Record]) -> list[int]:
        """Keep many records in one transaction, all or none; their ids are given anew."""
        rows = [(checked_text(r.text), r.created, packed_meta(r.meta)) for r in records]
        blobs = [row.tobytes() for row in self.embedded([text for text, _, _ in rows])]
        ids = []
        with self._database.transaction() as run:
            (bound,) = run("SELECT value FROM about WHERE key = 'embedder'").fetchone()
            self._refuse_mixing(bound)
            for row, blob in zip(rows, blobs, strict=True):
                ids.append(run(NEW, row).lastrowid)
                run("INSERT INTO vectors VALUES (?, ?)", (ids[-1], blob))
        return ids

    def embedded(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts as this store writes them: [N, dim] float32, length 1."""
        rows = np.ascontiguousarray(self.embedder(texts), dtype=np.float32)
        if rows.shape != (len(texts), self.dim) or not np.isfinite(rows).all():
            raise ValueError(
                f"the embedder {self.embedder_name} must give finite vectors of shape "
                f"{(len(texts), self.dim)}, got {rows.shape}"
            )
        return rows

    def get(self, ids: Sequence[int]) -> dict[int, Record]:
        """Return the records of these ids that exist, by id."""
        query = "SELECT id, text, created, meta FROM records WHERE id = ?"
        found = [row for id in ids for row in self._database.rows(query, (_id(id),))]
        return {row[0]: _record(row) for row in found}

    def holds(self, record: Record) -> bool:
        """Whether a record with this text, time and meta is there, whatever its id."""
        query = "SELECT 1 FROM records WHERE created = ? AND text = ? AND meta = ? LIMIT 1"
        return bool(
            self._database.rows(query, (record.created, record.text, packed_meta(record.meta)))
        )

    def records(self) -> Iterator[Record]:
        """Every record, in the order of the ids, read in portions."""
        last = 0
        query = "SELECT id, text, created, meta FROM records WHERE id > ? ORDER BY id LIMIT ?"
        while rows := self._database.rows(query, (last, BATCH)):
            yield from map(_record, rows)
            last = rows[-1][0]

    def vectors(self, after: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ids [N] and vectors [N, dim] of the records after an id, in portions."""
        query = "SELECT id, vector FROM vectors WHERE id > ? ORDER BY id LIMIT ?"
        while rows := self._database.rows(query, (after, BATCH)):
            ids = np.array([id for id, _ in rows], dtype=np.int64)
            yield ids, self._unpacked([blob for _, blob in rows])
            after = rows[-1][0]

    def vectors_of(self, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Ids [N] and vectors [N, dim] of those of `ids` that exist."""
        query = "SELECT id, vector FROM vectors WHERE id = ?"
        rows = [row for id in ids for row in self._database.rows(query, (_id(id),))]
        found = np.array([id for id, _ in rows], dtype=np.int64)
        return found, self._unpacked([blob for _, blob in rows])

    def ids(self) -> np.ndarray:
        """The ids of all records, rising."""
        found = self._database.rows("SELECT id FROM records ORDER BY id")
        return np.array([id for (id,) in found], dtype=np.int64)

    def forget(self, id: int) -> bool:
        """Delete one record; False if there is none of that id."""
        with self._database.transaction() as run:
            return run("DELETE FROM records WHERE id = ?", (_id(id),)).rowcount == 1

    def reindex(self, embedder: Embedder) -> None:
        """Compute every vector anew with `embedder`, and bind the store to it; all or nothing."""
        bound = {"embedder": embedder.name, "dim": embedder.dim}
        bound["generation"] = secrets.token_hex(8)
        before = self.embedder_name, self.dim, self._embedder
        self.embedder_name, self.dim, self._embedder = embedder.name, embedder.dim, embedder
        try:
            with self._database.transaction() as run:
                for table, source in (("vectors", "records"), ("memo", "memo")):
                    self._embed_again(run, table, source)
                for pair in bound.items():
                    run("UPDATE about SET value = ?2 WHERE key = ?1", pair)
        except BaseException:
            self.embedder_name, self.dim, self._embedder = before
            raise

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _embed_again(self, run: Run, table: str, source: str) -> None:
        text, last = {"records": "text", "memo": "question"}[source], 0
        query = f"SELECT id, {text} FROM {source} WHERE id > ? ORDER BY id LIMIT ?"
        while rows := run(query, (last, BATCH)).fetchall():
            for (id, _), row in zip(rows, self.embedded([text for _, text in rows]), strict=True):
                run(f"UPDATE {table} SET vector = ? WHERE id = ?", (row.tobytes(), id))
            last = rows[-1][0]

    def _refuse_mixing(self, bound: str) -> None:
        """Another process may have bound the store to another embedder since it was opened."""
        if bound != self.embedder_name:
            raise UserError(
                f"{self._database.where} was bound to the embedder {bound!r} meanwhile, this "
                f"process writes {self.embedder_name!r}: open the store again"
            )

    def _mixed(self, other: str) -> str:
        return (
            f"{self._database.where} was written with the embedder {self.embedder_name!r}, not "
            f"{other!r}: open it with the first, or convert it: marslab memory reindex "
            f"--embedder {other}"
        )

    def _unpacked(self, blobs: list[bytes]) -> np.ndarray:
        if any(len(blob) != 4 * self.dim for blob in blobs):
            raise UserError(
                f"{self._database.where} holds vectors that are not {self.dim} wide: it was "
                "converted meanwhile or is damaged; open it again, or: marslab memory reindex"
            )
        return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(blobs), self.dim)


def _record(row: tuple) -> Record:
    id, text, created, meta = row
    return Record(id, text, created, json.loads(meta))


def _id(id: int) -> int:
    """SQLite's ids end at 2^63 - 1; a larger one names no record."""
    return int(id) if 0 < id <= LARGEST_ID else 0
