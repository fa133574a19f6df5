"""Does a thought go round in circles? Returns, rotations and standstill among its last states."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from marslab.thinking.law import relative_step

Kind = Literal["none", "stagnation", "cycle", "rotation"]
KINDS: tuple[Kind, ...] = ("none", "stagnation", "cycle", "rotation")


class Loop(NamedTuple):
    """What one thought does: `lag` is the period in steps (0 for none), `ratio` how far a return
    misses (or, for stagnation, the relative step), singular values are those of the Hankel matrix.
    """

    kind: Kind
    lag: int
    ratio: float
    singular_values: Tensor

    @property
    def found(self) -> bool:
        """Whether the thought loops."""
        return self.kind != "none"


class Loops(NamedTuple):
    """The same for a batch: kind [B] as an index into KINDS, lag [B], ratio [B], values [B, S]."""

    kind: Tensor
    lag: Tensor
    ratio: Tensor
    singular_values: Tensor

    @property
    def found(self) -> Tensor:
        """Which thoughts loop, [B] bool."""
        return self.kind != 0

    def row(self, at: int) -> Loop:
        """Return the loop of one thought."""
        kind = KINDS[int(self.kind[at])]
        return Loop(kind, int(self.lag[at]), float(self.ratio[at]), self.singular_values[at])


@dataclass(frozen=True)
class LoopDetector:
    """Look at the last `window` steps of a thought for three ways of not getting on.

    stagnation: every step is at most `still` of ||h||, and they do not shrink (period 1)
    cycle: the last state lies on an earlier one, lag 2 to `window` steps ago: their distance is at
        most `near` of the root mean square of the states in between, around their own mean
    rotation: the steps turn in a plane by one angle and keep their length, as on a circle too
        wide to close within the window; d_t+1 = a d_t + b d_t-1 holds to 5 %, with b = -1

    Shrinking steps (convergence) and steps in one direction (a drift) are neither. Fewer states
    than the window has give what they can: a cycle needs 3, a rotation 6.

    Units:
        window: steps, so window + 1 states
        still: of ||h||
        near: of the states' spread
        turn: least angle of a rotation, radians a step

    Errors:
        ValueError: window is below 2, or the states are not [B, n, D]

    Source:
        design 6.2 and 12.9 (Hankel detector); repaired: T2-T4

    >>> there, back = torch.eye(4)[0], torch.eye(4)[1]
    >>> loop = LoopDetector()(torch.stack([there, back, there, back, there]))
    >>> loop.kind, loop.lag
    ('cycle', 2)
    """

    window: int = 6
    still: float = 1e-3
    near: float = 0.05
    turn: float = 0.1

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"window must be at least 2 steps, got {self.window}")

    def __call__(self, states: Tensor) -> Loop:
        """Judge one thought from its states [n, D], oldest first."""
        return self.check(states[None]).row(0)

    def check(self, states: Tensor) -> Loops:
        """Judge a batch of thoughts.

        Shapes (B batch, n states, D width):
            states: [B, n, D], oldest first; the last window + 1 of them count
        """
        if states.ndim != 3 or states.shape[1] == 0:
            raise ValueError(f"states must be [B, n, D] with n > 0, got {list(states.shape)}")
        states = states[:, -(self.window + 1) :].detach().double()
        step, still = self._still(states)
        miss, lag = _return(states, self.near)
        angle, turning = self._turning(states)
        cycle = (miss <= self.near) & ~still
        rotation = turning & ~still & ~cycle
        kind = still * 1 + cycle * 2 + rotation * 3
        period = torch.where(rotation, (2 * torch.pi / angle).round().long(), 0)
        lag = torch.where(cycle, lag, torch.where(still, 1, period))
        return Loops(kind, lag, torch.where(still, step, miss), spectrum(states[:, -self.window :]))

    def _still(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The last relative step, and where all are small and do not shrink by a tenth."""
        if states.shape[1] < 2:
            return states.new_full((len(states),), torch.inf), states.new_zeros(len(states)).bool()
        steps = relative_step(states[:, :-1], states[:, 1:])
        first, last = steps[:, 0], steps[:, -1]
        return last, (steps <= self.still).all(1) & ((last >= 0.9 * first) | (last == 0))

    def _turning(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """The angle of the recurrence d_t+1 = a d_t + b d_t-1, and where it is a rotation."""
        d = states.diff(dim=1)
        if d.shape[1] < 5:
            return states.new_ones(len(states)), states.new_zeros(len(states)).bool()
        now, before, after = d[:, 1:-1].flatten(1), d[:, :-2].flatten(1), d[:, 2:].flatten(1)
        nn, nb, bb = (now * now).sum(1), (now * before).sum(1), (before * before).sum(1)
        na, ba, aa = (now * after).sum(1), (before * after).sum(1), (after * after).sum(1)
        det = (nn * bb - nb * nb).clamp_min(1e-300)
        a, b = (na * bb - ba * nb) / det, (ba * nn - na * nb) / det
        off = (after - a[:, None] * now - b[:, None] * before).square().sum(1)
        length = (-b).clamp_min(1e-12).sqrt()  # of the recurrence's complex roots
        angle = (a / (2 * length)).clamp(-1, 1).acos()
        fits = (off <= 0.05**2 * aa) & (aa > 0) & (det > 1e-9 * nn * bb)
        circle = ((length - 1).abs() <= 0.03) & (angle >= self.turn) & (angle < torch.pi - 1e-6)
        return angle.clamp_min(1e-3), fits & circle


def _return(states: Tensor, near: float) -> tuple[Tensor, Tensor]:
    """How near the last state comes to one 2 or more steps ago, and how many steps.

    The least lag that is near enough, or else the best: a period of 2 is one of 4 and 6 as well.
    """
    n = states.shape[1]
    if n < 3:
        return states.new_full((len(states),), torch.inf), states.new_zeros(len(states)).long()
    ratios = []
    for lag in range(2, n):
        span = states[:, -(lag + 1) :]
        spread = (span - span.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()
        gap = (span[:, -1] - span[:, 0]).norm(dim=-1)
        ratios.append(torch.where(spread > 0, gap / spread.clamp_min(1e-300), torch.inf))
    miss = torch.stack(ratios, 1)
    returns = miss <= near
    best = torch.where(returns.any(1), returns.int().argmax(1), miss.argmin(1))
    return miss.gather(1, best[:, None])[:, 0], best + 2


def spectrum(states: Tensor, rows: int = 3, *, centred: bool = True) -> Tensor:
    """Return the singular values of the block Hankel matrix of a window of states.

    Block row i holds the states i to i + columns - 1: with 6 states and 3 rows it is [3 D, 4].
    A cycle of period d has rank d - 1 around its mean; the values alone do not tell a cycle from
    convergence (T3), so they are shown beside the verdict and decide nothing.

    Shapes (B batch, n states, D width):
        states: [B, n, D]
        returns: [B, S], S = min(rows D, n - rows + 1), largest first

    Source:
        design 6.2; the layout, which it leaves open: T4

    >>> spectrum(torch.eye(6)[None, [0, 1, 0, 1, 0, 1]]).round(decimals=3)
    tensor([[2.4490, 0.0000, 0.0000, 0.0000]])
    """
    if centred:
        states = states - states.mean(1, keepdim=True)
    rows = min(rows, states.shape[1])
    columns = states.shape[1] - rows + 1
    blocks = [states[:, i : i + columns].transpose(1, 2) for i in range(rows)]
    return torch.linalg.svdvals(torch.cat(blocks, 1))


def printed_rule(states: Tensor, threshold: float = 2.0) -> tuple[bool, float]:
    """Return the design's verdict, sigma_1 / sigma_2 < threshold, and that ratio. To be compared.

    It is inverted (a collapse of rank makes the ratio large), misses cycles and is alarmed by
    states that have nothing in common.

    Shapes (n states, D width):
        states: [n, D]

    Source:
        design 6.2 and 12.9, as printed: T2, T3

    >>> printed_rule(torch.ones(6, 4))  # a thought that stands still: no alarm
    (False, inf)
    """
    values = spectrum(states[None].double(), centred=False)[0]
    ratio = float(values[0] / values[1]) if values[1] > 1e-12 * values[0] else float("inf")
    return ratio < threshold, ratio
