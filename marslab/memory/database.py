"""The SQLite file below a memory store: opened, made, locked, its errors said in a sentence."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from marslab import home
from marslab.errors import UserError

KIND = "memory-store"
# How long one process waits for another one's write.
PATIENCE_S = 30.0
TABLES = "SELECT 1 FROM sqlite_master LIMIT 1"
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL,
    created REAL NOT NULL, meta TEXT NOT NULL);
CREATE INDEX records_created ON records (created);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE memo (id INTEGER PRIMARY KEY, question TEXT NOT NULL UNIQUE, answer TEXT NOT NULL,
    vector BLOB NOT NULL);
CREATE TRIGGER record_added AFTER INSERT ON records BEGIN
    UPDATE about SET value = value + 1 WHERE key = 'count'; END;
CREATE TRIGGER record_removed AFTER DELETE ON records BEGIN
    DELETE FROM vectors WHERE id = OLD.id;
    UPDATE about SET value = value - 1 WHERE key = 'count';
    UPDATE about SET value = value + 1 WHERE key = 'removed'; END
"""

Run = Callable[..., sqlite3.Cursor]


class Database:
    """One connection to a store's file, shared by the threads of this process one at a time.

    Write-ahead log, flushed at every commit (synchronous = FULL): what was acknowledged survives a
    kill at any moment, and a power cut as far as the disk tells the truth about its flushes. On a
    network file system SQLite's log does not work; keep the store on a local disk.

    Errors:
        UserError: the file cannot be opened, is no memory store, is damaged, or is of another
            format
    """

    def __init__(self, path: Path | None, embedder: str, dim: int) -> None:
        self.where = "the memory store" if path is None else str(path)
        self._lock = RLock()
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserError(
                    f"the folder of {path} cannot be made ({error.strerror}): name another one"
                ) from error
        with self._told():
            self._connection = sqlite3.connect(
                ":memory:" if path is None else os.fspath(path),
                timeout=PATIENCE_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._told():
                self._prepare(embedder, dim)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, embedder: str, dim: int) -> None:
        if not self.rows(TABLES):
            with self.transaction() as run:  # nobody else makes the tables meanwhile
                if not run(TABLES).fetchone():
                    self._make(run, embedder, dim)
        ours = self.rows("SELECT 1 FROM sqlite_master WHERE name = 'about'")
        home.check(KIND, self.about() if ours else None, self.where)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def _make(self, run: Run, embedder: str, dim: int) -> None:
        for statement in _statements(SCHEMA):
            run(statement)
        about = home.stamp(KIND) | {"embedder": embedder, "dim": dim, "count": 0}
        about |= {"removed": 0, "generation": secrets.token_hex(8)}
        for pair in about.items():
            run("INSERT INTO about VALUES (?, ?)", pair)

    def about(self) -> dict[str, str | int]:
        """What the file says of itself: kind, schema, embedder, dim, count, removed, generation."""
        return dict(self.rows("SELECT key, value FROM about"))

    def rows(self, query: str, values: tuple = ()) -> list[tuple]:
        """Read: every row of the answer."""
        with self._told():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """Write: all that runs inside is kept together when it ends, or not at all."""
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Give the file back; closing twice is closing once."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """One thread at a time, and SQLite's complaints as a sentence."""
        try:
            with self._lock:
                yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                told = f"another process has held it for {PATIENCE_S:g} s: try again later"
            else:
                told = f"{error}: check that its disk has room and that you may write there"
            raise UserError(f"{self.where} cannot be used, {told}") from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise  # a fault of ours, not of the file
            raise UserError(
                f"{self.where} is not a memory store of marslab, or it is damaged ({error}): "
                "name another store, or bring a copy back"
            ) from error


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, a trigger with its inner semicolons in one piece."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
