"""The layer against a loop written from its formula."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.kernels.testing import assert_close
from marslab.layers import LinearRecurrence
from marslab.tracing import trace


def loop(layer: LinearRecurrence, x: Tensor) -> Tensor:
    """The docstring's formula, one step after the other, in float64."""
    w_a, b_a, w_b = (
        p.double() for p in (layer.to_decay.weight, layer.to_decay.bias, layer.to_input.weight)
    )
    h, states = x.new_zeros(x.shape[0], w_b.shape[0], dtype=torch.float64), []
    steps = range(x.shape[1])
    for t in reversed(steps) if layer.reverse else steps:
        now = x[:, t].double()
        a = 1 / (1 + torch.exp(-(now @ w_a.T + b_a))) if layer.enabled else torch.zeros_like(h)
        h = a * h + (1 - a) * (now @ w_b.T)
        states.append(h)
    return torch.stack(states[::-1] if layer.reverse else states, 1)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("reverse", [False, True])
def test_it_is_the_loop(reverse: bool, enabled: bool) -> None:
    layer = LinearRecurrence(3, 5, reverse=reverse, enabled=enabled).double()
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    assert_close(layer(x), loop(layer, x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_is_kept(dtype: torch.dtype) -> None:
    assert LinearRecurrence(3, 5).to(dtype)(torch.ones(1, 2, 3, dtype=dtype)).dtype == dtype


def test_the_gradient_is_that_of_the_loop() -> None:
    layer = LinearRecurrence(3, 5).double()
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    for p, q in zip(*(grads(layer, f, x) for f in (layer, lambda x: loop(layer, x))), strict=True):
        assert_close(p, q)


def grads(layer: LinearRecurrence, f: Any, x: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(f(x).square().sum(), list(layer.parameters()))


def test_the_decays_start_with_time_constants_from_1_to_longest() -> None:
    layer = LinearRecurrence(3, 4, longest=1000.0)
    with trace() as t:
        layer(torch.zeros(1, 1, 3))
    a = t.events[-1].fields["a"]
    tau = -1 / torch.log(a.double()).flatten()  # pyright: ignore
    torch.testing.assert_close(
        tau, torch.tensor([1.0, 10.0, 100.0, 1000.0]).double(), rtol=1e-3, atol=0
    )


def test_without_recurrence_a_step_sees_itself_alone() -> None:
    layer = LinearRecurrence(3, 4, enabled=False)
    x = torch.randn(1, 5, 3)
    changed = x.clone()
    changed[:, 0] += 1
    assert torch.equal(layer(x)[:, 1:], layer(changed)[:, 1:])
    remembering = LinearRecurrence(3, 4)
    assert not torch.equal(remembering(x)[:, 1:], remembering(changed)[:, 1:])


def test_it_emits_the_decays_and_the_states() -> None:
    layer, x = LinearRecurrence(3, 4), torch.randn(2, 5, 3)
    with trace() as t:
        h = layer(x)
    assert t.names() == ["kernel", "scan"]
    fields: dict[str, Any] = t.events[-1].fields
    assert torch.equal(fields["h"], h.detach())
    assert fields["a"].shape == (2, 5, 4) and ((fields["a"] > 0) & (fields["a"] < 1)).all()


@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3), (1, 1, 3)])
def test_empty_batches_and_sequences(shape: tuple[int, ...]) -> None:
    assert LinearRecurrence(3, 4)(torch.ones(shape)).shape == (*shape[:2], 4)


def test_it_compiles_whole() -> None:
    layer, x = LinearRecurrence(3, 4), torch.randn(2, 5, 3)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"d_in": 0, "d_state": 4}, "d_in and d_state must be positive, got 0 and 4"),
        ({"d_in": 3, "d_state": -1}, "d_in and d_state must be positive, got 3 and -1"),
        ({"d_in": 3, "d_state": 4, "longest": 0.5}, "longest must be at least 1 step, got 0.5"),
    ],
)
def test_sizes_that_make_no_layer(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LinearRecurrence(**arguments)


@pytest.mark.parametrize("shape", [(2, 3), (2, 5, 4)])
def test_input_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"LinearRecurrence: x must be \[B, L, 3\].*got \[2, "):
        LinearRecurrence(3, 4)(torch.ones(shape))
