"""The auditor against fits by numpy, and its calibration: what it finds, and what it must not."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.thinking.auditor import AuditTrail, IntegralAuditor
from marslab.thinking.law import fit, relative_step
from marslab.thinking.meta_auditor import PRINTED, THRESHOLDS, MetaAuditor

auditor = IntegralAuditor()


def power(p: float, steps: int, start: int = 1) -> Tensor:
    return 0.7 * torch.arange(start, start + steps, dtype=torch.float64)[None] ** -p


def geometric(q: float, steps: int) -> Tensor:
    return 0.4 * q ** torch.arange(1, steps + 1, dtype=torch.float64)[None]


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Slope, R2 and AICc of a straight line, by numpy alone."""
    slope, _ = coefficients = np.polyfit(x, y, 1)
    rss = float(np.square(y - np.polyval(coefficients, x)).sum())
    n, k = len(x), 3
    aic = n * math.log(rss / n) + 2 * k
    r2 = 1 - rss / float(np.square(y - y.mean()).sum())
    return slope, r2, aic + 2 * k * (k + 1) / (n - k - 1)


def test_both_fits_are_those_of_numpy_and_zero_steps_do_not_count() -> None:
    f = torch.rand(4, 9, dtype=torch.float64) + 0.05
    f[1, 3], f[2, :2], f[3, 8] = 0.0, 0.0, 1e-9
    found = fit(f, start=3)
    for row, steps in enumerate(f.numpy()):
        t = np.arange(3, 12)[steps > 1e-7].astype(float)
        y = np.log(steps[steps > 1e-7])
        slope, r2, aicc = line(np.log(t), y)
        rate, r2_geometric, aicc_geometric = line(t, y)
        expected = [-slope, r2, aicc, math.exp(rate), r2_geometric, aicc_geometric, len(t)]
        assert [float(x[row]) for x in found] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("p", [0.8, 1.0, 1.2, 2.0])
@pytest.mark.parametrize("start", [1, 20, 400])
def test_the_exponent_is_recovered_at_any_time(p: float, start: int) -> None:
    noise = torch.randn(200, 12, dtype=torch.float64) * 0.01 / start
    found = fit(power(p, 12, start) * noise.exp(), start=start)
    assert float((found.p / p - 1).abs().quantile(0.95)) < 0.05
    trail = AuditTrail(auditor, threshold=p - 0.05)
    last = [trail.add(float(step)) for step in power(p, 30)[0]][-1]
    assert last.converged and last.reason == "power" and last.p == pytest.approx(p)


def test_counting_t_from_the_window_instead_finds_another_exponent() -> None:
    window = power(2.0, 6, start=5)
    assert float(fit(window, start=5).p) == pytest.approx(2.0)
    assert float(fit(window).p) < 1.0


@pytest.mark.parametrize("q", [0.3, math.exp(-0.3), 0.85])
def test_a_geometric_thought_counts_as_converged(q: float) -> None:
    trail = AuditTrail(auditor, threshold=2.0)
    last = [trail.add(float(step)) for step in geometric(q, 9)[0]][-1]
    assert last.converged and last.reason == "geometric" and last.q == pytest.approx(q)


def test_the_power_law_alone_would_call_it_open() -> None:
    found = auditor(geometric(math.exp(-0.3), 6))
    assert float(found.fit.p) < 1.1 and not found.power and found.converged


def test_a_slow_factor_and_a_power_below_one_are_not_converged() -> None:
    assert not auditor(geometric(0.95, 20)).converged
    assert not auditor(power(0.9, 50)).converged
    assert auditor(power(0.3, 8)).stagnant and not auditor(power(0.6, 8)).stagnant


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0, 3.0])
def test_noise_passes_in_less_than_one_thought_in_a_hundred(spread: float) -> None:
    f = (torch.randn(20_000, 12, dtype=torch.float64) * spread).exp()
    ever = torch.zeros(len(f), dtype=torch.bool)
    for points in range(1, 13):
        passed = auditor(f[:, :points], 1.05).converged
        ever |= passed
        assert passed.double().mean() < 0.01
    assert ever.double().mean() < 0.01  # at any of the twelve waves


