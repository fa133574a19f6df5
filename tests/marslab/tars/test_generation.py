"""Bytes out: greedy, drawn, speculative, and behind a cached prefix."""

from collections import Counter

import pytest
import torch
from scipy.stats import chisquare

from marslab.systems.tars.generation import Chooser, Generation, Sampling, distribution
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.prefix_cache import PrefixCache
from marslab.systems.tars.speculative import SpeculativeGeneration, verify
from marslab.systems.tars.state import same

from tars_models import small

NEVER: tuple[int, ...] = ()
PROMPT = torch.tensor([[2, 50, 43, 50, 61]])


@pytest.fixture(scope="module")
def lm() -> TarsLM:
    torch.manual_seed(1)
    return small()


@torch.no_grad()
def test_greedy_takes_the_likeliest_byte_of_the_whole_forward(lm: TarsLM) -> None:
    answer = Generation(lm, lm.prefill(PROMPT), Sampling(max_bytes=6, stop=NEVER))
    ids = PROMPT
    for byte in answer:
        assert byte == int(lm(ids)[0, -1].argmax())
        ids = torch.cat([ids, torch.tensor([[byte]])], 1)
    assert answer.ids == ids[0, 5:].tolist() and answer.state.position == 11


def test_it_stops_before_a_stop_byte_and_after_the_last_one(lm: TarsLM) -> None:
    free = list(Generation(lm, lm.prefill(PROMPT), Sampling(max_bytes=8, stop=NEVER)))
    stop = free[3]
    answer = Generation(lm, lm.prefill(PROMPT), Sampling(max_bytes=8, stop=(stop,)))
    assert list(answer) == free[: free.index(stop)] and answer.stopped
    assert list(Generation(lm, lm.prefill(PROMPT), Sampling(max_bytes=0))) == []


def test_the_same_seed_draws_the_same_bytes(lm: TarsLM) -> None:
    def drawn(seed: int) -> list[int]:
        how = Sampling(temperature=1.0, seed=seed, max_bytes=12, stop=NEVER)
        return list(Generation(lm, lm.prefill(PROMPT), how))

    assert drawn(1) == drawn(1) != drawn(2)


