"""Memory that enters by need, against its formula, and with a gradient where nothing enters."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.layers.memory_injection import MemoryInjection, Mode
from marslab.tracing import trace


def made(mode: Mode = "dynamic", **settings: Any) -> MemoryInjection:
    return MemoryInjection(6, 4, mode, **settings).double()


def causal_mean(x: Tensor) -> Tensor:
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    x = torch.randn(2, 7, 6, dtype=torch.float64)
    return x, causal_mean(x), F.normalize(torch.randn(2, 7, 4, dtype=torch.float64), dim=-1)


def against(layer: MemoryInjection, mean: Tensor) -> Tensor:
    """A memory that points away from every query."""
    return -F.normalize(layer.query(mean).detach(), dim=-1)


def loop(layer: MemoryInjection, x: Tensor, mean: Tensor, memory: Tensor) -> Tensor:
    out = x.clone()
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            m, v = mean[b, t], memory[b, t]
            q = layer.query.weight @ m
            sim = (q @ v / q.norm() / v.norm()).clamp_min(0)
            need = torch.sigmoid(layer.gate.weight[0] @ torch.cat([m, v]) + layer.gate.bias[0])
            out[b, t] += sim * need * (layer.proj.weight @ v)
    return out


@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_dynamic_is_the_formula(leak: float) -> None:
    layer, (x, mean, memory) = made(leak=leak), inputs()
    found = layer(x, mean, memory)
    torch.testing.assert_close(found.x, loop(layer, x, mean, memory), rtol=1e-10, atol=1e-12)
    gate = torch.sigmoid(layer.gate(torch.cat([mean, memory], -1)))
    assert found.need is not None and torch.equal(found.need, gate)


def test_without_leak_the_gradients_are_those_of_the_formula() -> None:
    layer, (x, mean, memory) = made(leak=0.0), inputs()
    leaves = list(layer.parameters())
    found, wanted = (
        torch.autograd.grad(y.square().sum(), leaves)
        for y in (layer(x, mean, memory).x, loop(layer, x, mean, memory))
    )
    for got, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-8, atol=1e-10)


def test_with_leak_the_value_is_relus_and_the_gradient_softplus() -> None:
    layer, (x, mean, memory) = made(), inputs()
    plain = made(leak=0.0)
    plain.load_state_dict(layer.state_dict())
    far = torch.randn_like(x)
    found = layer(x, mean, memory).x
    assert torch.equal(found, plain(x, mean, memory).x)
    with torch.no_grad():
        assert torch.equal(layer(x, mean, memory).x, found)
    sim = F.cosine_similarity(layer.query(mean), memory, -1).unsqueeze(-1)
    need = torch.sigmoid(layer.gate(torch.cat([mean, memory], -1)))
    smooth = x + 0.1 * F.softplus(sim / 0.1) * need * layer.proj(memory)
    leaves = list(layer.parameters())
    pairs = zip(
        torch.autograd.grad((found * far).sum(), leaves),
        torch.autograd.grad((smooth * far).sum(), leaves),
        strict=True,
    )
    for got, want in pairs:
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)


def test_a_memory_that_points_elsewhere_adds_nothing_and_can_still_be_learned() -> None:
    layer, (x, mean, _) = made(), inputs()
    memory = against(layer, mean)
    found = layer(x, mean, memory)
    assert torch.equal(found.x, x)
    (found.x - 1).square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name
    optimizer = torch.optim.Adam(layer.parameters(), 0.03)
    for _ in range(100):
        loss = (layer(x, mean, memory).x - x - memory @ torch.ones(4, 6).double()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert not torch.equal(layer(x, mean, memory).x, x)


@pytest.mark.parametrize("mode", ["dynamic", "static"])
def test_every_parameter_has_a_gradient(mode: Mode) -> None:
    layer, given = made(mode), inputs()
    layer(*given).x.square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


def test_static_none_and_no_memory() -> None:
    x, mean, memory = inputs()
    static = made("static")
    found = static(x, mean, memory)
    torch.testing.assert_close(found.x, x + 0.05 * memory @ static.proj.weight.T)
    assert found.need is None
    assert list(made("none").parameters()) == []
    for layer, given in ((made("none"), memory), (made(), None), (static, None)):
        found = layer(x, mean, given)
        assert found.x is x and found.need is None


def test_memory_matters_and_its_length_does_not_matter_to_the_strength() -> None:
    layer, (x, mean, memory) = made(), inputs()
    with trace() as t:
        layer(x, mean, memory)
        layer(x, mean, 3 * memory)
    first, second = (event.fields["sim"] for event in t.events)
    assert isinstance(first, Tensor) and isinstance(second, Tensor)
    torch.testing.assert_close(first, second)
    assert (layer(x, mean, memory).x != x).any() and t.names() == ["injection"]


def test_no_step_sees_a_later_one() -> None:
    layer, (x, _, memory) = made(), inputs()
    later, recalled = x.clone(), memory.clone()
    later[:, 4:] += 1
    recalled[:, 4:] *= -1
    first = layer(x, causal_mean(x), memory).x
    second = layer(later, causal_mean(later), recalled).x
    assert torch.equal(first[:, :4], second[:, :4])


def test_zeros_have_finite_gradients() -> None:
    layer, x = made(), torch.zeros(1, 3, 6, dtype=torch.float64, requires_grad=True)
    memory = torch.zeros(1, 3, 4, dtype=torch.float64, requires_grad=True)
    layer(x, x, memory).x.sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    assert memory.grad is not None and memory.grad.isfinite().all()


def test_16_bits() -> None:
    layer, given = made().float(), [v.float() for v in inputs()]
    want = layer(*given)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(*given).x, want.x, rtol=2e-2, atol=2e-2)
    assert layer.bfloat16()(*(v.bfloat16() for v in given)).x.dtype == torch.bfloat16


def test_it_compiles_whole() -> None:
    layer, given = made(), inputs()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given).x, layer(*given).x)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 4), "d_model must be positive, got 0"),
        ((6, 0), "memory_dim must be positive, got 0"),
        ((6, 4, "both"), "mode must be 'dynamic', 'static' or 'none', got 'both'"),
    ],
)
def test_settings_that_make_no_layer(arguments: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^MemoryInjection: {sentence}$"):
        MemoryInjection(*arguments)


def test_bad_input() -> None:
    x, mean, memory = inputs()
    with pytest.raises(ValueError, match="MemoryInjection: leak must be at least 0, got -1"):
        made(leak=-1)
    with pytest.raises(ValueError, match=r"MemoryInjection: x must be \[B, L, 6\], got"):
        made()(x[..., :4], mean, memory)
    with pytest.raises(
        ValueError, match=r"MemoryInjection: mean must be \[B, L, D\] = \[2, 7, 6\]"
    ):
        made()(x, mean[:, :1], memory)
    with pytest.raises(ValueError, match=r"memory must be \[B, L, M\] = \[2, 7, 4\], got \[2, 4\]"):
        made()(x, mean, memory[:, 0])
