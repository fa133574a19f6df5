"""Exact search against a loop, the neighbour graph against exact search, and its file."""

from pathlib import Path

import numpy as np
import pytest

from marslab import trace
from marslab.errors import UserError
from marslab.memory.leann import Leann
from marslab.memory.records import Record
from marslab.memory.store import Store

NOUNS = "sea wave river engine window kernel garden harbour bridge letter forest signal".split()
VERBS = "finds holds crosses measures forgets teaches carries repairs divides lights".split()


def sentences(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    nouns = random.integers(12, size=(3, count))
    verbs = random.integers(10, size=count)
    numbers = random.integers(10_000, size=count)
    return [
        f"the {NOUNS[i]} {VERBS[k]} the {NOUNS[j]} beside a {NOUNS[m]}, number {n}"
        for i, j, m, k, n in zip(*nouns, verbs, numbers, strict=True)
    ]


def filled(path: Path | None, count: int) -> Store:
    store = Store(path)
    store.add(Record(0, text, 0.0, {}) for text in sentences(count))
    return store


def naive(store: Store, vector: np.ndarray, k: int) -> list[int]:
    scored = [
        (-float(np.dot(row.astype(float), vector)), int(id))
        for ids, rows in store.vectors()
        for id, row in zip(ids, rows, strict=True)
    ]
    return [id for _, id in sorted(scored)[:k]]


def test_exact_search_is_the_loop_and_keeps_in_step(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with filled(path, 60) as store, Store(path) as other:
        leann, query = Leann(store), store.embedded(["the sea crosses a bridge"])[0]
        for change in (
            lambda: None,
            lambda: other.remember("the sea crosses the bridge"),
            lambda: [other.forget(id) for id in (3, 61, 7)],
            lambda: [other.remember(text) for text in sentences(70, seed=1)],
        ):
            change()
            assert [f.id for f in leann.search(query, 9)] == naive(store, query, 9)
        assert len(leann.search(query, 1000)) == len(store)
        other.reindex(store.embedder)
        assert [f.id for f in leann.search(query * 7, 9)] == naive(store, query, 9)


def recall_at_10(leann: Leann, queries: int) -> float:
    hits = 0
    for row in leann.store.embedded(sentences(queries, seed=2)):
        exact, near = (leann.search(row, 10, exact=exact) for exact in (True, False))
        hits += len({f.id for f in exact} & {f.id for f in near})
        for found in near:  # what is found carries its exact cosine
            (vector,) = leann.store.vectors_of([found.id])[1]
            assert found.score == pytest.approx(float(vector @ row), abs=1e-5)
    return hits / (10 * queries)


def test_the_graph_finds_what_exact_search_finds() -> None:
    with filled(None, 1500) as store:
        assert recall_at_10(Leann(store), 40) >= 0.98


@pytest.mark.slow
def test_the_graph_finds_it_among_twenty_thousand() -> None:
    with filled(None, 20_000) as store:
        assert recall_at_10(Leann(store), 100) >= 0.98


def test_the_path_goes_by_the_size() -> None:
    with filled(None, 30) as store, trace() as seen:
        query = store.embedded(["sea"])[0]
        for limit in (30, 29):
            Leann(store, exact_below=limit).search(query)
    frame = seen.frame("leann")
    assert frame["path"].tolist() == ["exact", "hnsw"] and frame["found"].tolist() == [5, 5]
    assert len(set(frame["best"])) == 1


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: None,
        Path.unlink,
        damaged,
        lambda path: path.write_bytes(path.read_bytes()[:500]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"[]\n"),
        lambda path: path.write_bytes(b'{"kind": "memory-hnsw", "schema": 1}\n'),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"last": 80', b'"last": 99')),
    ],
)
def test_a_missing_or_damaged_graph_is_built_again(tmp_path: Path, harm) -> None:
    path = tmp_path / "s"
    with filled(path, 80) as store:
        query = store.embedded(["the sea lights the forest"])[0]
        first = Leann(store, exact_below=10)
        first.search(query)
        expected = first.search(query, 80, exact=True)
        first.close()
    harm(tmp_path / "s.hnsw")
    with Store(path) as store:
        leann = Leann(store, exact_below=10)
        found = leann.search(query)
        leann.close()
    # A graph is drawn anew and may miss a neighbour; what it finds has its exact cosine.
    assert len(found) == 5 and set(found) <= set(expected)
    assert len(set(found) & set(expected[:5])) >= 3
    assert (tmp_path / "s.hnsw").is_file()


def test_a_graph_that_is_behind_catches_up(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with filled(path, 100) as store:
        Leann(store, exact_below=10).search(store.embedded(["sea"])[0])
        query = store.embedded(["the sea is full of stars"])[0]
        assert store.remember("the sea is full of stars") == 101
        store.forget(5)
        leann = Leann(store, exact_below=10)
        assert leann.search(query, 1)[0].id == 101
        everything = leann.search(query, 1000)
        assert 5 not in {f.id for f in everything}
        store.forget(101)
        assert 101 not in {f.id for f in leann.search(query, 100)}
    with Store(path) as store:
        store.reindex(store.embedder)
        assert Leann(store, exact_below=10).search(query, 1)[0].id != 101


def test_the_graph_of_another_store_is_not_believed(tmp_path: Path) -> None:
    for name, count in (("a", 40), ("b", 60)):
        with filled(tmp_path / name, count) as store:
            Leann(store, exact_below=10).search(store.embedded(["sea"])[0])
    (tmp_path / "a.hnsw").write_bytes((tmp_path / "b.hnsw").read_bytes())
    with Store(tmp_path / "a") as store:
        leann, query = Leann(store, exact_below=10), store.embedded(["river"])[0]
        found, exact = leann.search(query), leann.search(query, 40, exact=True)
        assert len(found) == 5 and set(found) <= set(exact)
        assert len(set(found) & set(exact[:5])) >= 3


def test_what_is_refused() -> None:
    with Store() as store:
        leann, query = Leann(store), store.embedded(["sea"])[0]
        assert leann.search(query) == [] == leann.search(query, exact=False)
        for vector, k, sentence in (
            (query, 0, "k must be in 1..1000"),
            (query[:3], 5, r"must be \[384\]"),
            (query * np.nan, 5, "finite and not zero"),
            (query * 0, 5, "finite and not zero"),
        ):
            with pytest.raises(ValueError, match=sentence):
                leann.search(vector, k)
        with pytest.raises(ValueError, match="exact_below"):
            Leann(store, exact_below=-1)


def test_a_vector_of_the_wrong_width_is_said_to_be(tmp_path: Path) -> None:
    with filled(tmp_path / "s", 3) as store:
        with store.database.transaction() as run:
            run("UPDATE vectors SET vector = x'00' WHERE id = 2")
        with pytest.raises(UserError, match="not 384 wide"):
            Leann(store).search(store.embedded(["sea"])[0])
