"""The memory: sums against sums, banks, writes without a graph, gradients, cleanup and refusal."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from marslab import trace
from marslab.memory.hdc import (
    HolographicConfig,
    HolographicMemory,
    Phasors,
    bind,
    capacity,
    cleanup,
    expected_accuracy,
    rejection_cosine,
)

ALL = [HolographicConfig(complex=c, bits=b) for c in (False, True) for b in (1, 4, 8, 32)]


def phasors(*shape: int) -> torch.Tensor:
    return torch.polar(torch.ones(shape), torch.rand(shape) * 2 * torch.pi)


def values_for(memory: HolographicMemory, count: int) -> torch.Tensor:
    shape = (count, memory.dim)
    return phasors(*shape) if memory.config.complex else torch.randn(shape)


@pytest.mark.parametrize("complex", [False, True])
def test_a_state_is_the_sum_of_the_pairs_of_each_bank(complex: bool) -> None:
    memory = HolographicMemory(5, 32, HolographicConfig(complex=complex, banks=2))
    key = torch.tensor([[4, 1], [1, 2]])
    values = values_for(memory, 4).view(2, 2, 32)
    memory.write(key, values)
    expected = torch.zeros(2, 32, dtype=values.dtype)
    for i, value in zip(key.flatten(), values.flatten(0, 1), strict=True):
        expected[i % 2] += bind(memory.keys(i), value).detach()
    torch.testing.assert_close(memory.kept(), expected)
    memory.clear()
    assert not memory.kept().any()


@pytest.mark.parametrize("config", ALL, ids=lambda c: f"{'fhrr' if c.complex else 'hrr'}-{c.bits}")
def test_what_was_written_is_found_and_nothing_else(config: HolographicConfig) -> None:
    memory = HolographicMemory(40, 2048, replace(config, banks=2))
    values = values_for(memory, 60)
    memory.write(torch.arange(30), values[:30])
    found = memory.recall(torch.arange(30), values)
    assert torch.equal(found.index, torch.arange(30))
    assert (memory.recall(torch.arange(30, 40), values).index < 0).float().mean() > 0.8
    first = memory.kept().clone()
    memory.write(torch.arange(30, 40), values[30:40])
    assert not torch.equal(memory.kept(), first)


def test_one_item_comes_back_exactly() -> None:
    """Check 5: written once, read with cosine above 0.99; the design's keys reach 0.71."""
    for config, exact in (
        (HolographicConfig(), True),
        (HolographicConfig("normal", banks=1), False),
    ):
        memory, value = HolographicMemory(3, 4096, config), torch.randn(1, 4096)
        memory.write(torch.tensor([2]), value)
        cosine = F.cosine_similarity(memory.read(torch.tensor([2])), value).item()
        assert cosine > 0.999 if exact else cosine == pytest.approx(0.707, abs=0.02)


