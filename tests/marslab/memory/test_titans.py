"""Titans: its step against the formula written out, and what it keeps, forgets and refuses."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from marslab import trace
from marslab.memory.calibration import calibrate
from marslab.memory.titans import PRINTED, PRINTED_LOSS, Titans, TitansConfig


def items(count: int, dim: int = 96, seed: int = 1) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dim, generator=random), dim=-1)


def by_hand(titans: Titans, x: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Two momentum matrices and two weights, every derivative written out."""
    c, config = (0.3558 * titans.hidden) ** 0.5, titans.config
    k, v = (F.normalize(x @ w.T, dim=-1) for w in (titans.to_key, titans.to_value))
    up, down = titans.up, titans.down
    s_up, s_down = torch.zeros_like(up), torch.zeros_like(down)
    for _ in range(steps):
        z = k @ up.T
        a, gate = z * torch.sigmoid(z) / c, torch.sigmoid(z)
        error = 2 * (a @ down.T - v) / len(x)
        back = error @ down * (gate + z * gate * (1 - gate)) / c
        s_up = config.momentum * s_up - config.rate * back.T @ k
        s_down = config.momentum * s_down - config.rate * error.T @ a
        up = (1 - config.forget) * up + s_up
        down = (1 - config.forget) * down + s_down
    return up, down


def test_a_write_is_the_formula() -> None:
    titans, x = Titans(8, 12).double(), items(3, 8).double()
    state, losses = titans.write(x, titans.fresh(), steps=4)
    up, down = by_hand(titans, x, 4)
    torch.testing.assert_close(state.up, up.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(state.down, down.detach(), rtol=1e-9, atol=1e-12)
    assert losses.shape == (5,) and bool((losses.diff() < 0).all()) and state.writes == 1
    torch.testing.assert_close(losses[-1], titans.surprise(x, state).mean().detach())


def test_states_do_not_mix_and_are_not_changed_in_place() -> None:
    titans, x = Titans(8, 12).double(), items(6, 8).double().view(3, 2, 8)
    together, losses = titans.write(x, titans.fresh((3,)))
    assert losses.shape == (4, 3)
    alone = titans.fresh()
    for row in range(3):
        alone, _ = titans.write(x[row], titans.fresh())
        torch.testing.assert_close(together.up[row], alone.up)
        torch.testing.assert_close(titans.read(x, together)[row], titans.read(x[row], alone))
    before = [tensor.clone() for tensor in alone[:4]]
    titans.write(x[0], alone)
    assert all(map(torch.equal, before, alone[:4]))
    assert not any(p.grad is not None for p in titans.parameters())


@pytest.mark.parametrize(("dim", "hidden", "cosine"), [(96, 192, 0.7), (384, 768, 0.8)])
def test_an_old_item_survives_fifty_newer_ones(dim: int, hidden: int, cosine: float) -> None:
    titans, x = Titans(dim, hidden), items(101, dim)
    state = titans.fresh()
    for item in x[:51]:
        state, _ = titans.write(item, state)
    assert F.cosine_similarity(titans.read(x[0], state), x[0], dim=0) > cosine
    surprise = titans.surprise(x, state)
    assert surprise[:51].mean() < 0.4 * surprise[51:].mean()
    read = titans.read(x[:51], state)  # slots differ: each cue finds its own item
    assert torch.equal((read @ x[:51].T).argmax(-1), torch.arange(51))


def test_what_is_repeated_stops_being_surprising() -> None:
    titans, x = Titans(96, 192), items(40)
    found = calibrate(titans, x[:15], x[15:30])
    assert found.accuracy == 1 and found.known < found.threshold < found.novel
    assert float(titans.threshold) == pytest.approx(found.threshold)
    state = titans.fresh()
    for item in x[30:]:
        assert titans.surprise(item, state) > titans.threshold
        state, _ = titans.write(item, state)
        assert titans.surprise(item, state) < titans.threshold


def test_the_threshold_travels_with_the_weights() -> None:
    titans, other = Titans(16, 32), Titans(16, 32)
    calibrate(titans, items(4, 16), items(4, 16, seed=2))
    other.load_state_dict(titans.state_dict())
    assert (
        torch.equal(other.threshold, titans.threshold)
        and other.threshold != TitansConfig().threshold
    )


def test_the_printed_form_never_stops_being_surprised() -> None:
    titans, x = Titans(96, 192, PRINTED), items(1)
    state = titans.fresh()
    for _ in range(100):
        state, _ = titans.write(x, state)
    assert titans.surprise(x, state) > PRINTED_LOSS and titans.threshold == pytest.approx(
        PRINTED_LOSS
    )


def test_it_stays_bounded_whatever_is_written() -> None:
    titans = Titans(16, 32, TitansConfig(rate=50.0, momentum=0.99, forget=0.0))
    state = titans.fresh()
    for item in items(200, 16):
        state, _ = titans.write(item * 1e6, state)
    assert all(bool(tensor.isfinite().all()) for tensor in state[:4])
    assert state.up.square().mean() <= 16.01 and state.down.square().mean() <= 16.01


def test_every_parameter_learns_and_training_helps() -> None:
    titans, x = Titans(16, 24), items(12, 16)
    before = titans.recall_loss(x)
    before.backward()
    for name, parameter in titans.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
    optimizer = torch.optim.Adam(titans.parameters(), lr=0.02)
    for seed in range(12):
        optimizer.zero_grad()
        titans.recall_loss(items(12, 16, seed=10 + seed)).backward()
        optimizer.step()
    with torch.no_grad():
        assert titans.recall_loss(items(12, 16, seed=99)) < 0.9 * before


def test_it_tells_what_it_wrote_and_projects_the_brain() -> None:
    titans = Titans(8, 12, d_model=20)
    with trace() as seen:
        titans.write(items(1, 8)[0], titans.fresh())
    assert seen.frame("titans")["losses"][0].shape == (4,)
    found = titans.project(torch.randn(2, 5, 20))
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2, 5))


def test_what_is_refused() -> None:
    titans = Titans(8, 12)
    with pytest.raises(ValueError, match=r"must be \[..., N, 8\], got \[2, 9\]"):
        titans.read(torch.zeros(2, 9), titans.fresh())
    with pytest.raises(ValueError, match="positive sizes"):
        Titans(0)
    with pytest.raises(ValueError, match="d_model"):
        titans.project(torch.zeros(1, 8))
    with pytest.raises(ValueError, match="steps must be at least 1, got -1"):
        titans.write(items(1, 8), titans.fresh(), steps=-1)
    with pytest.raises(ValueError, match=r"held_out must be \[N, 8\]"):
        calibrate(titans, items(2, 8), items(2, 8)[:0])
    for field in ("rate", "momentum", "forget", "steps", "threshold", "most"):
        with pytest.raises(ValueError, match=f"titans.{field} must be"):
            replace(TitansConfig(), **{field: -1})
    with pytest.raises(ValueError, match="'delta' or 'printed'"):
        TitansConfig("hebb")  # pyright: ignore[reportArgumentType]
