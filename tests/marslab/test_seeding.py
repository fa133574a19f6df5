"""One seed for all generators."""

import random
from typing import Any

import numpy as np
import pytest
import torch

from marslab.seeding import seed_everything


def draws(seed: int) -> list[float]:
    own = seed_everything(seed)
    return [
        random.random(),
        np.random.random(),  # noqa: NPY002 - the generator that is seeded
        torch.rand(1).item(),
        torch.rand(1, generator=own).item(),
    ]


def test_all_generators_follow_the_seed() -> None:
    one, same, other = draws(3), draws(3), draws(4)
    assert one == same and all(a != b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("seed", "error", "sentence"),
    [
        (-1, ValueError, "seed must be in 0..4294967295, got -1"),
        (2**32, ValueError, "seed must be in 0..4294967295, got 4294967296"),
        (1.0, TypeError, "seed must be an int, got float"),
        (True, TypeError, "seed must be an int, got bool"),
        (None, TypeError, "seed must be an int, got NoneType"),
    ],
)
def test_a_seed_that_is_none(seed: Any, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        seed_everything(seed)
