"""Thoughts as the sizes of their steps: both laws after each wave, and where a rule stops."""

from functools import cached_property

import torch
from torch import Tensor

from marslab.thinking import AuditorExit, IntegralAuditor, MetaAuditor
from marslab.thinking.auditor import FEW
from marslab.thinking.exits import Exits, Observation
from marslab.thinking.law import Fit, fit

PRINTED_R2 = IntegralAuditor.r2  # the design asks for it from the second point on


class Audited:
    """A batch of thoughts, and what is fitted to each of them after each wave.

    Shapes (B thoughts, T waves):
        f: [B, T] relative sizes of the steps, from the first on

    >>> t = torch.arange(1, 7, dtype=torch.float64)
    >>> Audited((t**-1.5)[None]).stops(1.3).wave.tolist()
    [5]
    """

    def __init__(self, f: Tensor) -> None:
        self.f = f.double()

    @cached_property
    def fits(self) -> list[Fit]:
        """Both laws after wave 1, 2, ... T, each of all steps from the first on."""
        return [fit(self.f[:, : wave + 1]) for wave in range(self.f.shape[1])]

    @property
    def p(self) -> Tensor:
        """The exponent after each wave, [B, T]."""
        return torch.stack([law.p for law in self.fits], 1)

    @property
    def r2_power(self) -> Tensor:
        """R2 of the power law after each wave, [B, T]."""
        return torch.stack([law.r2_power for law in self.fits], 1)

    @property
    def r2_geometric(self) -> Tensor:
        """R2 of the constant factor after each wave, [B, T]."""
        return torch.stack([law.r2_geometric for law in self.fits], 1)

    def stops(self, threshold: float, rule: str = "ours") -> Exits:
        """After which wave each thought stops at this threshold, and whether the rule said so.

        "ours" is the exit rule that a TARS with `exits.rule = "auditor"` follows; "printed" asks
        for p > threshold and R2 > 0.85 from the second step on.

        >>> noise = Audited(torch.tensor([[1.0, 0.4, 0.5, 0.6, 0.5, 0.7]]))
        >>> [int(noise.stops(1.1, rule).wave) for rule in ("ours", "printed")]
        [6, 2]
        """
        waves = self.f.shape[1]
        if rule == "ours":
            meta = MetaAuditor({"slider": threshold})
            seen = [Observation(self.f[:, wave]) for wave in range(waves)]
            return AuditorExit(meta, "slider").run(seen)
        said = (self.p > threshold) & (self.r2_power > PRINTED_R2)
        said[:, 0] = False  # one point has no slope
        fired = said.any(1)
        return Exits(torch.where(fired, said.int().argmax(1), waves - 1) + 1, fired)


def least_r2(points: int, rule: str = "ours") -> float | None:
    """R2 that a rule asks for at so many points, None where it gives no verdict yet.

    >>> [least_r2(n) for n in (4, 5, 6, 7)], least_r2(2, "printed")
    ([None, 0.95, 0.9, 0.85], 0.85)
    """
    if rule == "printed":
        return PRINTED_R2 if points > 1 else None
    enough = points >= IntegralAuditor.min_points
    return max(IntegralAuditor.r2, FEW.get(points, 0.0)) if enough else None


def curve(law: str, rate: float, noise: Tensor) -> Tensor:
    """Steps that follow a law but for their noise: t^-rate, or rate^t, times e^noise.

    Shapes (B curves, T waves):
        noise: [B, T], of ln f
        returns: [B, T], float64

    >>> curve("factor", 0.5, torch.zeros(1, 3)).tolist()
    [[0.5, 0.25, 0.125]]
    """
    t = torch.arange(1, noise.shape[1] + 1, dtype=torch.float64)
    exact = t**-rate if law == "power" else rate**t
    return exact * noise.double().exp()