def test_two_points_always_fit_and_a_quarter_of_noisy_triples_do() -> None:
    f = torch.randn(40_000, 5, dtype=torch.float64).exp()
    assert (fit(f[:, :2]).r2_power > 0.999).all()
    chance = 2 * math.acos(math.sqrt(0.85)) / math.pi  # three points have one angle: 25.3 %
    assert (fit(f[:, :3]).r2_power > 0.85).double().mean() == pytest.approx(chance, abs=0.01)
    eager = IntegralAuditor(min_points=2)
    assert eager(f[:, :2]).converged.double().mean() > 0.1  # a verdict of nothing
    assert not auditor(f[:, :4]).converged.any()
    f = f**3
    bare = (fit(f).r2_power > 0.85) & (fit(f).p > 1.05)
    assert bare.double().mean() > 0.01  # so five points need more than 0.85


def test_zero_steps_give_no_verdict_and_no_nan() -> None:
    still = auditor(torch.zeros(2, 8))
    assert not still.converged.any() and (still.fit.points == 0).all()
    assert all(torch.isfinite(x).all() for x in (still.fit.p, still.fit.q, still.fit.r2_power))
    assert auditor(torch.cat([power(1.5, 6), torch.zeros(1, 2)], 1)).converged
    assert not auditor(torch.ones(1, 8)).converged


def test_a_trail_says_what_the_batch_says() -> None:
    f = torch.rand(5, 10, dtype=torch.float64)
    trails = [AuditTrail(auditor) for _ in f]
    for t in range(10):
        batch = auditor(f[:, : t + 1])
        for row, trail in enumerate(trails):
            said = trail.add(float(f[row, t]))
            assert said.converged == bool(batch.converged[row])
            assert (said.reason == "too_few") == (t < 4) == (said.model == "none")


def test_bad_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        AuditTrail(auditor).add(-1.0)
    with pytest.raises(ValueError, match="at least 0, got nan"):
        AuditTrail(auditor).add(float("nan"))
    with pytest.raises(ValueError, match=r"f must be \[B, T\]"):
        auditor(torch.ones(3))
    with pytest.raises(ValueError, match="one step at least, got none"):
        auditor(torch.ones(3, 0))
    with pytest.raises(ValueError, match="start must be at least 1"):
        fit(torch.ones(1, 3), start=0)
    with pytest.raises(ValueError, match="min_points must be at least 2"):
        IntegralAuditor(min_points=1)


def test_a_relative_step_does_not_see_the_scale() -> None:
    old, new = torch.randn(2, 3, 8, dtype=torch.float64)
    expected = ((new - old) ** 2).sum(-1).sqrt() / (new**2).sum(-1).sqrt()
    assert torch.allclose(relative_step(old, new), expected)
    assert torch.allclose(relative_step(100 * old, 100 * new), expected)
    assert relative_step(torch.zeros(2), torch.zeros(2)) == 0
    narrow = relative_step(old.bfloat16(), new.bfloat16())
    assert narrow.dtype == torch.float32 and torch.allclose(narrow.double(), expected, rtol=0.02)


def test_thresholds_are_ours_or_as_printed() -> None:
    meta = MetaAuditor()
    assert min(THRESHOLDS.values()) > 1 > PRINTED["status"]
    assert meta.threshold("action") == 1.05 and meta.threshold() == 1.1
    assert MetaAuditor("printed").threshold("action") == 1.0
    assert MetaAuditor({"poem": 1.7}).threshold("poem") == 1.7
    with pytest.raises(UserError, match="Did you mean 'math'"):
        meta.threshold("mathe")
    with pytest.raises(UserError, match="no table of thresholds 'print'"):
        MetaAuditor("print")  # pyright: ignore[reportArgumentType]


def test_each_row_is_judged_by_its_own_type() -> None:
    f = power(1.25, 8).repeat(3, 1)
    judged = MetaAuditor().judge(f, ["chat", "deep", None])
    assert judged.converged.tolist() == [True, False, True]
    with pytest.raises(ValueError, match="one type a row, 3 in all, got 1"):
        MetaAuditor().judge(f, ["chat"])


def test_before_five_points_only_a_small_step_ends_a_thought() -> None:
    trail = MetaAuditor().trail("chat")
    assert trail.add(0.5).reason == "too_few"
    early = trail.add(5e-4)
    assert early.converged and early.reason == "small_step" and early.model == "none"
    never = MetaAuditor(tolerance=0.0).trail("chat")
    assert not never.add(0.0).converged
