"""TARS's rules about a thought: when it has converged, when it loops, what ends it."""

import math

import torch
from torch import Tensor

from marslab.lab.claims.outcome import Outcome
from marslab.thinking.idme import IDME
from marslab.thinking.idme_config import IdmeConfig
from marslab.thinking.law import fit
from marslab.thinking.loops import LoopDetector, spectrum
from marslab.thinking.pool import MatrixPool, PoolConfig

TRIALS, WIDTH, STATES = 20_000, 16, 7
ROWS = 1000  # thoughts of each kind


def few_points() -> Outcome:
    """Steps that are noise: how many pass R2 > 0.85, by the number of points."""
    torch.manual_seed(0)
    passed = {n: _noise_passing(n) for n in (2, 3, 4, 6)}
    figures = {
        "noise_passing_3_points": passed[3],
        "noise_passing_2_points": passed[2],
        "noise_passing_4_points": passed[4],
        "noise_passing_6_points": passed[6],
    }
    says = (
        "A line through two points always has R2 = 1: two steps of pure noise pass in "
        f"{passed[2]:.0%} of {TRIALS:,} trials, three in {passed[3]:.0%}, four in {passed[4]:.1%}, "
        f"six in {passed[6]:.1%}. One wave gives one point and no line. Five is the least here."
    )
    return Outcome(figures, says)


def rank_rule() -> Outcome:
    """sigma_1 / sigma_2 < threshold as an alarm for loops, at 2 and at its best threshold."""
    torch.manual_seed(0)
    loops, others = torch.cat(_looping()), torch.cat(_going_on())
    ratio = {name: _ratio(x) for name, x in (("loops", loops), ("others", others))}
    cuts = torch.cat([ratio["loops"], ratio["others"]]).sort().values
    best = max(_accuracy(ratio["loops"] < cut, ratio["others"] < cut) for cut in cuts[::25])
    detector = LoopDetector()
    figures = {
        "best_accuracy": best,
        "accuracy_at_2": _accuracy(ratio["loops"] < 2, ratio["others"] < 2),
        "accuracy_of_our_detector": _accuracy(
            detector.check(loops).found, detector.check(others).found
        ),
    }
    says = (
        "A collapse of rank makes the ratio large, not small. Between standstill, cycles and "
        "rotations on one side, convergence, drift and noise on the other, the rule is right in "
        f"{figures['accuracy_at_2']:.0%} at a threshold of 2 and in {best:.0%} at its best one "
        f"(a guess: 50 %); this library's detector in {figures['accuracy_of_our_detector']:.0%}."
    )
    return Outcome(figures, says)


def best_candidate() -> Outcome:
    """A block that does nothing among candidates that move the thought: who has the highest dp."""
    torch.manual_seed(0)
    t = torch.arange(1, 7, dtype=torch.float64)
    before = t**-0.8 * torch.exp(0.1 * torch.randn(ROWS, 6, dtype=torch.float64))
    useful = before[:, -1:, None] * (0.3 + 0.6 * torch.rand(ROWS, 2, 1, dtype=torch.float64))
    tried = torch.cat([torch.full((ROWS, 1, 1), 1e-8, dtype=torch.float64), useful], 1)
    steps = torch.cat([before[:, None].expand(-1, 3, -1), tried], 2).flatten(0, 1)
    after = fit(steps, floor=0.0)
    gain = after.p.view(ROWS, 3) - fit(before, floor=0.0).p[:, None]
    figures = {
        "won_by_the_idle_block": (gain.argmax(1) == 0).double().mean().item(),
        "dp_of_the_idle_block": gain[:, 0].mean().item(),
        "dp_of_the_best_useful_one": gain[:, 1:].amax(1).mean().item(),
        "r2_of_the_idle_block": after.r2_power.view(ROWS, 3)[:, 0].mean().item(),
    }
    says = (
        "dp rewards the smallest step: a block that moves the thought by 1e-8 wins "
        f"{figures['won_by_the_idle_block']:.0%} of {ROWS:,} rounds against two that move it, with "
        f"dp {figures['dp_of_the_idle_block']:.1f} against "
        f"{figures['dp_of_the_best_useful_one']:.1f}, though its R2 is "
        f"{figures['r2_of_the_idle_block']:.2f}. Here a candidate must move the thought, and a "
        "learned value judges it."
    )
    return Outcome(figures, says)


