"""The gated blocks around ssd, min_gru and linear_scan, each against a loop over time."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.testing import assert_close
from marslab.layers import DualSSM, FixedDecay, GatedBlock, MinGRU, SelectiveSSM
from marslab.layers.rates import log_rates
from marslab.tracing import trace


def dual(layer: Any, u: Tensor) -> Tensor:
    H = layer.heads
    dt = F.softplus(u @ layer.to_dt.weight.T + layer.to_dt.bias)
    B, C = (u @ layer.to_B_and_C.weight.T).chunk(2, -1)
    h, out = u.new_zeros(len(u), H, u.shape[-1] // H, B.shape[-1]), []
    for t in range(u.shape[1]):
        keep = torch.exp(-dt[:, t] * layer.A_log.exp())[:, :, None, None]
        x = u[:, t].unflatten(-1, (H, -1)) * dt[:, t, :, None]
        h = keep * h + x[..., None] * B[:, t, None, None]
        out.append((h * C[:, t, None, None]).sum(-1).flatten(1))
    return torch.stack(out, 1)


def gru(layer: Any, u: Tensor) -> Tensor:
    h, out = torch.zeros_like(u[:, 0]), []
    for t in range(u.shape[1]):
        g = torch.sigmoid(u[:, t] @ layer.to_z.weight.T + layer.to_z.bias)
        h = (1 - g) * h + g * (u[:, t] @ layer.to_h.weight.T)
        out.append(h)
    return torch.stack(out, 1)


def fixed(layer: Any, u: Tensor) -> Tensor:
    dt = torch.log1p(layer.dt_bias.exp())
    h, out = torch.zeros_like(u[:, 0]), []
    for t in range(u.shape[1]):
        h = torch.exp(-dt) * h + dt * (u[:, t] @ layer.to_input.weight.T)
        out.append(h)
    return torch.stack(out, 1)


BLOCKS: dict[str, tuple[Callable[..., GatedBlock], Callable[[Any, Tensor], Tensor]]] = {
    "dual_ssm": (lambda **rest: DualSSM(4, d_state=3, heads=2, **rest), dual),
    "min_gru": (lambda **rest: MinGRU(4, **rest), gru),
    "fixed_decay": (lambda **rest: FixedDecay(4, steps=(0.1, 1.0), **rest), fixed),
}
each_block = pytest.mark.parametrize(("make", "mix"), BLOCKS.values(), ids=BLOCKS)


@each_block
def test_what_it_mixes_is_the_loop_and_so_are_its_gradients(make, mix) -> None:
    torch.manual_seed(0)
    layer = make().double()
    u = torch.randn(2, 7, 8, dtype=torch.float64, requires_grad=True)
    assert_close(layer.mixed(u), mix(layer, u) + layer.D * u)
    leaves = [u, *layer.parameters()]
    found, expected = (
        torch.autograd.grad(f(u).square().sum(), leaves, allow_unused=True, materialize_grads=True)
        for f in (layer.mixed, lambda u: mix(layer, u) + layer.D * u)
    )
    for got, want in zip(found, expected, strict=True):
        assert_close(got, want, gradient=True)


@each_block
def test_every_parameter_has_a_gradient_and_no_step_sees_a_later_one(make, mix) -> None:
    layer = make()
    x = torch.randn(2, 7, 4, requires_grad=True)
    layer(x).square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name
    (sees,) = torch.autograd.grad(layer(x)[:, 3].sum(), x)
    assert sees[:, 0].abs().sum() > 0 and sees[:, 4:].abs().sum() == 0


@each_block
def test_switched_off_it_remembers_what_the_convolution_sees(make, mix) -> None:
    x = torch.randn(1, 9, 4, requires_grad=True)
    (sees,) = torch.autograd.grad(make(enabled=False, d_conv=2)(x)[:, 8].sum(), x)
    assert sees[:, 7:].abs().sum() > 0 and sees[:, :7].abs().sum() == 0


@each_block
def test_it_emits_what_it_did(make, mix) -> None:
    (name,) = (name for name, pair in BLOCKS.items() if pair[0] is make)
    with trace() as t:
        make()(torch.randn(1, 5, 4))
    assert name in t.names()


@each_block
def test_no_step_at_all(make, mix) -> None:
    assert make()(torch.zeros(2, 0, 4)).shape == (2, 0, 4)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: DualSSM(4, heads=3), r"DualSSM: heads must divide the inner width 8, got 3"),
        (lambda: DualSSM(4, heads=0), r"DualSSM: heads must be positive, got 0"),
        (lambda: DualSSM(4, steps=(1, 0)), r"DualSSM: steps must be 0 < least <= largest"),
        (lambda: FixedDecay(4, steps=(0, 1)), r"FixedDecay: steps must be 0 < least <= largest"),
        (lambda: MinGRU(0), r"MinGRU: d_model must be positive, got 0"),
        (lambda: MinGRU(4, d_conv=-1), r"MinGRU: d_conv must be at least 0 steps, got -1"),
        (
            lambda: SelectiveSSM(4, decay_init="zeros"),  # pyright: ignore[reportArgumentType]
            r"decays start as one of integers, ones, random, got 'zeros'",
        ),
        (lambda: MinGRU(4)(torch.zeros(1, 2, 5)), r"MinGRU: x must be \[B, L, 4\], got \[1, 2, 5"),
    ],
)
def test_a_mistake_is_a_sentence(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_where_decays_start() -> None:
    assert log_rates(4).exp().tolist() == pytest.approx([1, 2, 3, 4])
    assert log_rates(4, "ones").exp().tolist() == [1, 1, 1, 1]
    torch.manual_seed(0)
    drawn = log_rates(1000, "random")
    assert 0 <= drawn.min() and drawn.max() <= math.log(1000) and drawn.std() > 1
    assert torch.equal(SelectiveSSM(4, d_state=3, decay_init="ones").A_log, torch.zeros(8, 3))
    assert torch.equal(DualSSM(4, heads=4, decay_init="ones").A_log, torch.zeros(4))
