"""Same seed, same machine, same result."""

import random

import numpy as np
import torch


def seed_everything(seed: int) -> torch.Generator:
    """Seed Python's, numpy's and torch's global generators; return a torch generator of that seed.

    Draw from the returned generator where you can: it is nobody else's.

    Errors:
        TypeError: `seed` is not an int
        ValueError: `seed` is not in 0..2**32-1, which is what numpy takes

    >>> float(torch.rand(1, generator=seed_everything(0))) == float(torch.rand(1))
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed_everything: seed must be an int, got {type(seed).__name__}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed_everything: seed must be in 0..{2**32 - 1}, got {seed}")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that still draw from the global generator
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)