def sure_stop() -> Outcome:
    """Thoughts that drift for ever, each step worth a little more: who ends them."""
    idme, h = _drifting()
    limits = (50, 100, 200)
    ends = {limit: idme(h, rounds=limit, learn=False).reason for limit in limits}
    cap = {limit: sum(why == "rounds" for why in ends[limit]) / len(h) for limit in limits}
    figures = {
        "ended_by_the_guards": 1 - cap[200],
        "ended_by_the_limit_of_100": cap[100],
        "ended_by_the_limit_of_50": cap[50],
        "thoughts": len(h),
    }
    says = (
        f"Of {len(h)} thoughts that a pool pushes on along one direction, and that a value finds a "
        f"little better each time, {cap[50]:.0%} run until a limit of 50 rounds, {cap[100]:.0%} "
        f"until 100, {cap[200]:.0%} until 200. No guard has a reason to speak: what surely ends a "
        "thought is the limit alone, and depth is as finite as it."
    )
    return Outcome(figures, says)


def _noise_passing(points: int) -> float:
    steps = torch.exp(torch.randn(TRIALS, points, dtype=torch.float64))
    return (fit(steps).r2_power > 0.85).double().mean().item()


def _looping() -> list[Tensor]:
    """[ROWS, STATES, WIDTH] each: standing still, cycles of 2 and 3, a turn in a plane."""
    base = _drawn(ROWS, 1, WIDTH)
    still = (base + 1e-6 * _drawn(ROWS, STATES, WIDTH)).expand(-1, STATES, -1)
    cycles = [base + _drawn(ROWS, lag, WIDTH)[:, torch.arange(STATES) % lag] for lag in (2, 3)]
    angle = torch.arange(STATES) * (0.4 + 0.8 * torch.rand(ROWS, 1, dtype=torch.float64))
    a, b = torch.linalg.qr(_drawn(ROWS, WIDTH, 2)).Q.mT.unsqueeze(2).unbind(1)
    turn = base + 2 * (angle.cos()[..., None] * a + angle.sin()[..., None] * b)
    return [still, *cycles, turn]


def _going_on() -> list[Tensor]:
    """[ROWS, STATES, WIDTH] each: convergence, a drift, noise around a mean, a random walk."""
    base, towards = _drawn(ROWS, 1, WIDTH), _drawn(ROWS, 1, WIDTH)
    t = torch.arange(STATES, dtype=torch.float64)[:, None]
    rate = 0.2 + 0.7 * torch.rand(ROWS, 1, 1, dtype=torch.float64)
    noise = _drawn(ROWS, STATES, WIDTH)
    return [base + towards * rate**t, base + 0.3 * t * towards, base + noise, noise.cumsum(1)]


def _drawn(*sizes: int) -> Tensor:
    return torch.randn(*sizes, dtype=torch.float64)


def _ratio(states: Tensor) -> Tensor:
    values = spectrum(states[:, -6:], centred=False)
    return values[:, 0] / values[:, 1].clamp_min(1e-12)


def _accuracy(loops: Tensor, others: Tensor) -> float:
    """Mean of the shares that are told right."""
    return (loops.double().mean().item() + 1 - others.double().mean().item()) / 2


def _drifting() -> tuple[IDME, Tensor]:
    """A pool whose blocks all push along one direction, and a value that likes that direction."""
    torch.manual_seed(0)
    pool = MatrixPool(PoolConfig(d_model=WIDTH, blocks=512, rank=2))
    idme = IDME(pool, IdmeConfig(rounds=200, candidates=2, min_step=1e-3, grow=False))
    with torch.no_grad():
        pool.norm_weight.zero_()
        pool.norm_bias.zero_()
        pool.norm_bias[:, 0] = 1.0
        pool.gate_out.zero_()
        pool.gate_bias.fill_(-1.0)
        first, last = idme.value_head[1], idme.value_head[3]
        for layer in (first, last):
            layer.weight.zero_()  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        first.bias.zero_()  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
        first.weight[0, 0], last.weight[0, 0] = 1.0, math.e  # pyright: ignore
    return idme.double(), 3 * _drawn(64, WIDTH)
