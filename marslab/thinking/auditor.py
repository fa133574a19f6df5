"""Has a thought converged? The sizes of its steps against two laws."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from marslab.thinking.law import FLOOR, Fit, fit

Reason = Literal["power", "geometric", "small_step", "too_few", "stagnation", "open"]

# R2 that few points need beside the auditor's own. With 0.85 alone 1.8 % of thoughts that are
# noise pass at 5 points; so 0.42 % do, and 0.8 % of them at any of the waves 5 to 12 (measured).
FEW = {5: 0.95, 6: 0.90}


class Verdict(NamedTuple):
    """What the auditor says of one thought.

    `model` is the better law ("none" below the least number of points) and r2 is its own;
    `reason` says which rule spoke: "power" and "geometric" converged, "small_step" is the early
    rule of the meta-auditor, "too_few" points, "stagnation" p below 0.5, or "open".
    """

    converged: bool
    p: float
    r2: float
    model: Literal["power", "geometric", "none"]
    q: float
    points: int
    reason: Reason


class Verdicts(NamedTuple):
    """What the auditor says of a batch of thoughts; all fields but `fit` are [B] bool."""

    converged: Tensor
    power: Tensor
    geometric: Tensor
    stagnant: Tensor
    fit: Fit


@dataclass(frozen=True)
class IntegralAuditor:
    """Judge whether the steps of a thought shrink fast enough for their sum to be finite.

    A power law converges with p > threshold, a constant factor with q < `q` once the last step is
    at most `shrink` times the first; each with R2 above `r2`, above more at 5 and 6 points, and
    never below `min_points` points. p > 1 makes the *curve* summable and proves nothing about the
    answer. A geometric thought is not asked for its p: in the long run it beats every power.

    Units:
        threshold: of p
        r2: explained part of the variance of ln f
        q: factor from step to step
        stagnation: p below which a thought stands still

    Errors:
        ValueError: min_points is below 2, where a line means nothing

    Source:
        design 3.4 and 12.6; repaired: T6-T10, T68

    >>> t = torch.arange(1, 7)
    >>> IntegralAuditor()(torch.stack([t**-1.5, 0.7**t, t**-0.3])).converged
    tensor([ True,  True, False])
    """

    threshold: float = 1.1
    r2: float = 0.85
    q: float = 0.9
    shrink: float = 0.5
    stagnation: float = 0.5
    min_points: int = 5
    floor: float = FLOOR

    def __post_init__(self) -> None:
        if self.min_points < 2:
            raise ValueError(f"min_points must be at least 2, got {self.min_points}")

    def __call__(
        self, f: Tensor, threshold: float | Tensor | None = None, *, start: int = 1
    ) -> Verdicts:
        """Judge each row of f; `threshold` stands in for the auditor's own, one or one a row.

        Shapes (B batch, T steps):
            f: [B, T] relative sizes of the steps, the first at step `start` of the thought

        Errors:
            ValueError: f is not [B, T] or has no step
        """
        if f.ndim == 2 and f.shape[1] == 0:
            raise ValueError("f must hold one step at least, got none")
        found = fit(f, start=start, floor=self.floor)
        least = self.threshold if threshold is None else threshold
        if isinstance(least, Tensor):
            least = least.to(found.p)
        enough = found.points >= self.min_points
        needed = self._needed(found.points)
        power = enough & (found.p > least) & (found.r2_power > needed)
        small = f[:, -1:].double() <= self.shrink * _first(f, self.floor)
        geometric = enough & found.geometric & (found.q < self.q) & small[:, 0]
        geometric &= found.r2_geometric > needed
        converged = power | geometric
        stagnant = enough & (found.p < self.stagnation) & ~converged
        return Verdicts(converged, power, geometric, stagnant, found)

    def _needed(self, points: Tensor) -> Tensor:
        needed = torch.full(points.shape, self.r2, dtype=torch.float64, device=points.device)
        for count, least in FEW.items():
            needed = torch.where(points == count, max(least, self.r2), needed)
        return needed


class AuditTrail:
    """One thought, audited step by step; t is counted from its first step, always.

    A step at or below `tolerance` ends it before there are points enough for a law: a rule of its
    own, with the reason "small_step". With tolerance 0 there is no such rule.

    Errors:
        ValueError: a step that is negative or not a number

    Source:
        design 12.6; repaired: T7-T9

    >>> trail = AuditTrail(IntegralAuditor())
    >>> [trail.add(0.5 * t**-1.5).reason for t in range(1, 6)]
    ['too_few', 'too_few', 'too_few', 'too_few', 'power']
    """

    def __init__(
        self, auditor: IntegralAuditor, threshold: float | None = None, *, tolerance: float = 0.0
    ) -> None:
        self.auditor = auditor
        self.threshold = auditor.threshold if threshold is None else threshold
        self.tolerance = tolerance
        self.steps: list[float] = []

    def add(self, step: float) -> Verdict:
        """Take in the relative size of the next step and say how the thought stands."""
        if not 0 <= step < float("inf"):
            raise ValueError(f"a step must be a finite size of at least 0, got {step}")
        self.steps.append(float(step))
        found = self.auditor(torch.tensor([self.steps], dtype=torch.float64), self.threshold)
        few = int(found.fit.points[0]) < self.auditor.min_points
        return verdict(found, 0, few and step <= self.tolerance and self.tolerance > 0)


def verdict(found: Verdicts, row: int, early: bool = False) -> Verdict:
    """Return what `found` says of one row; `early` where the rule of small steps has spoken.

    >>> verdict(IntegralAuditor()(torch.ones(1, 3)), 0).reason
    'too_few'
    """
    law, points = found.fit, int(found.fit.points[row])
    judged = bool(law.aicc_power[row].isfinite())
    geometric = judged and bool(law.geometric[row])
    r2 = law.r2_geometric if geometric else law.r2_power
    return Verdict(
        converged=early or bool(found.converged[row]),
        p=float(law.p[row]),
        r2=float(r2[row]),
        model=("geometric" if geometric else "power") if judged else "none",
        q=float(law.q[row]),
        points=points,
        reason=_reason(found, row, early, judged),
    )


def _reason(found: Verdicts, row: int, early: bool, judged: bool) -> Reason:
    if early:
        return "small_step"
    for name, holds in (("geometric", found.geometric), ("power", found.power)):
        if holds[row]:
            return name  # pyright: ignore[reportReturnType]
    if found.stagnant[row]:
        return "stagnation"
    return "open" if judged else "too_few"


def _first(f: Tensor, floor: float) -> Tensor:
    """The first step of each row that counts as a point, [B, 1]; infinite where there is none."""
    f = f.double()
    counted = f > floor
    at = counted.int().argmax(1, keepdim=True)
    return torch.where(counted.any(1, keepdim=True), f.gather(1, at), torch.inf)
