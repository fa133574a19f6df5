"""Muon against torch's, newton_schulz against the SVD, and the printed iteration diverging."""

import pytest
import torch
from torch import Tensor, nn

from marslab.learning.muon import Muon, newton_schulz, parameter_groups


def spread(rows: int, columns: int, least: float) -> Tensor:
    """A matrix with singular values from `least` to 1 and random directions."""
    size = min(rows, columns)
    U = torch.linalg.qr(torch.randn(rows, size, dtype=torch.float64))[0]
    W = torch.linalg.qr(torch.randn(columns, size, dtype=torch.float64))[0]
    return U * torch.linspace(least, 1, size, dtype=torch.float64) @ W.T


@pytest.mark.parametrize("shape", [(6, 6), (4, 20), (20, 4), (1, 5)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_singular_values_end_about_one_whatever_they_were(
    shape: tuple[int, int], size: float
) -> None:
    X = size * spread(*shape, least=0.1)
    O = newton_schulz(X)
    s = torch.linalg.svdvals(O)
    assert s.min() > 0.65 and s.max() < 1.25
    U, _, Wh = torch.linalg.svd(X, full_matrices=False)
    between = U.T @ O @ Wh.T  # the same singular directions: diagonal in the basis of X
    assert (between - torch.diag(between.diagonal())).abs().max() < 1e-9


def test_it_is_the_polynomial_on_singular_values() -> None:
    s = torch.tensor([0.9, 0.5, 0.02], dtype=torch.float64)
    wanted = s / s.norm()
    for _ in range(3):
        wanted = 3.4445 * wanted - 4.7750 * wanted**3 + 2.0315 * wanted**5
    torch.testing.assert_close(newton_schulz(torch.diag(s), steps=3).diagonal(), wanted)


def test_the_printed_iteration_diverges_or_hardly_moves() -> None:
    """T47: X (3 I - X^T X) / 2 without a norm, five times."""

    def printed(value: float) -> float:
        x = torch.tensor(value, dtype=torch.float64)
        for _ in range(5):
            x = x * (3 - x * x) / 2
        return abs(x.item())

    assert printed(3.0) > 1e60  # beyond sqrt(3)
    assert printed(0.01) == pytest.approx(0.076, abs=1e-3)  # far from one after five
    O = newton_schulz(torch.diag(torch.tensor([3.0, 0.01])))
    assert torch.isfinite(O).all() and O[0, 0] > 0.65 and O[1, 1] > 0.65


def moved(optimizer: type, W: Tensor, grads: list[Tensor], **options: object) -> Tensor:
    p = nn.Parameter(W.clone())
    made = optimizer([p], lr=0.05, **options)
    for g in grads:
        p.grad = g.clone()
        made.step()
    return p.detach()


@pytest.mark.parametrize("shape", [(5, 5), (12, 3), (3, 12)])
@pytest.mark.parametrize("scale", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("nesterov", [True, False])
def test_it_is_the_muon_of_torch(shape: tuple[int, int], scale: str, nesterov: bool) -> None:
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon; un-skip when it is 2.9 or newer")
    W, *grads = torch.randn(6, *shape)
    both = {"nesterov": nesterov, "weight_decay": 0.1, "momentum": 0.9}
    theirs = moved(torch.optim.Muon, W, grads, adjust_lr_fn=scale, **both)
    # torch multiplies in bfloat16: with that dtype ours is the same, rounding of the norm apart
    ours = moved(Muon, W, grads, scale=scale, dtype=torch.bfloat16, **both)
    torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)
    exact = moved(Muon, W, grads, scale=scale, **both)
    assert (exact - theirs).norm() / (theirs - W).norm() < 0.05


def test_it_learns_a_linear_map() -> None:
    target, x = torch.randn(6, 6), torch.randn(64, 6)
    layer = nn.Linear(6, 6, bias=False)
    optimizer = Muon(layer.parameters(), lr=0.1, weight_decay=0.0)
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 150)
        loss = (layer(x) - x @ target.T).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (layer.weight - target).norm() / target.norm() < 0.05


def test_groups() -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(9, 4)
            self.tied = nn.Linear(4, 9, bias=False)
            self.tied.weight = self.embed.weight
            self.lm_head = nn.Linear(4, 9)
            self.up, self.norm = nn.Linear(4, 8), nn.LayerNorm(4)
            self.gate, self.frozen = nn.Linear(4, 1), nn.Linear(4, 4)
            self.frozen.requires_grad_(False)
            self.A_log = nn.Parameter(torch.zeros(4, 3))
            self.W_down = nn.Parameter(torch.zeros(4, 3))
            self.conv = nn.Conv1d(4, 4, 3)

    model = Parts()
    groups = parameter_groups(model, matrices=("W_down",))
    assert set(groups.matrices) == {"up.weight", "W_down"}
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert groups.matrices.keys() | groups.others.keys() == trainable
    assert not groups.matrices.keys() & groups.others.keys()
    assert "up.weight" in parameter_groups(model, besides=("up.*",)).others


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="X must be a matrix"):
        newton_schulz(torch.zeros(3))
    with pytest.raises(ValueError, match="steps must be positive, got 0"):
        newton_schulz(torch.zeros(3, 3), steps=0)
    with pytest.raises(ValueError, match=r"a matrix, got \[3\]: give the others to AdamW"):
        Muon([nn.Parameter(torch.zeros(3))])
    for setting in ({"lr": -1}, {"momentum": 2}, {"weight_decay": -1}, {"scale": "rms"}):
        with pytest.raises(ValueError, match=f"Muon: {next(iter(setting))} must be"):
            Muon([nn.Parameter(torch.zeros(3, 3))], **setting)  # pyright: ignore[reportArgumentType]
    assert torch.equal(newton_schulz(torch.zeros(3, 3)), torch.zeros(3, 3))
