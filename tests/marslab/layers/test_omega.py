"""Cayley's map against its definition with an inverse, the scan against its loop, gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.layers.block_config import OmegaConfig
from marslab.layers.omega import Omega, OmegaState, cayley, cayley_low_rank
from marslab.tracing import trace

SMALL: dict[str, Any] = {"n": 4, "codes": 8, "code_dim": 3}
FORMS: list[tuple[dict[str, Any], int | None]] = [
    ({}, None),
    ({"vq": False}, None),
    ({"n": 5}, None),
    ({}, 2),
    ({"recurrent": True}, None),
    ({"recurrent": True, "vq": False}, None),
]


def made(settings: dict[str, Any], rank: int | None) -> Omega:
    return Omega(6, OmegaConfig(**{**SMALL, **settings}), rank=rank).double().eval()


def causal_mean(x: Tensor) -> Tensor:
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


def by_inverse(omega: Tensor) -> Tensor:
    eye = torch.eye(omega.shape[-1], dtype=omega.dtype)
    return (eye + omega / 2) @ torch.linalg.inv(eye - omega / 2)


def skew(layer: Omega, mean: Tensor) -> Tensor:
    """Omega at one token, entry by entry."""
    entries, n = layer.to_skew.weight @ mean + layer.to_skew.bias, layer.n
    if layer.rank is not None:
        U, V = entries.view(n, 2 * layer.rank).chunk(2, -1)
        return U @ V.mT - V @ U.mT
    omega, at = mean.new_zeros(n, n), 0
    for i in range(n):
        for j in range(i + 1, n):
            omega[i, j], omega[j, i] = entries[at], -entries[at]
            at += 1
    return omega


def loop(layer: Omega, x: Tensor, mean: Tensor) -> Tensor:
    """The docstring's formula, token after token; planes of the recurrent form as 2 x 2 turns."""
    B, L, D = x.shape
    n, out = layer.n, torch.zeros_like(x)
    for b in range(B):
        h = x.new_zeros(n)
        for t in range(L):
            lie = x.new_zeros(D)
            if layer.recurrent:
                G = x.new_zeros(n, n)
                for k, w in enumerate(layer.w):
                    zero = torch.zeros((), dtype=x.dtype)
                    plane = torch.stack([zero, -w, w, zero]).view(2, 2)
                    G[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = by_inverse(plane)
                h = G @ h + layer.to_state.weight @ x[b, t]
                read = h / (h.square().mean() + 1e-6).sqrt()
                lie[:n] = layer.from_state.weight @ read
            else:
                lie[:n] = by_inverse(skew(layer, mean[b, t])) @ x[b, t, :n]
            y = x[b, t] + layer.alpha * lie
            if layer.vq is not None:
                z = layer.to_code(x[b, t] / (x[b, t].square().mean() + 1e-6).sqrt())
                at = (layer.vq.codes - z).square().sum(-1).argmin()
                y = y + layer.beta * layer.from_code.weight @ layer.vq.codes[at]
            out[b, t] = y
    return out


@pytest.mark.parametrize(("settings", "rank"), FORMS)
def test_it_is_the_formula(settings: dict[str, Any], rank: int | None) -> None:
    layer, x = made(settings, rank), torch.randn(2, 7, 6, dtype=torch.float64)
    out = layer(x, causal_mean(x))
    torch.testing.assert_close(out.x, loop(layer, x, causal_mean(x)), rtol=1e-9, atol=1e-9)
    assert (out.loss > 0) == (layer.vq is not None)
    assert (out.state is not None) == layer.recurrent


@pytest.mark.parametrize(("settings", "rank"), [f for f in FORMS if f[0].get("vq") is False])
def test_its_gradients_are_those_of_the_formula(settings: dict[str, Any], rank: int | None) -> None:
    layer, x = made(settings, rank), torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    leaves = [x, *layer.parameters()]
    found, wanted = (
        torch.autograd.grad(y.square().sum(), leaves)
        for y in (layer(x, causal_mean(x)).x, loop(layer, x, causal_mean(x)))
    )
    for got, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("size", [0.1, 1.0, 30.0])
def test_cayley_gives_rotations_and_never_minus_one(size: float) -> None:
    A = size * torch.randn(50, 6, 6, dtype=torch.float64)
    eye = torch.eye(6, dtype=torch.float64)
    G = cayley((A - A.mT).unsqueeze(1), eye.expand(50, 6, 6)).mT  # rows were turned: columns of G
    torch.testing.assert_close(G, by_inverse(A - A.mT), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(G @ G.mT, eye.expand_as(G), rtol=0, atol=1e-9)
    torch.testing.assert_close(torch.linalg.det(G), torch.ones(50).double(), rtol=0, atol=1e-9)
    # I + G = 2 (I - Omega/2)^-1 is never singular, so that -1 is no eigenvalue: only approached
    gap = (torch.linalg.eigvals(G) + 1).abs().min()
    largest = torch.linalg.eigvals(A - A.mT).abs().max()
    torch.testing.assert_close(gap, 2 / (1 + largest.square() / 4).sqrt(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_low_rank_form_is_cayley_of_its_matrix(r: int) -> None:
    w = 2 * torch.randn(20, 6, 2 * r, dtype=torch.float64)
    x, (U, V) = torch.randn(20, 6, dtype=torch.float64), w.chunk(2, -1)
    found = cayley_low_rank(w, x)
    torch.testing.assert_close(found, cayley(U @ V.mT - V @ U.mT, x), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.norm(dim=-1), x.norm(dim=-1))


@pytest.mark.parametrize(("settings", "rank"), FORMS)
def test_no_step_sees_a_later_one(settings: dict[str, Any], rank: int | None) -> None:
    layer, x = made(settings, rank), torch.randn(1, 9, 6, dtype=torch.float64)
    changed = x.clone()
    changed[:, 4] += 1
    first, second = (layer(v, causal_mean(v)).x for v in (x, changed))
    assert torch.equal(first[:, :4], second[:, :4])
    assert (first[:, 4:] != second[:, 4:]).any(-1).all()


def test_the_recurrent_form_step_by_step_is_the_whole_run() -> None:
    layer, x = made({"recurrent": True}, None), torch.randn(2, 9, 6, dtype=torch.float64)
    whole, state, pieces = layer(x, x), None, []
    for part in (x[:, :1], x[:, 1:5], x[:, 5:6], x[:, 6:]):
        y, state, _ = layer(part, part, state)
        pieces.append(y)
    torch.testing.assert_close(torch.cat(pieces, 1), whole.x, rtol=1e-10, atol=1e-10)
    assert state is not None and whole.state is not None
    torch.testing.assert_close(state.h, whole.state.h, rtol=1e-10, atol=1e-10)


def test_only_the_recurrence_keeps_the_gradient_through_256_steps() -> None:
    """T24: block after block x + alpha G x multiplies the gradient; h = G h + B x keeps its length.

    Measured with alpha = 0.1: by 6e9 to 2e10, whatever n and rank; the recurrence: by 1.
    """
    v = torch.randn(1, 4, dtype=torch.float64)
    recurrent = made({"recurrent": True, "vq": False}, None)
    h = torch.randn(1, 4, dtype=torch.float64, requires_grad=True)
    out = recurrent(
        torch.randn(1, 256, 6, dtype=torch.float64), torch.zeros(1, 256, 6).double(), OmegaState(h)
    )
    assert out.state is not None
    (g,) = torch.autograd.grad((out.state.h * v).sum(), h)
    torch.testing.assert_close(g.norm(), v.norm(), rtol=1e-10, atol=0)
    blockwise = made({"vq": False}, None)
    start = torch.randn(1, 1, 6, dtype=torch.float64, requires_grad=True)
    x, up = start, torch.randn(1, 1, 6, dtype=torch.float64)
    for _ in range(256):
        x = blockwise(x, torch.zeros_like(x)).x
    (g,) = torch.autograd.grad((x * up).sum(), start)
    assert g.norm() / up.norm() > 1e6


def test_32768_steps_stay_finite_and_keep_their_length() -> None:
    layer = made({"recurrent": True, "vq": False}, None).float()
    x = torch.zeros(1, 32768, 6)
    x[:, 0] = 1
    out = layer(x, x)
    assert out.x.isfinite().all() and out.state is not None
    torch.testing.assert_close(
        out.state.h[0].norm(), layer.to_state(x[0, 0]).norm(), rtol=1e-2, atol=0
    )


@pytest.mark.parametrize(("settings", "rank"), FORMS)
def test_every_parameter_has_a_gradient(settings: dict[str, Any], rank: int | None) -> None:
    layer, x = made(settings, rank).train(), torch.randn(2, 7, 6, dtype=torch.float64)
    out = layer(x, causal_mean(x))
    (out.x.square().sum() + out.loss).backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


@pytest.mark.parametrize(("settings", "rank"), FORMS)
def test_16_bits(settings: dict[str, Any], rank: int | None) -> None:
    layer, x = made({**settings, "vq": False}, rank).float(), torch.randn(2, 7, 6)
    want = layer(x, causal_mean(x)).x
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(x, causal_mean(x)).x, want, rtol=2e-2, atol=2e-2)
    half = x.bfloat16()
    assert layer.bfloat16()(half, half).x.dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(0, 5, 6), (2, 0, 6), (1, 1, 6)])
@pytest.mark.parametrize(("settings", "rank"), FORMS)
def test_empty_input(settings: dict[str, Any], rank: int | None, shape: tuple[int, ...]) -> None:
    x = torch.ones(shape, dtype=torch.float64)
    assert made(settings, rank)(x, x).x.shape == shape


def test_it_tells_the_turn() -> None:
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    layers = [made({}, None), made({"recurrent": True}, None)]
    with trace() as t:
        for layer in layers:
            layer(x, x)
    plain, recurrent = (e.fields for e in t.events if e.name == "omega")
    turn, planes = plain["turn"], recurrent["turn"]
    assert isinstance(turn, Tensor) and turn.shape == (2, 5) and ((0 < turn) & (turn < 3.15)).all()
    assert isinstance(planes, Tensor)
    torch.testing.assert_close(planes, torch.tensor([1.0, 1e-3]).double(), rtol=1e-5, atol=0)
    assert isinstance(plain["alpha"], Tensor) and plain["alpha"].item() == pytest.approx(0.1)


def test_it_compiles_whole() -> None:
    layer, x = made({}, 2), torch.randn(2, 5, 6, dtype=torch.float64)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, x).x, layer(x, x).x)


