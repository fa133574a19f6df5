"""What chance says of retrieval: against counting, simulation, and torchhd's vectors."""

from itertools import product
from statistics import mean

import pytest
import torch

from marslab.memory.hdc import (
    band,
    capacity,
    expected_accuracy,
    expected_cosine,
    kept,
    measured_accuracy,
    rejection_cosine,
)
from marslab.memory.hdc.capacity import Vsa

CELLS: list[tuple[Vsa, int]] = [
    ("MAP", 1), ("MAP", 4), ("BSC", 1), ("HRR", 1), ("HRR", 2), ("HRR", 32), ("FHRR", 1),
    ("FHRR", 32),
]  # fmt: skip


@pytest.mark.parametrize(("vsa", "bits"), CELLS)
def test_the_measured_curve_lies_in_the_band(vsa: Vsa, bits: int) -> None:
    """Check 11. One in a hundred is outside of a 99 % band: these seeds were not chosen."""
    for n in (9, 25, 51, 101):
        expected = expected_accuracy(n, 200, 512, vsa=vsa, bits=bits)
        low, high = band(expected, 10 * n)
        found = measured_accuracy(n, 200, 512, vsa=vsa, bits=bits, trials=10)
        assert low - 1e-3 <= found <= high + 1e-3, (n, expected)


def test_a_wrong_theory_would_be_found() -> None:
    """With the noise of one pair more or less in ten, the band would be left."""
    found = measured_accuracy(51, 200, 512, trials=10)
    for n in (45, 57):
        low, high = band(expected_accuracy(n, 200, 512), 510)
        assert not low <= found <= high


def test_flipped_numbers_cost_what_theory_says() -> None:
    for flipped in (0.1, 0.3):
        expected = expected_accuracy(15, 200, 512, bits=1, vsa="BSC", flipped=flipped)
        low, high = band(expected, 150)
        found = measured_accuracy(
            15, 200, 512, bits=1, vsa="BSC", flipped=flipped, trials=10, seed=3
        )
        assert low <= found <= high


@pytest.mark.parametrize(("n", "bits"), [(1, 1), (2, 1), (5, 1), (6, 2), (7, 2), (8, 4)])
def test_votes_are_counted_through(n: int, bits: int) -> None:
    """Against every one of the 2^n elections."""
    from marslab.memory.hdc.quantization import BEST_STEP

    step, top = BEST_STEP[bits] * n**0.5, 2**bits - 1

    def level(votes: tuple[int, ...]) -> float:
        return min(max(round(sum(votes) / step + top / 2), 0), top) - top / 2

    elections = list(product((-1, 1), repeat=n))
    with_first = mean(v[0] * level(v) for v in elections)
    expected = with_first / mean(level(v) ** 2 for v in elections) ** 0.5
    assert expected_cosine(n, bits, "MAP") == pytest.approx(expected, abs=1e-9)


def test_a_majority_is_the_printed_binomial() -> None:
    assert expected_cosine(5, 1, "BSC") == pytest.approx(6 / 16)
    assert expected_cosine(1, 1, "BSC") == pytest.approx(1)
    assert expected_cosine(20_001, 1, "BSC") == pytest.approx(
        expected_cosine(19_999, 1, "BSC"), rel=1e-3
    )


def test_the_integral_is_that_of_drawn_numbers() -> None:
    generator = torch.Generator().manual_seed(0)
    c, D, codes, draws = 0.1, 400, 50, 40_000
    right = c * D**0.5 + (1 - c * c) ** 0.5 * torch.randn(draws, generator=generator)
    others = torch.randn(draws, codes - 1, generator=generator).amax(1)
    expected = (right > others).float().mean().item()
    assert expected_accuracy(100, codes, D) == pytest.approx(expected, abs=0.01)
    assert expected_accuracy(100, 1, D) == pytest.approx(1)
    assert expected_accuracy(100, 50, D, flipped=0.5) == pytest.approx(1 / 50, abs=1e-6)


def test_a_capacity_is_the_last_that_is_enough() -> None:
    for bits in (1, 32):
        n = capacity(500, 1024, bits=bits, accuracy=0.95)
        assert expected_accuracy(n, 500, 1024, bits=bits) >= 0.95
        assert expected_accuracy(n + 1, 500, 1024, bits=bits) < 0.95
    assert capacity(1000, 4) == 0
    assert capacity(500, 1024) < capacity(500, 1024, vsa="FHRR") <= 2 * capacity(500, 1024) + 2


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="n must be positive"):
        expected_cosine(0)
    with pytest.raises(ValueError, match="BSC keeps a majority in 1 bit"):
        expected_cosine(3, 8, "BSC")
    with pytest.raises(ValueError, match="vsa must be one of"):
        expected_cosine(3, 8, "VTB")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="vsa must be one of"):
        measured_accuracy(3, 8, 16, vsa="BSC", bits=8)
    with pytest.raises(ValueError, match="bits must be one of"):
        kept(3)
    for flipped in (-0.1, 0.6):
        with pytest.raises(ValueError, match="flipped"):
            expected_accuracy(3, 8, 16, flipped=flipped)
        with pytest.raises(ValueError, match="flipped"):
            measured_accuracy(3, 8, 16, flipped=flipped)
    with pytest.raises(ValueError, match="false_accept in"):
        rejection_cosine(5, 5, false_accept=0)
    with pytest.raises(ValueError, match="accuracy must be"):
        capacity(5, 5, accuracy=1)
    with pytest.raises(ValueError, match="codes and D"):
        expected_accuracy(3, 0, 16)
