"""The gate against its formula, and the cut that only eval mode makes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.layers.block_config import NoveltyConfig
from marslab.layers.novelty_gate import NoveltyGate
from marslab.tracing import trace


def made(cut: float = 0.2, bias: float = 2.0) -> NoveltyGate:
    layer = NoveltyGate(6, NoveltyConfig(cut=cut)).double()
    torch.nn.init.constant_(layer.outer.bias, bias)
    return layer


def causal_mean(x: Tensor) -> Tensor:
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]


def inputs() -> tuple[Tensor, ...]:
    old, new = (torch.randn(2, 7, 6, dtype=torch.float64) for _ in "on")
    return old, new, causal_mean(old), causal_mean(new)


def novelty_of(layer: NoveltyGate, m: Tensor, m_new: Tensor) -> Tensor:
    W1, b1 = layer.inner.weight, layer.inner.bias
    inner = m @ W1[:, :6].T + (m_new - m) @ W1[:, 6:].T + b1
    inner = inner / (1 + torch.exp(-inner))
    return 1 / (1 + torch.exp(-(inner @ layer.outer.weight.T + layer.outer.bias)))


@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_formula(training: bool) -> None:
    layer, (old, new, m, m_new) = made().train(training), inputs()
    found = layer(old, new, m, m_new)
    novelty = novelty_of(layer, m, m_new)
    torch.testing.assert_close(found.novelty, novelty, rtol=1e-10, atol=0)
    assert (novelty > 0.2).all()
    torch.testing.assert_close(found.x, novelty * new + (1 - novelty) * old)


def test_a_fresh_gate_passes_most() -> None:
    old, new, m, m_new = (v.float() for v in inputs())
    assert NoveltyGate(6, NoveltyConfig())(old, new, m, m_new).novelty.mean() > 0.8


def test_below_the_cut_eval_is_the_residual_to_the_bit_and_training_blends() -> None:
    layer, given = made(bias=-1.4), inputs()
    found = layer.eval()(*given)
    low = (found.novelty < 0.2).squeeze(-1)
    assert low.any() and not low.all()
    assert torch.equal(found.x[low], given[0][low])
    assert (found.x[~low] != given[0][~low]).any(-1).all()
    blended = layer.train()(*given)
    assert (blended.x[low] != given[0][low]).any(-1).all()
    assert torch.equal(blended.novelty, found.novelty)
    assert torch.equal(blended.x[~low], found.x[~low])


def test_every_parameter_has_a_gradient_in_training_also_below_the_cut() -> None:
    layer, given = made(bias=-5.0), inputs()
    found = layer(*given)
    assert (found.novelty < 0.2).all()
    found.x.square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


def test_no_step_sees_a_later_one() -> None:
    layer, (old, new, _, _) = made().eval(), inputs()
    later = new.clone()
    later[:, 4:] += 1
    first, second = (layer(old, v, causal_mean(old), causal_mean(v)).x for v in (new, later))
    assert torch.equal(first[:, :4], second[:, :4])
    assert not torch.equal(first[:, 4:], second[:, 4:])


def test_16_bits() -> None:
    layer, given = made().float().eval(), [v.float() for v in inputs()]
    want = layer(*given)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(*given).x, want.x, rtol=2e-2, atol=2e-2)
    assert layer.bfloat16()(*(v.bfloat16() for v in given)).x.dtype == torch.bfloat16


def test_it_tells_the_novelty_and_compiles_whole() -> None:
    layer, given = made(cut=0.99).eval(), inputs()
    with trace() as t:
        found = layer(*given)
    fields: dict[str, Any] = t.events[-1].fields
    assert torch.equal(fields["novelty"], found.novelty.detach())
    assert fields["passed"].item() == 1 and torch.equal(found.x, given[0])
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given).x, found.x)


def test_bad_input() -> None:
    old, new, m, m_new = inputs()
    with pytest.raises(ValueError, match="NoveltyGate: d_model must be positive, got 0"):
        NoveltyGate(0, NoveltyConfig())
    with pytest.raises(ValueError, match=r"NoveltyGate: old must be \[B, L, 6\], got \[2, 7, 4\]"):
        made()(old[..., :4], new, m, m_new)
    with pytest.raises(
        ValueError, match=r"NoveltyGate: mean_new must be \[B, L, D\] = \[2, 7, 6\]"
    ):
        made()(old, new, m, m_new[:, :1])