def test_distributions() -> None:
    logits = torch.tensor([0.0, 1.0, 3.0])
    assert distribution(logits, Sampling(), []).tolist() == [0, 0, 1]
    p = distribution(logits, Sampling(temperature=2.0), [])
    torch.testing.assert_close(p, torch.softmax(logits / 2, 0))
    assert distribution(logits, Sampling(temperature=1.0, top_p=0.5), []).tolist() == [0, 0, 1]
    kept = distribution(logits, Sampling(temperature=1.0, top_p=0.9), [])
    assert kept[0] == 0 and torch.isclose(kept.sum(), torch.tensor(1.0))
    tired = distribution(logits, Sampling(temperature=1.0, repetition_penalty=3.0), [2])
    torch.testing.assert_close(tired, torch.softmax(torch.tensor([0.0, 1.0, 1.0]), 0))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"temperature": -1.0}, "temperature must not be negative, got -1.0"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0.0"),
        ({"repetition_penalty": 0.5}, "repetition_penalty must be at least 1, got 0.5"),
        ({"max_bytes": -1}, "max_bytes must not be negative, got -1"),
    ],
)
def test_bad_settings_are_told(wrong: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Sampling(**wrong)


@pytest.mark.parametrize("stop", [NEVER, "third"], ids=["to the end", "stopped"])
@pytest.mark.parametrize("most", [1, 2, 7, 30])
def test_speculative_greedy_is_plain_greedy(lm: TarsLM, most: int, stop) -> None:
    free = list(Generation(lm, lm.prefill(PROMPT), Sampling(max_bytes=30, stop=NEVER)))
    how = Sampling(max_bytes=most, stop=(free[2],) if stop else NEVER)
    plain, fast = (
        kind(lm, lm.prefill(PROMPT), how) for kind in (Generation, SpeculativeGeneration)
    )
    assert list(plain) == list(fast)
    assert (plain.ids, plain.stopped) == (fast.ids, fast.stopped)
    assert plain.state.position == fast.state.position
    torch.testing.assert_close(plain.state.logits, fast.state.logits, rtol=1e-9, atol=1e-9)


def test_a_rejected_byte_leaves_no_trace(lm: TarsLM) -> None:
    """The state after a rejection is bit-equal to one that never saw the rejected bytes."""
    fast = SpeculativeGeneration(lm, lm.prefill(PROMPT), Sampling(max_bytes=12, stop=NEVER))
    list(fast)
    assert 0 <= fast.accepted < fast.proposed
    ids = torch.cat([PROMPT, torch.tensor([fast.ids])], 1)
    torch.testing.assert_close(fast.state.logits, lm(ids)[:, -1], rtol=1e-9, atol=1e-9)


def test_acceptance_keeps_the_distribution() -> None:
    """20,000 windows of two drafted bytes: what comes first is distributed as p, not as q."""
    p = [
        torch.tensor([0.5, 0.3, 0.2]),
        torch.tensor([0.1, 0.1, 0.8]),
        torch.tensor([0.3, 0.3, 0.4]),
    ]
    q = [torch.tensor([0.2, 0.2, 0.6]), torch.tensor([0.6, 0.3, 0.1])]
    choose, first, second = Chooser(Sampling(temperature=1.0, seed=5)), Counter(), Counter()
    rounds = 20_000
    for _ in range(rounds):
        drafted = [choose.draw(q[0]), choose.draw(q[1])]
        accepted, following = verify(p, q, drafted, choose)
        out = [*drafted[:accepted], following]
        first[out[0]] += 1
        if len(out) > 1:
            second[out[1]] += 1
    for counts, law in ((first, p[0]), (second, p[1])):
        total = sum(counts.values())
        found = chisquare(
            [counts[i] for i in range(3)], (law.double() / law.double().sum() * total).tolist()
        )
        assert found.pvalue > 1e-3
    assert (
        chisquare(
            [first[i] for i in range(3)], (q[0].double() / q[0].double().sum() * rounds).tolist()
        ).pvalue
        < 1e-9
    )


@torch.no_grad()
def test_a_cached_prefix_gives_what_a_fresh_read_gives(lm: TarsLM) -> None:
    cache, ids = PrefixCache(lm), PROMPT[0].tolist()
    first = cache.prefill(ids[:3])
    torch.testing.assert_close(first.logits, lm.prefill(PROMPT[:, :3]).logits)
    longer = cache.prefill(ids)
    torch.testing.assert_close(longer.logits, lm.prefill(PROMPT).logits, rtol=1e-9, atol=1e-9)
    assert (cache.hits, cache.read) == (1, 5)
    again = cache.prefill(ids)
    assert same(again, longer) and cache.read == 5
    longer.logits.zero_()  # a branch that is spoilt leaves the cache alone
    assert same(cache.prefill(ids), again)
    assert not same(cache.prefill(ids, waves=1), again)


def test_the_cache_forgets_what_was_used_least(lm: TarsLM) -> None:
    cache = PrefixCache(lm, capacity=2)
    for prompt in ([2, 5], [2, 6], [2, 5], [2, 7]):
        cache.prefill(prompt)
    assert len(cache) == 2
    read = cache.read
    cache.prefill([2, 5])
    assert cache.read == read
    with pytest.raises(ValueError, match="capacity must be positive"):
        PrefixCache(lm, capacity=0)


def test_without_a_draft_head_it_says_so() -> None:
    lm = small(**{"draft.enabled": False})
    with pytest.raises(ValueError, match="the model has no draft head"):
        SpeculativeGeneration(lm, lm.prefill(PROMPT), Sampling())
