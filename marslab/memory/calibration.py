"""Where surprise begins: the threshold between what a Titans was shown and what it was not."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.memory.titans import Titans


class Calibration(NamedTuple):
    """A threshold, and how well it parts the two sets.

    Units:
        accuracy: mean of the shares that stand on the right side, 1 at best
        known, novel: mean surprise of each set
    """

    threshold: float
    accuracy: float
    known: float
    novel: float


@torch.no_grad()
def calibrate(titans: Titans, items: Tensor, held_out: Tensor) -> Calibration:
    """Write `items` one by one into a fresh state, and set `titans.threshold`.

    The threshold is the one that best parts their surprise afterwards from that of `held_out`,
    which was never written: the middle of the widest gap among the best.

    Shapes (N, K items, M memory width):
        items: [N, M]
        held_out: [K, M]

    Errors:
        ValueError: a set is empty or not M wide

    >>> titans, x = Titans(32, 64), torch.randn(12, 32)
    >>> found = calibrate(titans, x[:6], x[6:])
    >>> found.accuracy, bool(found.known < titans.threshold < found.novel)
    (1.0, True)
    """
    for name, rows in (("items", items), ("held_out", held_out)):
        if rows.dim() != 2 or not len(rows):
            raise ValueError(f"{name} must be [N, {titans.memory_dim}], got {list(rows.shape)}")
    state = titans.fresh()
    for item in items:
        state, _ = titans.write(item, state)
    known, novel = titans.surprise(items, state), titans.surprise(held_out, state)
    values = torch.cat([known, novel]).unique()
    cuts = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    right = (known[:, None] < cuts).float().mean(0) + (novel[:, None] >= cuts).float().mean(0)
    best = right == right.max()
    gaps = values.diff() if len(values) > 1 else torch.ones(1)
    cut = cuts[best][gaps[best].argmax()]
    titans.threshold.fill_(cut)
    return Calibration(float(cut), float(right.max() / 2), float(known.mean()), float(novel.mean()))
