"""Where the Integral auditor view says that a rule stops: against a walk step by step."""

from typing import Any

import pytest
import torch

from marslab.thinking import AuditTrail, IntegralAuditor
from marslab.widgets.explorers.p_curve import printed
from marslab.widgets.views.auditor import AuditorSetup, run, tables
from marslab.widgets.views.auditor.setup import THRESHOLDS
from marslab.widgets.views.auditor.stops import Audited, curve, least_r2

PLAIN: dict[str, Any] = {"source": "curve", "noise": 0.0}


def noisy(count: int = 60, waves: int = 9) -> torch.Tensor:
    """Thoughts of many kinds: powers, factors and noise."""
    t = torch.arange(1, waves + 1, dtype=torch.float64)
    rates = torch.linspace(0, 2.5, count, dtype=torch.float64)[:, None]
    some = torch.where(torch.rand(count, 1) < 0.5, t**-rates, (1 - rates / 4) ** t)
    return some * (0.2 * torch.randn(count, waves, dtype=torch.float64)).exp()


@pytest.mark.parametrize("threshold", [0.5, 1.1, 2.0])
def test_a_rule_stops_where_a_walk_step_by_step_does(threshold: float) -> None:
    f = noisy()
    ours, theirs = (Audited(f).stops(threshold, rule) for rule in ("ours", "printed"))
    for row, steps in enumerate(f.tolist()):
        trail = AuditTrail(IntegralAuditor(), threshold, tolerance=1e-3)
        said = {"ours": [trail.add(step).converged for step in steps]}
        said["printed"] = printed(steps, threshold)
        for rule, found in (("ours", ours), ("printed", theirs)):
            assert bool(found.fired[row]) == any(said[rule])
            first = said[rule].index(True) + 1 if any(said[rule]) else len(steps)
            assert int(found.wave[row]) == first
    assert 0 < int(ours.fired.sum()) < len(f) and not torch.equal(ours.wave, theirs.wave)


def test_the_least_r2_is_the_auditor_s_own() -> None:
    t = torch.arange(1, 9, dtype=torch.float64)
    for bend in torch.linspace(0, 3, 60, dtype=torch.float64):
        f = (t**-2 * (bend * (-1) ** t * t**-0.5).exp())[None]
        audited, law = Audited(f), IntegralAuditor(threshold=0.0, q=0.0)
        for n in range(1, 9):
            needed = least_r2(n)
            enough = needed is not None and float(audited.r2_power[0, n - 1]) > needed
            says = bool(law(f[:, :n]).power[0])
            assert says == (enough and float(audited.p[0, n - 1]) > 0)


@pytest.mark.parametrize("p", [0.8, 1.0, 1.2, 2.0])
@pytest.mark.parametrize("length", [5, 12, 24])
def test_a_made_up_power_is_found_again(p: float, length: int) -> None:
    found = run(AuditorSetup(p=p, length=length, **PLAIN))
    assert torch.allclose(found.shown.p[0, 1:], torch.tensor(p).double(), atol=1e-9)
    assert tables.stops(found, 1.1)["ours"] == (5 if p > 1.1 else None)


def test_noise_alone_is_seldom_called_converged() -> None:
    found = run(AuditorSetup(source="curve", p=0.0, noise=1.0, length=12))
    last = {name: column[-1] for name, column in tables.draws(found, 1.1).to_dict("list").items()}
    assert last["ours_stopped"] < 0.01 < 0.2 < last["printed_stopped"]
    assert last["p_low"] < -0.3 and abs(last["p_median"]) < 0.05


def test_a_constant_factor_converges_and_its_p_does_not_matter() -> None:
    found = run(AuditorSetup(law="factor", q=0.6, **PLAIN))
    assert float(found.shown.fits[-1].q[0]) == pytest.approx(0.6)
    assert {tables.stops(found, each)["ours"] for each in THRESHOLDS} == {5}


def test_the_seed_and_the_noise_make_the_curve() -> None:
    one, again, other = (run(AuditorSetup(source="curve", seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(one.shown.f, again.shown.f) and not torch.equal(one.shown.f, other.shown.f)
    spread = run(AuditorSetup(source="curve", noise=0.5, p=1.0)).draws
    assert spread is not None
    logs = spread.f.log() - curve("power", 1.0, torch.zeros_like(spread.f)).log()
    assert float(logs.std()) == pytest.approx(0.5, abs=0.02)


def test_a_stricter_table_stops_later_or_not_at_all() -> None:
    found = run(AuditorSetup(p=0.9, **PLAIN))
    by = tables.by_task(found)
    assert by["printed"]["status"] == 5 and by["ours"]["status"] is None
    assert by["ours"]["chat"] is None and min(tables.tasks(found, 1.1)["printed"]) == 0.7