@pytest.mark.parametrize(
    ("config", "rank", "sentence"),
    [
        ({"n": 7}, None, "n must be between 2 and d_model = 6, got 7"),
        ({"n": 1}, None, "n must be between 2 and d_model = 6, got 1"),
        ({"n": 5, "recurrent": True}, None, "the recurrent form needs an even n and no rank.*"),
        ({"n": 4, "recurrent": True}, 1, "the recurrent form .* got n = 4, rank = 1"),
        ({"n": 4}, 3, "rank must be between 1 and n/2 = 2, got 3"),
    ],
)
def test_settings_that_make_no_layer(
    config: dict[str, Any], rank: int | None, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^Omega: {sentence}$"):
        Omega(6, OmegaConfig(**config), rank=rank)


def test_bad_input() -> None:
    layer, x = made({}, None), torch.ones(2, 5, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"Omega: x must be \[B, L, 6\], got \[2, 5, 4\]"):
        layer(x[..., :4], x)
    with pytest.raises(ValueError, match=r"Omega: mean must be \[B, L, D\] = \[2, 5, 6\], got"):
        layer(x, x[:, :1])
    with pytest.raises(ValueError, match="only the recurrent form has a state"):
        layer(x, x, OmegaState(x[:, 0, :4]))
    with pytest.raises(ValueError, match=r"Omega: state.h must be \[B, n\] = \[2, 4\]"):
        made({"recurrent": True}, None)(x, x, OmegaState(x[:, 0]))
