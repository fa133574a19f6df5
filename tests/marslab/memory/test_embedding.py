"""The hashed embedder against a loop, across processes, and what it refuses."""

import math
import re
import subprocess
import sys
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.errors import MissingExtra, UserError
from marslab.memory.embedding import HashedNgramEmbedder, embedder_named
from marslab.memory.sentence_embedder import SentenceEmbedder

BITS = 2**64 - 1
TEXTS = ["Привет, мир!", "x² − 5x + 6 = 0", "a", "the  Sea\tis\nDEEP", "ﬁne 𝄞 naïve", "5" * 40]


def naive(text: str, dim: int) -> np.ndarray:
    """One n-gram at a time, in Python's own integers."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    grams: Counter[str] = Counter()
    for word in re.findall(r"\w+|[^\w\s]", folded):
        bordered = f" {word} "
        for n in range(1, 5):
            grams.update(bordered[i : i + n] for i in range(len(bordered) - n + 1))
    del grams[" "]
    found = np.zeros(dim)
    for gram, count in grams.items():
        h = len(gram)
        for character in gram:
            h = (h ^ ord(character)) * 0x100000001B3 & BITS
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            h = (h ^ h >> 33) * factor & BITS
        h = (h ^ h >> 33) >> 32
        found[h % dim] += (-1) ** (h >> 31) * len(gram) * (1 + math.log(count))
    return found / np.linalg.norm(found)


def test_it_is_the_loop() -> None:
    for dim in (384, 7):
        found = HashedNgramEmbedder(dim)(TEXTS)
        assert found.dtype == np.float32 and found.shape == (len(TEXTS), dim)
        for text, row in zip(TEXTS, found, strict=True):
            np.testing.assert_allclose(row, naive(text, dim), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=30).filter(lambda t: bool(t.strip())), max_size=4))
def test_any_text_has_a_vector_whatever_stands_beside_it(texts: list[str]) -> None:
    embed = HashedNgramEmbedder(64)
    try:
        together = embed(texts)
    except ValueError:  # what NFKC turns into white space alone is empty too
        return
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(embed([text])[0], row)


def test_portions_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = HashedNgramEmbedder()(TEXTS)
    monkeypatch.setattr("marslab.memory.embedding.CHUNK", 12)
    assert np.array_equal(HashedNgramEmbedder()(TEXTS), whole)


def test_another_process_finds_the_same_vector() -> None:
    code = (
        "from marslab.memory.embedding import HashedNgramEmbedder as E; import sys;"
        "sys.stdout.buffer.write(E()(['Привет 37+48']).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == HashedNgramEmbedder()(["Привет 37+48"]).tobytes()


def test_near_spelling_is_near() -> None:
    a, b, c = HashedNgramEmbedder()(["включи свет", "Включи свет!", "реши уравнение"])
    assert a @ b > 0.92 and a @ c < 0.3


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="text 1 of 2 is empty"):
        HashedNgramEmbedder()(["a", " \n"])
    with pytest.raises(ValueError, match="dim must be positive"):
        HashedNgramEmbedder(0)
    with pytest.raises(UserError, match="Did you mean 'hashed'"):
        embedder_named("hash")
    assert embedder_named("hashed-ngram-96-v1").dim == 96
    assert HashedNgramEmbedder()([]).shape == (0, 384)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"marslab\[embed\]"):
        SentenceEmbedder()


def test_the_sentence_embedder_gives_unit_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def __init__(self, name: str) -> None:
            assert name == "all-MiniLM-L6-v2"

        def encode(self, texts: list[str]) -> np.ndarray:
            return np.full((len(texts), 384), 2.0)

    fake = type(sys)("sentence_transformers")
    monkeypatch.setattr(fake, "SentenceTransformer", Model, raising=False)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    embed = embedder_named("sentence")
    assert np.allclose(np.linalg.norm(embed(["a", "b"]), axis=1), 1)
    assert embed([]).shape == (0, 384)
