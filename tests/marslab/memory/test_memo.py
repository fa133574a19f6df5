"""Memo against a list that is searched from front to back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.memory.embedding import HashedNgramEmbedder
from marslab.memory.memo import Memo

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=40)


def axis(at: int) -> np.ndarray:
    return np.eye(8, dtype=np.float32)[at]


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 5))
def test_it_is_a_list_whose_oldest_goes(steps: list[tuple[bool, int]], size: int) -> None:
    memo, kept = Memo(size, dim=8), []
    for number, (write, at) in enumerate(steps):
        question = "abcdefgh"[at]
        held = next((pair for pair in kept if pair[0] == question), None)
        if held is not None:
            kept.remove(held)
        if write:
            memo.put(axis(at), question, f"answer {number}")
            kept = [*kept, (question, f"answer {number}")][-size:]
        else:
            hit = memo.get(axis(at), question)
            assert (hit and (hit.question, hit.answer)) == held
            kept += [held] if held else []
    assert len(memo) == len(kept)


def test_the_threshold_parts_hits_from_misses() -> None:
    memo = Memo(dim=2)
    memo.put(np.array([1.0, 0.0]), "q", "a")
    for cosine, hit in ((0.921, True), (0.919, False), (-1.0, False)):
        found = memo.get(np.array([cosine, (1 - cosine**2) ** 0.5]), "r")
        assert (found is not None) == hit
        assert found is None or found.score == pytest.approx(cosine)


def test_other_figures_are_another_question() -> None:
    embed, memo, loose = HashedNgramEmbedder(), Memo(), Memo(strict=False)
    asked, other = "Реши: x^2 - 5x + 6 = 0", "Реши: x^2 - 5x + 7 = 0"
    for each in (memo, loose):
        each.put(embed([asked])[0], asked, "2; 3")
    vector = embed([other])[0]
    assert loose.get(vector, other) is not None  # 0.94 alike: the design would answer "2; 3"
    assert memo.get(vector, other) is None
    again = "реши x^2 - 5x + 6 = 0!"
    assert memo.get(embed([again])[0], again) is not None


def test_a_near_miss_does_not_hide_the_right_one() -> None:
    memo = Memo(dim=2)
    memo.put(np.array([1.0, 0.0]), "1 + 1", "2")
    memo.put(np.array([0.98, 0.199]), "1 + 2", "3")
    hit = memo.get(np.array([1.0, 0.0]), "1+2")
    assert hit is not None and hit.answer == "3"


def test_what_is_refused() -> None:
    for size, dim, threshold in ((0, 8, 0.9), (8, 0, 0.9), (8, 8, 1.5)):
        with pytest.raises(ValueError, match="a Memo needs"):
            Memo(size, dim, threshold=threshold)
    with pytest.raises(ValueError, match=r"must be \[384\], got \[3\]"):
        Memo().get(np.zeros(3), "q")