def test_there_are_as_many_banks_as_the_keys_need() -> None:
    """M15: one vector of 10,000 numbers gives back under half of 1,000 pairs."""
    for bits in (1, 32):
        memory = HolographicMemory(200, 512, HolographicConfig(bits=bits))
        room = capacity(200, 512, bits=bits)
        assert memory.banks == -(-200 // room) > 1
        values = torch.randn(200, 512)
        memory.write(torch.arange(200), values)
        found = memory.recall(torch.arange(200), values, false_accept=1.0).index
        assert (found == torch.arange(200)).float().mean() > 0.98
    assert expected_accuracy(1000, 1000, 10_000) < 0.5


def test_a_random_query_is_rejected_as_often_as_promised() -> None:
    """M16: what comes of it is noise."""
    for complex in (False, True):
        codebook = phasors(100, 256) if complex else torch.randn(100, 256)
        noise = phasors(2000, 256) if complex else torch.randn(2000, 256)
        accepted = (cleanup(noise, codebook, false_accept=0.1).index >= 0).float().mean().item()
        assert accepted == pytest.approx(0.1, abs=0.03)
    memory = HolographicMemory(10, 4096, HolographicConfig(banks=1))
    values = torch.randn(10, 4096)
    memory.write(torch.arange(10), values)
    memory.keys = Phasors(10, 4096, complex=False, seed=1)  # nothing was stored under these
    assert (memory.recall(torch.arange(10), values).index < 0).sum() >= 9
    assert rejection_cosine(100, 256, false_accept=1.0) == -1


def test_writes_keep_no_graph_and_superposing_teaches() -> None:
    """M11 and M14: keys, encoder and decoder are trained through `superpose`, never by a write."""
    memory = HolographicMemory(6, 256, HolographicConfig(), d_model=8)
    key, value = torch.arange(6), torch.randn(6, 8)
    for _ in range(2):
        memory.write(key, value)
        assert not memory.kept().requires_grad
    optimizer = torch.optim.Adam(memory.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        state = memory.superpose(key, value)
        loss = F.mse_loss(memory.decode(memory.read(key, state)), value)
        optimizer.zero_grad()
        loss.backward()
        if not losses:
            assert all(p.grad is not None and p.grad.any() for p in memory.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.parametrize("complex", [False, True])
def test_a_brain_of_another_width_reads_and_writes(complex: bool) -> None:
    """M13."""
    memory = HolographicMemory(4, 128, HolographicConfig(complex=complex), d_model=16)
    memory.write(torch.arange(4), torch.randn(4, 16))
    assert memory.decode(memory.read(torch.arange(4))).shape == (4, 16)


def test_what_is_kept_is_small_and_is_rounded_after_each_sum() -> None:
    """M12: bytes on the shelf, and a sum of 8-bit numbers in 8 bits again."""
    sizes = {}
    for bits in (1, 2, 4, 8, 32):
        memory = HolographicMemory(4, 1024, HolographicConfig(bits=bits, banks=1))
        for _ in range(3):
            memory.write(torch.arange(4), torch.randn(4, 1024))
        assert len(memory.kept().unique()) <= 2**bits
        sizes[bits] = memory.kept_bytes
    assert sizes == {1: 136, 2: 264, 4: 520, 8: 1032, 32: 4096}


def test_a_state_dict_carries_the_memory() -> None:
    for config in ALL:
        memory, other = (HolographicMemory(4, 64, config, seed=seed) for seed in (0, 1))
        memory.write(torch.arange(4), values_for(memory, 4))
        other.load_state_dict(memory.state_dict())
        assert torch.equal(other.read(torch.arange(4)), memory.read(torch.arange(4)))


def test_it_tells_what_it_wrote_and_what_it_found() -> None:
    memory = HolographicMemory(4, 64)
    with trace() as seen:
        memory.write(torch.arange(2), torch.randn(2, 64))
        memory.recall(torch.arange(2), torch.randn(5, 64))
    assert seen.frame("hdc_write")["pairs"].tolist() == [2]
    assert seen.frame("cleanup")["cosine"][0].shape == (2,)


def test_what_is_refused() -> None:
    memory = HolographicMemory(4, 64)
    with pytest.raises(ValueError, match=r"value must be \[2\] x width"):
        memory.write(torch.arange(2), torch.randn(3, 64))
    with pytest.raises(ValueError, match="d_model"):
        memory.decode(torch.randn(64))
    with pytest.raises(ValueError, match="needs positive sizes, got 0"):
        HolographicMemory(0)
    with pytest.raises(ValueError, match=r"\[M, D\] with the D of x"):
        cleanup(torch.randn(4), torch.randn(3, 5))
    wrongs: list[dict[str, Any]] = [
        {"keys": "random"},
        {"banks": -1},
        {"accuracy": 1.0},
        {"bits": 3},
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=f"hdc.{next(iter(wrong))} must be"):
            HolographicConfig(**wrong)
