"""The Functions that join a pair of kernels to autograd, on a pair simple enough to check."""

import pytest
import torch
from torch import Tensor

from marslab.kernels import joining


@torch.library.custom_op("marslab_tests::weigh", mutates_args=())
def weigh(x: Tensor, w: Tensor, h0: Tensor, times: int) -> tuple[Tensor, Tensor, Tensor]:
    """y = times * x * w + h0 and state = h0 + sum x, with x kept for the backward."""
    return times * x * w + h0[:, None], h0 + x.sum(1), x.clone()


@weigh.register_fake
def _(x, w, h0, times):
    return x.new_empty(x.shape), h0.new_empty(h0.shape), x.new_empty(x.shape)


@torch.library.custom_op("marslab_tests::weigh_gradient", mutates_args=())
def weigh_gradient(
    x: Tensor, w: Tensor, h0: Tensor, y: Tensor, state: Tensor, kept: Tensor,
    dy: Tensor, dstate: Tensor, times: int,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The gradients of x, w and h0."""
    dx = times * dy * w + dstate[:, None]
    return dx, times * (dy * kept).sum((0, 1)), dstate + dy.sum(1)


@weigh_gradient.register_fake
def _(x, w, h0, y, state, kept, dy, dstate, times):
    return x.new_empty(x.shape), w.new_empty(w.shape), h0.new_empty(h0.shape)


def weighed(x: Tensor, w: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    return joining.join("weigh tests", (x, w, h0), 3)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = joining.Kernels(weigh, weigh_gradient)
    monkeypatch.setitem(joining.KERNELS, "weigh tests", kernels)


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    shapes = ((2, 3, 4), (4,), (2, 4))
    x, w, h0 = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)
    return x, w, h0


def test_no_zeros_are_made_for_what_is_kept(
    inputs: tuple[Tensor, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple] = []
    backward = joining.Joined.backward

    def watched(ctx, *grads):
        seen.append(grads)
        return backward(ctx, *grads)

    monkeypatch.setattr(joining.Joined, "backward", staticmethod(watched))
    weighed(*inputs)[0].sum().backward()
    ((dy, dstate, kept),) = seen
    assert dy is not None and dstate is kept is None


def test_derivatives_match_finite_differences(inputs: tuple[Tensor, ...]) -> None:
    assert torch.autograd.gradcheck(weighed, inputs)


def test_a_gradient_through_one_result_alone(inputs: tuple[Tensor, ...]) -> None:
    x, w, h0 = inputs
    dx, dw, dh0 = torch.autograd.grad(weighed(x, w, h0)[1].sum(), (x, w, h0))
    assert torch.equal(dx, torch.ones_like(x)) and not dw.any()
    assert torch.equal(dh0, torch.ones_like(h0))


def test_weights_get_a_gradient_for_each_row(inputs: tuple[Tensor, ...]) -> None:
    _, w, h0 = (x.detach() for x in inputs)
    rows = torch.randn(5, 2, 3, 4, dtype=torch.float64)

    def loss(w: Tensor, x: Tensor) -> Tensor:
        return weighed(x, w, h0)[0].square().sum()

    together = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(w, rows)
    one_by_one = torch.stack([torch.func.grad(loss)(w, x) for x in rows])
    torch.testing.assert_close(together, one_by_one)


def test_the_second_derivative_is_refused_with_a_way_out(inputs: tuple[Tensor, ...]) -> None:
    x, w, h0 = inputs
    (dx,) = torch.autograd.grad(weighed(x, w, h0)[0].square().sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="weigh: .* backend='torch' has it"):
        dx.sum().backward()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_forward_mode_raises(inputs: tuple[Tensor, ...]) -> None:
    x, w, h0 = (x.detach() for x in inputs)
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(lambda x: weighed(x, w, h0)[0], (x,), (x,))


@pytest.mark.parametrize("training", [False, True])
def test_compiled_whole(inputs: tuple[Tensor, ...], training: bool) -> None:
    given = [x.detach().requires_grad_(training) for x in inputs]
    compiled = torch.compile(weighed, backend="aot_eager", fullgraph=True)
    with torch.set_grad_enabled(training):
        y, state = compiled(*given)
    expected, last = weighed(*given)
    assert torch.equal(y, expected) and torch.equal(state, last)
    if training:
        mine = torch.autograd.grad(y.square().sum() + state.sum(), given)
        its = torch.autograd.grad(expected.square().sum() + last.sum(), given)
        assert all(torch.equal(a, b) for a, b in zip(mine, its, strict=True))


def test_one_tensor_may_stand_in_two_places(inputs: tuple[Tensor, ...]) -> None:
    x = torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)
    y, _ = joining.join("weigh tests", (x, x, inputs[2][:, :2]), 1)
    torch.testing.assert_close(y, x * x + inputs[2][:, None, :2])
