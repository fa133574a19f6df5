"""Pairs in one vector: one alone comes back exactly, a key without a value reads noise."""

import pytest
import torch

from marslab.memory.hdc import cosines, seeded, store_pairs
from marslab.memory.hdc.capacity import ALGEBRAS, Vsa


@pytest.mark.parametrize("vsa", ALGEBRAS)
def test_one_pair_is_read_exactly_and_a_stranger_not_at_all(vsa: Vsa) -> None:
    bits = 1 if vsa == "BSC" else 32
    with seeded(0) as random:
        pairs = store_pairs(2, 9, 4096, values=torch.tensor([7]), bits=bits, vsa=vsa, random=random)
    known, stranger = cosines(pairs.read(torch.arange(2)), pairs.codebook)
    assert known[7] == pytest.approx(1, abs=1e-4) and stranger.abs().max() < 0.08
    assert pairs.codebook.shape == (9, 4096) and pairs.values.tolist() == [7]


def test_flips_and_rounding_act_on_what_is_stored() -> None:
    def read(**given: float) -> float:
        with seeded(0) as random:
            pairs = store_pairs(1, 2, 8192, values=torch.tensor([1]), random=random, **given)  # pyright: ignore[reportArgumentType]
        return cosines(pairs.read(torch.tensor([0])), pairs.codebook)[0, 1].item()

    assert read(flipped=0.2) == pytest.approx(0.6, abs=0.04)
    assert read(bits=1) == pytest.approx((2 / torch.pi) ** 0.5, abs=0.02)


def test_values_are_not_repeated_before_all_are_used_and_the_global_seed_is_put_back() -> None:
    before = torch.random.get_rng_state()
    with seeded(3) as random:
        values = store_pairs(7, 4, 16, random=random).values.tolist()
    assert sorted(values[:4]) == [0, 1, 2, 3] and len(set(values[4:])) == 3
    assert torch.equal(torch.random.get_rng_state(), before)
    with pytest.raises(ValueError, match="keys, codes and D must be positive"):
        store_pairs(0, 4, 16, random=random)
