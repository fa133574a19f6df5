"""Is a probability of 0.8 right 8 times of 10? A measure, and the temperature that repairs it."""

import torch
from torch import Tensor


def calibration_error(probability: Tensor, right: Tensor, bins: int = 15) -> float:
    """Return the expected calibration error: how far stated and real success are apart, 0..1.

    Equal-width bins; each adds the distance of its mean probability from its share of successes,
    weighted by its share of examples.

    Shapes (n examples):
        probability: [n], from 0 to 1
        right: [n], bool or 0/1

    Errors:
        ValueError: no example, shapes that differ, or bins below 1

    Source:
        Guo et al. 2017, "On calibration of modern neural networks", equation 3.

    >>> calibration_error(torch.tensor([0.75, 0.75]), torch.tensor([True, False]))
    0.25
    """
    if probability.ndim != 1 or probability.shape != right.shape or not len(right):
        raise ValueError(
            "calibration_error: probability and right must be [n] with n > 0, "
            f"got {list(probability.shape)} and {list(right.shape)}"
        )
    if bins < 1:
        raise ValueError(f"calibration_error: bins must be positive, got {bins}")
    stated, success = probability.double(), right.double()
    place = (stated * bins).long().clamp(max=bins - 1)
    gap = torch.zeros(bins, dtype=torch.float64).index_add(0, place, stated - success)
    return round(float(gap.abs().sum() / len(right)), 12)


def best_temperature(logits: Tensor, target: Tensor) -> float:
    """Return the T that makes logits / T most likely: a search over 400 values from 0.1 to 20.

    Shapes (n examples, K classes):
        logits: [n, K] with `target` [n] class numbers, or [n] with `target` [n] 0/1

    Source:
        Guo et al. 2017, section 4.2.

    >>> always = torch.tensor([[2.0, 0.0]] * 4)
    >>> 1.5 < best_temperature(always, torch.tensor([0, 0, 0, 1])) < 2.5
    True
    """
    grid = torch.logspace(-1, 1.30103, 400, dtype=torch.float64)
    if logits.ndim == 1:
        logits = torch.stack((torch.zeros_like(logits), logits), -1)
    scaled = logits.double() / grid[:, None, None]
    losses = -scaled.log_softmax(-1)[:, torch.arange(len(target)), target.long()].mean(1)
    return float(grid[losses.argmin()])
