"""The store: what it keeps, what it refuses, several processes, export and import."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marslab.errors import UserError
from marslab.memory.embedding import HashedNgramEmbedder
from marslab.memory.store import Store
from marslab.memory.transfer import export_records, import_records

WRITER = """
import sys
from marslab.memory.store import Store
with Store(sys.argv[1]) as store:
    for number in range(25):
        store.remember(f"{sys.argv[2]} {number}")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sub" / "store.sqlite"


def test_records_come_back(path: Path) -> None:
    with Store(path) as store:
        first = store.remember("Небо синее.", {"tags": ["sky", 1, None]})
        second = store.remember("x = 1")
    with Store(path) as store:
        found = store.get([second, first, 99, -1, 2**70])
        assert [found[id].text for id in (first, second)] == ["Небо синее.", "x = 1"]
        assert found[first].meta == {"tags": ["sky", 1, None]} and len(found) == 2
        ids, rows = store.vectors_of([first])
        assert ids.tolist() == [first]
        assert np.array_equal(rows, HashedNgramEmbedder()(["Небо синее."]))


def test_ids_are_never_used_again(path: Path) -> None:
    with Store(path) as store:
        assert [store.remember(t) for t in "ab"] == [1, 2]
        assert store.forget(2) and not store.forget(2) and not store.forget(2**80)
        assert store.remember("c") == 3
        assert len(store) == 2 and store.ids().tolist() == [1, 3]
        assert [ids.tolist() for ids, _ in store.vectors()] == [[1, 3]]


@pytest.mark.parametrize(
    ("text", "meta", "sentence"),
    [
        ("  ", None, "is empty"),
        ("x" * 65_537, None, "65537 characters, at most 65536"),
        ("a\ud800", None, "half a pair, at 1"),
        (7, None, "must be a string, got int"),
        ("a", {"x": float("nan")}, "JSON values only"),
        ("a", {"x": {1, 2}}, "JSON values only"),
        ("a", {"x": "y" * 20_000}, "at most 16384"),
        ("a", {1: 2}, "must map names"),
        ("a", {"x": "\ud800"}, "JSON values only"),
        ("a", {"x": json.loads("[" * 40 + "]" * 40)}, "deeper than 20"),
    ],
)
def test_what_is_no_record(text: str, meta: dict, sentence: str) -> None:
    with Store() as store, pytest.raises(UserError, match=sentence):
        store.remember(text, meta)
    with Store() as store:
        assert len(store) == 0


def test_another_embedder_is_refused_until_reindexed(path: Path) -> None:
    with Store(path) as store:
        store.remember("the sea")
        before = store.version()
    with pytest.raises(UserError, match="'hashed-ngram-384-v1', not 'hashed-ngram-96-v1'.*reindex"):
        Store(path, HashedNgramEmbedder(96))
    with Store(path) as stale, Store(path) as store:
        store.reindex(HashedNgramEmbedder(96))
        assert store.version().generation != before.generation
        assert np.array_equal(store.vectors_of([1])[1], HashedNgramEmbedder(96)(["the sea"]))
        for touch in (stale.version, lambda: stale.remember("mixed")):
            with pytest.raises(UserError, match="meanwhile.*open the store again"):
                touch()
    with Store(path) as store:
        assert store.embedder_name == "hashed-ngram-96-v1" and len(store) == 1


def test_a_reindex_that_fails_changes_nothing(path: Path) -> None:
    class Broken:
        name, dim = "broken", 8

        def __call__(self, texts: object) -> np.ndarray:
            return np.full((1, 8), np.nan, dtype=np.float32)

    with Store(path) as store:
        store.remember("the sea")
        before = store.version()
        with pytest.raises(ValueError, match="must give finite vectors"):
            store.reindex(Broken())
        assert store.version() == before and store.dim == 384
        assert store.remember("the moon") == 2


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, I am a text file" * 100, encoding="utf-8")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with Store(tmp_path / "new") as store, store.database.transaction() as run:
        run("UPDATE about SET value = 9 WHERE key = 'schema'")
    for name, sentence in {
        "text": "is not a memory store",
        "other": "is not a memory-store file",
        "new": "has format 9",
        ".": "cannot be used",
        "text/x": "cannot be made",
    }.items():
        with pytest.raises(UserError, match=sentence):
            Store(tmp_path / name)


def test_a_damaged_store_is_said_to_be(path: Path) -> None:
    with Store(path) as store:
        for number in range(200):
            store.remember(f"text {number} " * 20)
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(UserError, match="damaged|is not a memory"):
        list(Store(path).records())


def test_processes_share_a_store(path: Path) -> None:
    names = ["a", "b", "c"]
    command = [sys.executable, "-c", WRITER, str(path)]
    running = [subprocess.Popen([*command, name]) for name in names]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    with Store(path) as store:
        texts = sorted(record.text for record in store.records())
        assert texts == sorted(f"{name} {number}" for name in names for number in range(25))


def test_export_and_import(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    with Store(path) as store:
        for text in ("one\nline", "две", "три\u2028\u0000"):
            store.remember(text, {"n": text})
        assert export_records(store, file) == 3
        assert import_records(store, file) == (0, 3)
    with Store(tmp_path / "copy", HashedNgramEmbedder(96)) as copy:
        assert import_records(copy, file) == (3, 0)
        assert import_records(copy, file) == (0, 3)
        with Store(path) as store:
            assert [r[1:] for r in copy.records()] == [r[1:] for r in store.records()]


HEAD = '{"kind": "memory-export", "schema": 1}\n'
GOOD = '{"text": "a", "created": 0, "meta": {}}\n'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "line 1 of .* is not a line of JSON"),
        ('{"kind": "trace", "schema": 1}\n', "is not a memory-export file"),
        (HEAD + GOOD + "{", "line 3 of"),
        (HEAD + GOOD + "[" * 100_000 + "\n", "line 3 of"),
        (HEAD + '{"text": "a"}\n', "must be an object with text, created and meta"),
        (HEAD + GOOD.replace("0", "NaN"), "created must be seconds"),
        (HEAD + GOOD.replace("0", "true"), "created must be seconds"),
        (HEAD + GOOD.replace("{}", "[]"), "meta must be an object"),
        (HEAD + GOOD.replace("{}", '{"x": NaN}'), "line 2 .*JSON values only"),
        (HEAD + GOOD.replace('"a"', '" "'), "the text of line 2 .* is empty"),
        (HEAD + GOOD.replace('"a"', '"\\ud800"'), "half a pair"),
    ],
)
def test_a_wrong_file_adds_nothing(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(content, encoding="utf-8")
    with Store() as store:
        with pytest.raises(UserError, match=sentence):
            import_records(store, file)
        assert len(store) == 0


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_end_in_a_sentence(tmp_path: Path, data: bytes, headed: bool) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(HEAD.encode() * headed + data)
    with Store() as store:
        try:
            import_records(store, file)
        except UserError:
            assert len(store) == 0
