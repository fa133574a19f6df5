"""The reference solutions of notebook 60 against the library."""

import pytest
import torch

from marslab.config import override
from marslab.lab.course.content import tars
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.generation import Chooser, Sampling
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.prefix_cache import PrefixCache
from marslab.systems.tars.speculative import verify
from marslab.thinking.exits import HaltingExit, Observation

SMALL = {"d_model": 16, "block.omega.n": 4, "thought.memory_dim": 8, "waves.count": 2}


def test_a_thought_ends_where_the_exit_rule_says() -> None:
    random = torch.Generator().manual_seed(0)
    for halting in torch.rand(50, 5, dtype=torch.float64, generator=random):
        rule = HaltingExit(lambda mean: mean[..., 0].logit(), least=0.7)  # pyright: ignore
        ran = rule.run([Observation(p[None], p[None, None]) for p in halting])
        waves, tier = tars.thought_end(halting, 0.7, rounds=8)
        assert (waves, tier) == (int(ran.wave), 2 if bool(ran.fired) else 3)


def test_what_stands_is_what_verify_says_at_temperature_0() -> None:
    choose, random = Chooser(Sampling()), torch.Generator().manual_seed(1)
    for _ in range(50):
        *drafted, last = torch.randint(3, (5,), generator=random).tolist()
        greedy = [*torch.randint(3, (4,), generator=random).tolist(), last]
        p, q = (list(torch.eye(3)[torch.tensor(ids)]) for ids in (greedy, drafted))
        found = verify(p, q, drafted, choose)
        assert tars.standing(drafted, greedy) == [*drafted[: found.accepted], found.following]


@pytest.mark.parametrize("wanted", [[1, 2, 3, 4, 5], [1, 2, 9], [7, 2]])
def test_what_is_left_is_what_the_cache_reads(wanted: list[int]) -> None:
    torch.manual_seed(0)
    cache = PrefixCache(TarsLM(override(TarsConfig(), SMALL)).eval())
    known = [[1], [1, 2, 3], [1, 2]]
    for ids in known:
        cache.prefill(ids)
    before = cache.read
    cache.prefill(wanted)
    assert cache.read - before == tars.left_to_read(known, wanted)
