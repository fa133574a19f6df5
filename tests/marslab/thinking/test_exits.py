"""Each exit rule against the wave that a loop over single thoughts finds."""

import math

import pytest
import torch

from marslab.errors import UserError
from marslab.thinking.exits import (
    AuditorExit,
    EntropyExit,
    FixedDepth,
    HaltingExit,
    HaltingHead,
    Observation,
    SmallStep,
    exit_rule,
    halting_loss,
)
from marslab.thinking.meta_auditor import MetaAuditor

STEPS = torch.rand(20, 8, dtype=torch.float64) * torch.arange(1, 9) ** -torch.rand(20, 1) * 3


def observed(steps: torch.Tensor = STEPS) -> list[Observation]:
    made = torch.Generator().manual_seed(1)
    return [
        Observation(
            step=step,
            mean=torch.randn(len(step), 6, generator=made),
            logits=torch.randn(len(step), 5, generator=made) * 3,
        )
        for step in steps.T
    ]


def test_fixed_depth_stops_there_or_at_the_end() -> None:
    seen = observed()
    early, late = FixedDepth(3).run(seen), FixedDepth(30).run(seen)
    assert early.wave.tolist() == [3] * 20 and early.fired.all()
    assert late.wave.tolist() == [8] * 20 and not late.fired.any()


def test_small_steps_and_entropy_stop_at_the_first_wave_that_fits() -> None:
    seen = observed()
    small, sure = SmallStep(0.2).run(seen), EntropyExit(0.4).run(seen)
    for row in range(20):
        waves = [t + 1 for t, one in enumerate(seen) if float(one.step[row]) <= 0.2]
        assert int(small.wave[row]) == min(waves, default=8)
        assert bool(small.fired[row]) == bool(waves)
        entropies = []
        for one in seen:
            assert one.logits is not None
            p = one.logits[row].softmax(-1).tolist()
            entropies.append(-sum(x * math.log(x) for x in p))
        waves = [t + 1 for t, h in enumerate(entropies) if h < 0.4]
        assert int(sure.wave[row]) == min(waves, default=8)


def test_the_auditor_stops_where_a_trail_does() -> None:
    t = torch.arange(1, 9, dtype=torch.float64)
    steps = torch.stack([t**-1.2, t**-1.5, 0.6**t, t**-0.5, torch.full_like(t, 1e-5)])
    meta = MetaAuditor()
    found = AuditorExit(meta, "math").run(observed(steps))
    assert found.fired.tolist() == [False, True, True, False, True]
    for row, own in enumerate(steps.tolist()):
        trail = meta.trail("math")
        waves = [at + 1 for at, step in enumerate(own) if trail.add(step).converged]
        assert int(found.wave[row]) == min(waves, default=8)
    assert found.wave.tolist() == [8, 5, 5, 8, 1]


def test_a_trained_head_stops_where_answers_are_right() -> None:
    head = HaltingHead(6)
    means = torch.randn(200, 6)
    right = means[:, 0] > 0.3
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        halting_loss(head(means), right).backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())
    fresh = torch.randn(400, 6)
    stops = HaltingExit(head).stop([Observation(torch.ones(400), mean=fresh)])
    assert (stops == (fresh[:, 0] > 0.3)).float().mean() > 0.9


def test_rules_come_by_name_and_say_what_they_lack() -> None:
    assert exit_rule("entropy", tau=0.1).name == "entropy"
    with pytest.raises(UserError, match="no exit rule 'entropie'. Did you mean 'entropy'"):
        exit_rule("entropie")
    bare = [Observation(torch.ones(2))]
    with pytest.raises(ValueError, match="'entropy' needs observations with logits"):
        EntropyExit().run(bare)
    with pytest.raises(ValueError, match="'halting' needs observations with mean"):
        HaltingExit(HaltingHead(4)).run(bare)
    with pytest.raises(ValueError, match="at least, got none"):
        SmallStep().run([])
    with pytest.raises(ValueError, match="depth must be at least 1"):
        FixedDepth(0)
