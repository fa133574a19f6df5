"""The reference solutions of notebooks 20 and 21 against the library."""

import pytest
import torch
from torch import Tensor

from marslab.lab.course.content import encoder, hdc
from marslab.memory.hdc import (
    Prototypes,
    RecordEncoder,
    bind,
    cosines,
    expected_cosine,
    fake_quantize,
    unbind,
)
from marslab.memory.hdc.quantization import BEST_STEP


def normal(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=random)


def test_binding_and_its_undoing_are_the_librarys() -> None:
    for D in (1, 2, 5, 8):
        key, value = normal(2, D)
        torch.testing.assert_close(hdc.bound(key, value), bind(key, value))
        torch.testing.assert_close(hdc.unbound(key, value), unbind(key, value))


def test_a_majority_is_as_near_as_theory_and_a_count_say() -> None:
    for n in (1, 3, 5, 21):
        assert hdc.majority(n) == pytest.approx(expected_cosine(n, 1, "BSC"), abs=1e-9)
    votes = normal(7, 200_000).sign()
    agrees = (votes.sum(0).sign() * votes[0]).mean().item()
    assert hdc.majority(7) == pytest.approx(agrees, abs=0.01)


def test_a_record_is_that_of_the_encoder() -> None:
    library = RecordEncoder(6, 64, levels=9, low=0.0, high=1.0)
    for seed in range(5):
        x = normal(6, seed=seed).float()
        torch.testing.assert_close(
            encoder.level_record(x, library.keys, library.levels), library(x)
        )


def test_a_correction_is_that_of_prototypes() -> None:
    h, y = normal(40, 16).float(), torch.arange(40) % 4
    library = Prototypes(4, 16)
    library.add(h, y)
    changed = 0
    for row, label in zip(h, y, strict=True):
        before = library.weight.detach().clone()
        mistakes = library.retrain(row[None], label[None], epochs=1)
        found = encoder.corrected(before, row, int(label), cosines(row, before))
        torch.testing.assert_close(found, library.weight.detach())
        changed += mistakes[0]
    assert 3 < changed < 40


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_rounding_is_the_librarys_at_its_step(bits: int) -> None:
    x = normal(500)
    step = BEST_STEP[bits] * x.square().mean().sqrt().item()
    torch.testing.assert_close(encoder.rounded(x, bits, step), fake_quantize(x, bits))
