"""The hub: what it recalls, the memory vector, and what outlives the process."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from marslab import trace
from marslab.errors import UserError
from marslab.memory.embedding import HashedNgramEmbedder
from marslab.memory.hub import MemoryHub
from marslab.memory.living import REPLAY
from marslab.memory.projection import Projection
from marslab.memory.titans import Titans, TitansConfig

TEXTS = ["В году 365 дней.", "The lighthouse is 31 metres high.", "Вода кипит при 100 градусах."]


def test_recall_finds_records_and_answers() -> None:
    with MemoryHub() as hub, trace() as seen:
        ids = [hub.remember(text, {"n": n}) for n, text in enumerate(TEXTS)]
        assert hub.answered("Сколько дней в году?") is None
        (first, *rest) = hub.recall("Сколько дней в году?", k=3)
        assert (first.id, first.text, first.source) == (ids[0], TEXTS[0], "store")
        hub.keep_answer("Сколько дней в году?", "365")
        again = hub.recall("сколько дней в году", k=3)
        assert (again[0].text, again[0].source, again[0].id) == ("365", "memo", None)
        assert again[1].id == ids[0] and len(again) == 3 and again[0].score >= 0.92
        assert hub.forget(ids[0]) and all(r.id != ids[0] for r in hub.recall("дней в году"))
    assert seen.frame("memo")["hit"].tolist() == [False, False, True, False]
    assert seen.names() == ["memo", "leann"]


def test_answers_outlive_the_process_and_a_reindex(tmp_path: Path) -> None:
    path, size = tmp_path / "s", 6
    with MemoryHub(path, memo_size=size) as hub:
        for number in range(8):
            hub.keep_answer(f"question {number}?", f"answer {number}")
        hub.keep_answer("question 3?", "another")
    with MemoryHub(path, memo_size=size) as hub:
        assert len(hub.memo) == size
        hub.keep_answer("question 9?", "answer 9")
        expected = {2: None, 4: "answer 4", 7: "answer 7", 3: "another", 9: "answer 9"}
        assert answers(hub, expected) == expected
    with MemoryHub(path, memo_size=size) as hub:
        assert answers(hub, expected) == expected
        hub.store.reindex(HashedNgramEmbedder(96))
    with MemoryHub(path) as hub:
        assert hub.store.dim == 96 and answers(hub, expected) == expected


def answers(hub: MemoryHub, numbers: Iterable[int]) -> dict[int, str | None]:
    found = {number: hub.answered(f"question {number}?") for number in numbers}
    return {number: hit and hit.answer for number, hit in found.items()}


def test_the_memory_vector_is_the_sum_that_it_says() -> None:
    with MemoryHub() as hub:
        assert hub.memory_vector("how high is it?") is None
        for text in TEXTS:
            hub.remember(text)
        query = "how high is the lighthouse?"
        asked, *rows = torch.tensor(hub.store.embedded([query, *TEXTS]))
        expected = sum((row * (row @ asked).clamp(min=0) for row in rows), torch.zeros(384))
        vector = hub.memory_vector(query)
        assert vector is not None
        torch.testing.assert_close(vector, F.normalize(expected, dim=0), rtol=1e-4, atol=1e-5)
        hub.keep_answer(query, "31 metres")
        (answer,) = torch.tensor(hub.store.embedded(["31 metres"]))
        found = hub.memory_vector(query)
        assert found is not None and found @ answer > vector @ answer


def test_titans_adds_what_it_was_told() -> None:
    titans = Titans(96, 192)
    with MemoryHub(titans=titans) as hub, trace() as seen:
        plain = MemoryHub(memory_dim=96)
        for text in TEXTS:
            hub.remember(text)
            plain.remember(text)
        vector, without = (h.memory_vector(TEXTS[1]) for h in (hub, plain))
        plain.close()
        assert vector is not None and without is not None and vector.shape == (96,)
        assert vector.norm() == pytest.approx(1, abs=1e-5) and not torch.equal(vector, without)
        assert hub.search(vector, 1)[0].text == TEXTS[1]
    assert seen.frame("titans_learn")["written"].tolist() == [True] * 3
    assert float(seen.frame("titans_read")["surprise"].iloc[0]) < 0.3


def fast(hub: MemoryHub) -> torch.Tensor:
    assert hub.titans is not None
    hub.titans.follow(hub.store)
    return hub.titans.state.down.detach().clone()


def hub_at(path: Path, rate: float = 0.2) -> MemoryHub:
    return MemoryHub(path, titans=Titans(32, 48, TitansConfig(rate=rate)))


def test_fast_weights_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with hub_at(path) as hub:
        for text in TEXTS[:2]:
            hub.remember(text)
        two = fast(hub)
    saved = (tmp_path / "s.titans").read_bytes()
    with hub_at(path) as hub:
        assert torch.equal(fast(hub), two)
        hub.remember(TEXTS[2])
        three = fast(hub)
        assert not torch.equal(three, two)
    for content in (saved, saved[:-9], b"", b"[]\n", saved[:-1] + b"\x7f"):
        (tmp_path / "s.titans").write_bytes(content)  # as a kill, or damage, would leave it
        with hub_at(path) as hub:
            assert torch.equal(fast(hub), three)
    with hub_at(path, rate=0.1) as hub:  # another Titans learns it its own way
        assert not torch.equal(fast(hub), three)


def test_a_reset_forgets_and_stays_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with hub_at(path) as hub:
        hub.remember(TEXTS[0])
        assert hub.titans is not None
        hub.titans.reset()
    with hub_at(path) as hub:
        assert torch.equal(fast(hub), Titans(32, 48).down.detach())


def test_what_is_learned_again_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marslab.memory.living.REPLAY", 2)
    path = tmp_path / "s"
    with MemoryHub(path) as hub:
        for text in TEXTS:
            hub.remember(text)
    with hub_at(path) as hub:
        fast(hub)
        assert hub.titans is not None and hub.titans.state.writes == 2 < REPLAY


def test_the_projection_keeps_what_it_can() -> None:
    there = Projection(384, 96)
    m = F.normalize(torch.randn(4, 96), dim=-1)
    torch.testing.assert_close(there.down(there.up(m)), m, rtol=1e-4, atol=1e-5)
    same = Projection(8, 8)
    x = F.normalize(torch.randn(8), dim=0)
    torch.testing.assert_close(same.down(x), x)
    with pytest.raises(ValueError, match="memory_dim must be in 1..8, got 9"):
        Projection(8, 9)


def test_what_is_refused() -> None:
    with MemoryHub() as hub:
        for call in (hub.recall, hub.answered, hub.memory_vector, hub.remember):
            with pytest.raises(UserError, match="is empty"):
                call(" ")
        with pytest.raises(UserError, match="the answer is empty"):
            hub.keep_answer("q", "")
