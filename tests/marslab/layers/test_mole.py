"""The experts against a loop over tokens and experts; an expert that comes later."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.layers.block_config import MoleConfig
from marslab.layers.mole import MoLE
from marslab.tracing import trace

CONFIG = MoleConfig(experts=("a", "b", "c", "d"), rank=2)


def made(config: MoleConfig = CONFIG, added: tuple[str, ...] = (), trained: bool = True) -> MoLE:
    layer = MoLE(6, config, added=added).double()
    if trained:
        for name, p in layer.named_parameters():
            if name.endswith("up.weight"):
                torch.nn.init.normal_(p)
    return layer


def causal_mean(x: Tensor) -> Tensor:
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


def unit(v: Tensor) -> Tensor:
    return v / (v.square().mean() + 1e-8).sqrt() / v.numel() ** 0.5


def score(layer: Any, i: int, m: Tensor, temperature: Tensor) -> Tensor:
    gate = torch.sigmoid(layer.gate.weight[i] @ m + layer.gate.bias[i])
    return unit(m) @ unit(layer.queries[i]) * gate / temperature


def delta(layer: Any, i: int, x: Tensor, config: MoleConfig) -> Tensor:
    own = slice(i * config.rank, (i + 1) * config.rank)
    return config.alpha / config.rank * layer.up.weight[:, own] @ (layer.down.weight[own] @ x)


def loop(layer: MoLE, x: Tensor, mean: Tensor) -> Tensor:
    config, out = layer.config, x.clone()
    E, temperature = len(config.experts), layer.log_temperature.exp()
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            s = torch.stack([score(layer.experts, i, mean[b, t], temperature) for i in range(E)])
            best = sorted(range(E), key=lambda i: -s[i].item())[: config.top_k]
            total = sum(s[i].exp() for i in best)
            for i in best:
                out[b, t] += s[i].exp() / total * delta(layer.experts, i, x[b, t], config)
            extra = [score(new, 0, mean[b, t], temperature) for new in layer.added.values()]
            total = sum(v.exp() for v in [*s, *extra])
            for v, new in zip(extra, layer.added.values(), strict=True):
                out[b, t] += v.exp() / total * delta(new, 0, x[b, t], config)
    return out


@pytest.mark.parametrize("added", [(), ("e", "f")])
@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_it_is_the_formula(top_k: int, added: tuple[str, ...]) -> None:
    layer = made(MoleConfig(experts=CONFIG.experts, rank=2, top_k=top_k), added).eval()
    x = torch.randn(2, 7, 6, dtype=torch.float64)
    found = layer(x, causal_mean(x))
    torch.testing.assert_close(found.x, loop(layer, x, causal_mean(x)), rtol=1e-9, atol=1e-9)
    assert ((found.weights[..., :4] > 0).sum(-1) == top_k).all()
    torch.testing.assert_close(found.weights[..., :4].sum(-1), torch.ones(2, 7).double())


def test_it_starts_as_the_identity() -> None:
    x = torch.randn(2, 7, 6, dtype=torch.float64)
    assert torch.equal(made(trained=False)(x, x).x, x)


def test_the_losses_are_those_of_the_papers() -> None:
    layer, x = made().eval(), torch.randn(2, 7, 6, dtype=torch.float64)
    found, T = layer(x, x), layer.log_temperature.exp()
    s = torch.stack([score(layer.experts, i, m, T) for m in x.flatten(0, 1) for i in range(4)])
    s = s.view(14, 4)
    f = torch.stack([(found.weights[..., i] > 0).double().mean() / 2 for i in range(4)])
    torch.testing.assert_close(found.balance, 4 * (f * s.softmax(-1).mean(0)).sum())
    torch.testing.assert_close(found.z, s.exp().sum(-1).log().square().mean())
    with torch.no_grad():
        assert layer(x, x).balance == 0 and layer.train()(x, x).balance > 0


def test_one_favourite_costs_balance() -> None:
    layer = made().eval()
    x = torch.randn(1, 1, 6, dtype=torch.float64).expand(4, 8, 6)
    assert layer(x, x).balance > 1.5
    layer.experts.queries.data[:] = 0
    layer.experts.gate.weight.data[:] = 0
    torch.testing.assert_close(layer(x, x).balance, torch.tensor(1.0).double())


def test_jitter_multiplies_in_training_only() -> None:
    config = MoleConfig(experts=CONFIG.experts, rank=2, top_k=4, jitter=0.01)
    layer, x = made(config), torch.randn(1, 200, 6, dtype=torch.float64)
    calm, again = (layer.eval()(x, x) for _ in "ab")
    assert torch.equal(calm.x, again.x) and not torch.equal(calm.x, layer.train()(x, x).x)
    factor = layer._scores(layer.experts, x) / layer.eval()._scores(layer.experts, x)
    assert ((factor >= 0.99) & (factor <= 1.01)).all() and factor.std() > 0.004
    assert abs(factor.mean().item() - 1) < 0.002


def test_every_parameter_has_a_gradient() -> None:
    layer, x = made(added=("e",)), torch.randn(4, 30, 6, dtype=torch.float64)
    found = layer(x, causal_mean(x))
    (found.x.square().sum() + found.balance + found.z).backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


def test_from_the_start_what_can_learn_has_a_gradient_and_then_all() -> None:
    layer, x = made(trained=False), torch.randn(4, 30, 6, dtype=torch.float64)
    for step in range(2):
        found = layer(x, causal_mean(x))
        layer.zero_grad()
        ((found.x - 1).square().mean() + found.balance + found.z).backward()
        still = [n for n, p in layer.named_parameters() if p.grad is None or not p.grad.any()]
        assert still == (["experts.down.weight"] if step == 0 else [])
        torch.optim.SGD(layer.parameters(), 0.1).step()


def test_no_step_sees_a_later_one() -> None:
    layer, x = made(added=("e",)).eval(), torch.randn(1, 9, 6, dtype=torch.float64)
    changed = x.clone()
    changed[:, 4:] += 1
    first, second = (layer(v, causal_mean(v)).x for v in (x, changed))
    assert torch.equal(first[:, :4], second[:, :4])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_new_expert_changes_nothing_until_it_is_trained(dtype: torch.dtype) -> None:
    layer = MoLE(112, MoleConfig()).to(dtype).eval()
    torch.nn.init.normal_(layer.experts.up.weight)
    x = torch.randn(3, 17, 112, dtype=dtype)
    old = layer(x, causal_mean(x))
    layer.add_expert("chess")
    new = layer(x, causal_mean(x))
    assert torch.equal(new.x, old.x) and torch.equal(new.weights[..., :8], old.weights)
    assert torch.equal(new.balance, old.balance) and torch.equal(new.z, old.z)
    assert layer.names[-1] == "chess" and new.weights.shape[-1] == 9
    fresh = list(layer.added.parameters())
    torch.optim.SGD(fresh, 0.1).zero_grad()
    layer(x, causal_mean(x)).x.square().mean().backward()
    torch.optim.SGD(fresh, 1.0).step()
    assert not torch.equal(layer(x, causal_mean(x)).x, old.x)


def test_a_state_dict_brings_its_added_experts() -> None:
    layer, x = made(added=("e", "f")).eval(), torch.randn(2, 7, 6, dtype=torch.float64)
    whole = torch.nn.Sequential(torch.nn.Identity(), made().eval())
    whole.load_state_dict({f"1.{name}": value for name, value in layer.state_dict().items()})
    other = whole[1]
    assert isinstance(other, MoLE) and other.names == layer.names
    assert torch.equal(other(x, x).x, layer(x, x).x)


def test_16_bits_route_as_float32() -> None:
    layer, x = made().float().eval(), torch.randn(2, 50, 6)
    want = layer(x, x)
    with torch.autocast("cpu", torch.bfloat16):
        got = layer(x, x)
    assert torch.equal(got.weights, want.weights)
    torch.testing.assert_close(got.x, want.x, rtol=5e-2, atol=0.2)
    half = x.bfloat16()
    assert layer.bfloat16()(half, half).x.dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(0, 5, 6), (2, 0, 6), (1, 1, 6)])
def test_empty_batches_and_a_mean_of_zero(shape: tuple[int, ...]) -> None:
    layer = made(added=("e",))
    x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    found = layer(x, x)
    (found.x.sum() + found.balance + found.z).backward()
    assert found.x.shape == shape and found.balance.isfinite()
    assert x.grad is not None and x.grad.isfinite().all()


def test_it_tells_the_weights_and_compiles_whole() -> None:
    layer, x = made(added=("e",)).eval(), torch.randn(2, 5, 6, dtype=torch.float64)
    with trace() as t:
        found = layer(x, x)
    fields: dict[str, Any] = t.events[-1].fields
    assert t.names() == ["mole"] and torch.equal(fields["weights"], found.weights.detach())
    assert fields["temperature"].item() == pytest.approx(0.1)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, x).x, found.x)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a", "there is an expert 'a' already; take another name"),
        ("e", "there is an expert 'e' already; take another name"),
        ("x.y", "an expert's name is letters, digits and _, got 'x.y'"),
        ("pop", "an expert's name is letters, digits and _, got 'pop'"),
    ],
)
def test_names_that_make_no_expert(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^MoLE: {sentence}$"):
        made(added=("e",)).add_expert(name)


def test_bad_input() -> None:
    x = torch.ones(2, 5, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match="MoLE: d_model must be positive, got 0"):
        MoLE(0, CONFIG)
    with pytest.raises(ValueError, match=r"MoLE: x must be \[B, L, 6\], got \[2, 5, 4\]"):
        made()(x[..., :4], x)
    with pytest.raises(ValueError, match=r"MoLE: mean must be \[B, L, D\] = \[2, 5, 6\], got"):
        made()(x, x[:, :1])
