"""The loop detector: circles of every kind are found, getting on is not called one."""

import math

import pytest
import torch
from torch import Tensor

from marslab.thinking.loops import LoopDetector, Loops, printed_rule, spectrum

D = 24
detector = LoopDetector()


def plane() -> Tensor:
    return torch.linalg.qr(torch.randn(D, 2, dtype=torch.float64)).Q.T


def cycle(period: int, n: int = 7, noise: float = 0.0) -> Tensor:
    """A big constant mean with a cycle around it."""
    around = torch.randn(period, D, dtype=torch.float64)
    mean = 5 * torch.randn(D, dtype=torch.float64)
    states = mean + around[torch.arange(n) % period]
    return states + noise * torch.randn(n, D, dtype=torch.float64)


def turning(angle: float, n: int = 7, shrink: float = 1.0) -> Tensor:
    t = torch.arange(n, dtype=torch.float64)
    radius = shrink**t
    circle = torch.stack([radius * (angle * t).cos(), radius * (angle * t).sin()], 1)
    return 3 * torch.ones(D, dtype=torch.float64) + 2 * circle @ plane()


def drift(n: int = 7, noise: float = 0.0) -> Tensor:
    t = torch.arange(n, dtype=torch.float64)[:, None]
    states = torch.randn(D, dtype=torch.float64) + 0.3 * t * torch.randn(D, dtype=torch.float64)
    return states + noise * torch.randn(n, D, dtype=torch.float64)


def test_standing_still_is_stagnation() -> None:
    h = torch.randn(D, dtype=torch.float64)
    loop = detector(h.repeat(7, 1))
    assert (loop.kind, loop.lag, loop.ratio) == ("stagnation", 1, 0.0)
    jitter = detector(torch.ones(7, D) + 1e-5 * torch.tensor([1.0, -1] * 4)[:7, None])
    assert jitter.kind == "stagnation"


@pytest.mark.parametrize("period", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_cycle_is_found_with_its_period(period: int, noise: float) -> None:
    for _ in range(20):
        loop = detector(cycle(period, noise=noise))
        assert (loop.kind, loop.lag) == ("cycle", period) and loop.ratio < 0.05


@pytest.mark.parametrize("angle", [0.12, 0.3, 0.7])
def test_a_slow_rotation_is_found_with_its_period(angle: float) -> None:
    loop = detector(turning(angle))
    assert loop.kind == "rotation" and loop.lag == round(2 * math.pi / angle)


@pytest.mark.parametrize("q", [0.3, 0.6, 0.9, -0.5, -0.8])
def test_convergence_is_no_loop_at_any_time(q: float) -> None:
    states = 2 + q ** torch.arange(30.0, dtype=torch.float64)[:, None] * torch.randn(D)
    assert not any(detector(states[: n + 1]).found for n in range(24))


def test_a_spiral_inwards_and_a_power_law_are_no_loops() -> None:
    assert not any(detector(turning(angle, shrink=0.85)).found for angle in (0.2, 0.7, 1.5))
    t = torch.arange(1, 40, dtype=torch.float64)[:, None]
    states = 3 + (t**-1.5).cumsum(0) * torch.randn(D)
    assert not any(detector(states[: n + 1]).found for n in range(30))


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.3])
def test_a_drift_is_no_loop(noise: float) -> None:
    assert not any(detector(drift(noise=noise)).found for _ in range(50))


def test_noise_and_a_random_walk_are_no_loops() -> None:
    noise = torch.randn(300, 7, D, dtype=torch.float64) + 9
    assert not detector.check(noise).found.any()
    assert not detector.check(noise.cumsum(1)).found.any()


def test_a_batch_is_judged_row_by_row() -> None:
    rows = [cycle(3), drift(), turning(0.3), torch.ones(7, D, dtype=torch.float64)]
    found = detector.check(torch.stack(rows))
    assert isinstance(found, Loops) and found.found.tolist() == [True, False, True, True]
    for at, row in enumerate(rows):
        alone = detector(row)
        assert (found.row(at).kind, found.row(at).lag) == (alone.kind, alone.lag)


def test_few_states_give_what_they_can() -> None:
    assert not detector(torch.ones(1, D)).found
    assert detector(cycle(2, n=3)).kind == "cycle"
    assert not detector(turning(0.3, n=5)).found
    with pytest.raises(ValueError, match=r"states must be \[B, n, D\]"):
        detector(torch.ones(D))
    with pytest.raises(ValueError, match="window must be at least 2"):
        LoopDetector(window=1)


def test_the_spectrum_is_that_of_the_written_out_matrix() -> None:
    states = torch.randn(2, 6, 5, dtype=torch.float64)
    for row, values in zip(states, spectrum(states), strict=True):
        c = row - row.mean(0)
        written = torch.stack([torch.cat([c[i], c[i + 1], c[i + 2]]) for i in range(4)], 1)
        assert torch.allclose(values, torch.linalg.svdvals(written))
    for period in (2, 3):  # a cycle of period d has rank d - 1 around its mean
        values = spectrum(cycle(period, n=6)[None])[0]
        assert int((values > 1e-9 * values[0]).sum()) == period - 1


def test_the_printed_rule_misses_what_it_is_for_and_alarms_at_the_rest() -> None:
    still, noise = torch.ones(6, D), torch.randn(6, D)
    assert not printed_rule(still)[0] and not printed_rule(cycle(2, n=6))[0]
    assert printed_rule(noise)[0]
    assert detector(still).found and detector(cycle(2)).found and not detector(noise).found
