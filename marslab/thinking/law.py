"""The two laws that a thought's steps may follow: a power of t, or a constant factor."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype

FLOOR = 1e-7  # of ||h||: below it a step in float32 tells about rounding, not about thinking
_PERFECT = 1e-24  # a residual this small is no residual; its logarithm stays finite


class Fit(NamedTuple):
    """Both laws fitted to the steps of a batch of thoughts; all fields [B], float64.

    p: of f = C t^-p; q: of f = c q^t; r2 of each on the logarithms; aicc of each, infinite
    below 5 points; `points` is how many steps counted.
    """

    p: Tensor
    r2_power: Tensor
    aicc_power: Tensor
    q: Tensor
    r2_geometric: Tensor
    aicc_geometric: Tensor
    points: Tensor

    @property
    def geometric(self) -> Tensor:
        """Where the constant factor is the better model."""
        return self.aicc_geometric < self.aicc_power


def relative_step(old: Tensor, new: Tensor) -> Tensor:
    """Return ||new - old|| / ||new||, 0 where both are 0.

    The design's f has no denominator, and so grows with the scale of h.

    Shapes (B batch, D width):
        old, new: [..., D]
        returns: [...], float32 where these are narrower

    Source:
        design 3.4 (Integral Auditor); repaired: T8

    >>> relative_step(torch.tensor([3.0, 0.0]), torch.tensor([3.0, 4.0]))
    tensor(0.8000)
    """
    dtype = state_dtype(new.dtype)
    old, new = old.to(dtype), new.to(dtype)
    return (new - old).norm(dim=-1) / new.norm(dim=-1).clamp_min(torch.finfo(dtype).tiny)


def fit(f: Tensor, *, start: int = 1, floor: float = FLOOR) -> Fit:
    """Fit f = C t^-p and f = c q^t by least squares on ln f.

    Steps at or below `floor` are not points: their logarithm says nothing. The first column is
    step `start` of the thought: a window keeps the t that its steps had (T9).

    Shapes (B batch, T steps):
        f: [B, T] sizes of the steps

    Errors:
        ValueError: f is not [B, T], or start is below 1

    Source:
        design 3.4; repaired: T7, T9, T10

    >>> t = torch.arange(1, 9, dtype=torch.float64)
    >>> fit((t**-1.2)[None]).p
    tensor([1.2000], dtype=torch.float64)
    """
    if f.ndim != 2:
        raise ValueError(f"f must be [B, T], got a tensor with shape {list(f.shape)}")
    if start < 1:
        raise ValueError(f"start must be at least 1, the first step of a thought, got {start}")
    f = f.double()
    counted = (f > floor) & f.isfinite()
    y = torch.where(counted, f, 1.0).log()
    t = torch.arange(start, start + f.shape[1], dtype=f.dtype, device=f.device)
    points = counted.sum(1)
    slope, r2, rss = _line(t.log(), y, counted)
    rate, r2_geometric, rss_geometric = _line(t, y, counted)
    return Fit(
        p=-slope,
        r2_power=r2,
        aicc_power=_aicc(rss, points),
        q=rate.exp(),
        r2_geometric=r2_geometric,
        aicc_geometric=_aicc(rss_geometric, points),
        points=points,
    )


def _line(x: Tensor, y: Tensor, counted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Slope, R2 and residual sum of squares of y on x; slope and R2 are 0 where none is defined."""
    w = counted.to(y.dtype)
    n = w.sum(1, keepdim=True).clamp_min(1.0)
    dx = w * (x - (w * x).sum(1, keepdim=True) / n)
    dy = w * (y - (w * y).sum(1, keepdim=True) / n)
    sxx, sxy, syy = dx.square().sum(1), (dx * dy).sum(1), dy.square().sum(1)
    slope = torch.where(sxx > 0, sxy / sxx.clamp_min(_PERFECT), 0.0)
    rss = (dy - slope[:, None] * dx).square().sum(1)
    r2 = torch.where(syy > _PERFECT, 1 - rss / syy.clamp_min(_PERFECT), 0.0)
    return slope, r2, rss


def _aicc(rss: Tensor, points: Tensor) -> Tensor:
    """Akaike's criterion with the small-sample term, for a line and a variance: 3 parameters."""
    n = points.to(rss.dtype)
    few = points < 5
    free = torch.where(few, 1.0, n - 4)
    value = n * (rss / n.clamp_min(1.0)).clamp_min(_PERFECT).log() + 6 + 24 / free
    return torch.where(few, torch.inf, value)
