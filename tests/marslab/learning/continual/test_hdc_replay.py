"""Replay from a superposition: keys read what they wrote, random queries read noise."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from marslab.learning.continual import HdcMemory, HdcReplay, mlp
from marslab.learning.continual.batch import training_rows
from marslab.tasks.continual import split_digits


def filled(dim: int = 10_000, items: int = 10) -> tuple[HdcMemory, torch.Tensor]:
    values = torch.randn(items, 64, generator=torch.Generator().manual_seed(0))
    memory = HdcMemory(64, dim=dim, seed=3)
    assert [memory.write(value) for value in values] == list(range(items))
    return memory, values


def test_a_key_reads_what_it_wrote() -> None:
    memory, values = filled()
    read = torch.stack([memory.read(n) for n in range(10)])
    assert cosine_similarity(read, values).min() > 0.9


def test_a_key_is_unitary_so_one_item_comes_back_without_noise() -> None:
    memory, values = filled(dim=1000, items=1)
    torch.testing.assert_close(memory.read(0), values[0], atol=1e-4, rtol=0)


def test_the_noise_is_that_of_theory() -> None:
    """Deviation in each place: the root of the others' squares over D."""
    for dim in (1000, 10_000):
        memory, values = filled(dim)
        off = torch.stack([memory.read(n) for n in range(10)]) - values
        total = values.square().sum()
        expected = ((total - values.square().sum(1)) / dim).mean().sqrt()
        assert off.std().item() == pytest.approx(expected.item(), rel=0.15)


def test_random_queries_return_noise() -> None:
    """The printed replay asks with normal numbers: what comes back is like nothing that was stored.

    Its cosine with the best of ten values is what 64 random numbers have by chance; a right key
    has 0.95.
    """
    memory, values = filled()
    draw = torch.Generator().manual_seed(1)
    queries = torch.randn(100, memory.dim, generator=draw)
    found = torch.stack([memory.query(query / query.norm()) for query in queries])
    best = cosine_similarity(found[:, None], values[None], dim=-1).amax(1)
    chance = torch.randn(100, 64, generator=draw)
    by_chance = cosine_similarity(chance[:, None], values[None], dim=-1).amax(1)
    assert best.mean().item() == pytest.approx(by_chance.mean().item(), abs=0.04)
    assert best.max() < 0.6 < 0.9 < cosine_similarity(memory.read(0), values[0], dim=0)


def test_a_full_bank_is_followed_by_another() -> None:
    memory, values = filled(items=25)
    assert len(memory.banks) == 3 and memory.memory_bytes() == 3 * 4 * 10_000
    assert cosine_similarity(memory.read(24), values[24], dim=0) > 0.9


def test_samples_have_the_mean_and_the_spread_of_their_class() -> None:
    scenario = split_digits("task")
    model, replay = mlp(scenario, 8), HdcReplay()
    task = scenario.tasks[0]
    rows = training_rows(task)
    assert replay.penalty(model, replay.before_task(model, task)) is None
    replay.after_task(model, task)
    replay.before_task(model, scenario.tasks[1])
    drawn = replay.samples(rows.at(torch.arange(len(rows.y)).repeat(20)))
    for label in (0, 1):
        x, real = drawn.x[drawn.y == label].flatten(1), rows.x[rows.y == label].flatten(1)
        # The other's noise has a standard deviation of |value| / sqrt(D) = 0.035 in each place.
        assert (x.mean(0) - real.mean(0)).abs().max() < 0.16
        assert (x.var(0) - real.var(0)).abs().max() < 0.03
    assert drawn.allowed[0].tolist() == task.allowed.tolist()


def test_memory_does_not_grow_with_examples() -> None:
    scenario = split_digits()
    replay = HdcReplay(dim=1000)
    model = mlp(scenario, 8)
    sizes = []
    for task in scenario.tasks:
        replay.after_task(model, task)
        sizes.append(replay.memory_bytes())
    assert sizes[0] == 2 * 4000 + 2 * (8 + 10) and sizes[-1] - sizes[0] == 8 * (8 + 10)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="width <= dim"):
        HdcMemory(64, dim=32)
    with pytest.raises(ValueError, match=r"must be \[64\], got \[3\]"):
        HdcMemory(64).write(torch.zeros(3))
    rows = training_rows(split_digits().tasks[0])
    with pytest.raises(ValueError, match="call before_task"):
        HdcReplay().samples(rows)


def test_a_key_is_not_what_a_plain_seed_draws() -> None:
    memory = HdcMemory(4, dim=1000, seed=0)
    for seed in range(4):
        drawn = torch.randn(1000, generator=torch.Generator().manual_seed(seed))
        alike = torch.nn.functional.cosine_similarity(memory.key(seed), drawn, dim=0)
        assert alike.abs() < 0.15
