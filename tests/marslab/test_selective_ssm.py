"""The layer against a loop written from its formula."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.kernels.testing import assert_close
from marslab.layers import SelectiveSSM
from marslab.tracing import trace


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def loop(layer: SelectiveSSM, x: Tensor) -> Tensor:
    """The docstring's formula, one step and one state after the other."""
    centred = x - x.mean(-1, keepdim=True)
    normed = centred / (centred.square().mean(-1, keepdim=True) + layer.norm.eps).sqrt()
    inner = (normed * layer.norm.weight + layer.norm.bias) @ layer.to_inner.weight.T
    E = layer.D.shape[0]
    u, A, N = inner[..., :E], -layer.A_log.exp(), layer.A_log.shape[1]
    h, out = x.new_zeros(x.shape[0], E, N), []
    for t in range(x.shape[1]):
        now = u[:, t]
        if layer.conv is not None and layer.conv.bias is not None:
            kernel, now = layer.conv.weight[:, 0], layer.conv.bias  # [E, steps], the last is now
            for back in range(min(t + 1, kernel.shape[1])):
                now = now + kernel[:, -1 - back] * u[:, t - back]
        now = silu(now)
        dt = torch.log1p(torch.exp(now @ layer.to_dt.weight.T + layer.to_dt.bias))[..., None]
        B, C = (now @ layer.to_B_and_C.weight.T)[:, None].chunk(2, -1)
        dA = torch.exp(dt * A)
        dB = (dA - 1) / A * B if layer.discretisation == "zoh" else dt * B
        h = dA * h + dB * now[..., None]
        y = (h * C).sum(-1) * layer.enabled + layer.D * now
        y = y * silu(inner[:, t, E:]) if layer.gate else y
        out.append(x[:, t] + y @ layer.to_model.weight.T)
    return torch.stack(out, 1)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"gate": False},
    {"d_conv": 0},
    {"d_conv": 9},
    {"discretisation": "euler", "steps": (0.5, 2.0)},
    {"enabled": False, "expand": 1},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_it_is_the_loop_and_so_are_its_gradients(settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = SelectiveSSM(4, d_state=3, **settings).double()
    x = torch.randn(2, 7, 4, dtype=torch.float64, requires_grad=True)
    assert_close(layer(x), loop(layer, x))
    leaves = [x, *layer.parameters()]
    found, expected = (
        torch.autograd.grad(f(x).square().sum(), leaves, allow_unused=True, materialize_grads=True)
        for f in (layer, lambda x: loop(layer, x))
    )
    for got, want in zip(found, expected, strict=True):
        assert_close(got, want, gradient=True)


def test_every_parameter_has_a_gradient() -> None:
    layer = SelectiveSSM(4, d_state=3)
    layer(torch.randn(2, 7, 4)).square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_no_step_sees_a_later_one(settings: dict[str, Any]) -> None:
    layer = SelectiveSSM(4, d_state=3, **settings).double()
    x = torch.randn(1, 9, 4, dtype=torch.float64)
    changed = x.clone()
    changed[:, 5:] += 1
    assert torch.equal(layer(x)[:, :5], layer(changed)[:, :5])
    assert not torch.equal(layer(x)[:, 5:], layer(changed)[:, 5:])


def test_without_the_scan_only_the_convolution_remembers() -> None:
    x = torch.randn(1, 9, 4, dtype=torch.float64)
    changed = x.clone()
    changed[:, 0] += 1 + torch.arange(4)
    for enabled, d_conv, first_same in ((False, 3, 3), (False, 0, 1), (True, 0, None)):
        layer = SelectiveSSM(4, d_conv=d_conv, enabled=enabled).double()
        differs = (layer(x) != layer(changed)).any(-1)[0]
        assert differs.tolist() == [first_same is None or t < first_same for t in range(9)]


def test_the_steps_start_spread_in_log_scale_and_the_rates_at_minus_1_to_minus_N() -> None:
    layer = SelectiveSSM(5, d_state=6, steps=(1e-3, 1e-1))
    with torch.no_grad():
        layer.to_dt.weight.zero_()
    with trace() as t:
        layer(torch.randn(1, 2, 5))
    fields: dict[str, Any] = t.events[-1].fields
    ladder = torch.logspace(-3, -1, 10)
    torch.testing.assert_close(fields["dt"][0, 0], ladder, rtol=1e-3, atol=0)
    torch.testing.assert_close(fields["A"], -torch.arange(1.0, 7.0).expand(10, 6))
    assert torch.equal(layer.D, torch.ones(10))


def test_it_emits_what_the_scan_was_given_and_gave() -> None:
    layer = SelectiveSSM(4, d_state=3)
    with trace() as t:
        layer(torch.randn(2, 5, 4))
    assert t.names() == ["kernel", "selective_ssm"]
    assert t.events[0].fields["op"] == "selective_scan"
    fields: dict[str, Any] = t.events[-1].fields
    shapes = {name: tuple(value.shape) for name, value in fields.items()}
    wide, narrow = (2, 5, 8), (2, 5, 3)
    assert shapes == {"dt": wide, "A": (8, 3), "B": narrow, "C": narrow, "y": wide}
    assert (fields["dt"] > 0).all() and (fields["A"] < 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype: torch.dtype) -> None:
    assert SelectiveSSM(4).to(dtype)(torch.ones(1, 2, 4, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("shape", [(0, 5, 4), (2, 0, 4), (1, 1, 4)])
def test_empty_batches_and_sequences(shape: tuple[int, ...]) -> None:
    assert SelectiveSSM(4)(torch.ones(shape)).shape == shape


def test_it_compiles_whole() -> None:
    layer, x = SelectiveSSM(4, d_state=3), torch.randn(2, 5, 4)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"d_model": 0}, "d_model must be positive, got 0"),
        ({"d_model": 4, "d_state": -1}, "d_state must be positive, got -1"),
        ({"d_model": 4, "expand": 0}, "expand must be positive, got 0"),
        ({"d_model": 4, "d_conv": -1}, "d_conv must be at least 0 steps, got -1"),
        (
            {"d_model": 4, "steps": (0.1, 0.01)},
            r"steps must be 0 < least <= largest, got \(0.1, 0.01\)",
        ),
        (
            {"d_model": 4, "steps": (0.0, math.nan)},
            r"steps must be 0 < least <= largest, got \(0.0, nan\)",
        ),
        (
            {"d_model": 4, "discretisation": "exact"},
            "discretisation must be 'zoh' or 'euler', got 'exact'",
        ),
    ],
)
def test_settings_that_make_no_layer(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^SelectiveSSM: {sentence}$"):
        SelectiveSSM(**arguments)


@pytest.mark.parametrize("shape", [(2, 4), (2, 5, 3)])
def test_input_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"SelectiveSSM: x must be \[B, L, 4\].*got \[2, "):
        SelectiveSSM(4)(torch.ones(shape))
