"""decay_product: the product and its gradient where decays are 0, 1, many, or out of bounds."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels import decay_product
from marslab.kernels.backends import observer
from marslab.kernels.decay_product import torch_ops
from marslab.kernels.decay_product.work import draw
from marslab.kernels.testing import assert_close, check

ALL = ["naive", "torch"]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(1, 1), (2, 63), (2, 64, 8), (3, 50, 2, 3), (1, 0, 3), (0, 5), (2, 5, 0)]


def agrees(gamma: Tensor) -> None:
    fast, slow = (partial(decay_product, backend=name) for name in ("torch", "naive"))
    check(fast, slow, [gamma], length=gamma.shape[1])


@pytest.mark.parametrize("backend", ALL)
def test_three_steps_by_hand(backend: str) -> None:
    gamma = torch.tensor([[0.5, 0.25, 1.0], [0.0, 0.5, 0.5]])
    y = decay_product(gamma, backend=backend)
    assert y.tolist() == [[0.5, 0.125, 0.125], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_agrees_with_naive(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    agrees(torch.rand(shape, dtype=torch.float64).to(dtype))


@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_zeros_and_ones_among_the_decays(dtype: torch.dtype) -> None:
    (gamma,) = draw((4, 300, 3), torch.float64)
    gamma = torch.where(torch.rand(gamma.shape) < 0.02, 0.0, gamma)
    gamma = torch.where(torch.rand(gamma.shape) < 0.3, 1.0, gamma).to(dtype)
    agrees(gamma)
    after = gamma.eq(0).cumsum(1) > 0
    y = decay_product(gamma)
    assert not y[after].any() and y[~after].all()


@pytest.mark.parametrize("backend", ALL)
def test_a_decay_of_one_is_exact(backend: str) -> None:
    gamma = torch.ones(1, 1000, 2)
    assert torch.equal(decay_product(gamma, backend=backend), gamma)
    gamma[:, 300] = 0.7
    y = decay_product(gamma, backend=backend)
    assert (y[:, :300] == 1).all() and torch.equal(y[:, 300:], gamma[:, 300:301].expand(1, 700, 2))


@pytest.mark.parametrize("backend", ALL)
def test_the_gradient_at_a_zero_is_that_of_the_product(backend: str) -> None:
    gamma = torch.tensor([[0.5, 0.0, 0.5]], requires_grad=True)
    (grad,) = torch.autograd.grad(decay_product(gamma, backend=backend).sum(), gamma)
    assert grad.tolist() == [[1.0, 0.75, 0.0]]
    by_logs = gamma.log().cumsum(1).exp()  # what the op must not do
    (grad,) = torch.autograd.grad(by_logs.sum(), gamma)
    assert grad.isnan().any()


@pytest.mark.parametrize("backend", ALL)
def test_two_zeros_leave_no_gradient_behind_them(backend: str) -> None:
    gamma = torch.tensor([[0.5, 0.0, 0.5, 0.0, 0.5]], requires_grad=True)
    (grad,) = torch.autograd.grad(decay_product(gamma, backend=backend).sum(), gamma)
    assert grad.tolist() == [[1.0, 0.75, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("backend", ALL)
def test_the_gradient_survives_a_product_that_underflows(backend: str) -> None:
    gamma = torch.tensor([[1.0, 1e-200, 1e-200]], dtype=torch.float64, requires_grad=True)
    y = decay_product(gamma, backend=backend)
    assert y[0, 2] == 0
    (grad,) = torch.autograd.grad(y[0, 2], gamma, torch.tensor(1e195, dtype=torch.float64))
    assert grad.flatten().tolist() == pytest.approx([0.0, 1e-5, 1e-5])


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own jvp
def test_derivatives_of_every_order() -> None:
    gamma = torch.tensor([[0.5, 0.0, 0.8, 1.0, 0.3]], dtype=torch.float64, requires_grad=True)
    product = torch_ops.decay_product  # without the domain, which finite differences leave
    assert torch.autograd.gradcheck(product, (gamma,))
    assert torch.autograd.gradgradcheck(product, (gamma,))
    product = partial(decay_product, backend="torch")
    each = torch.func.vmap(torch.func.grad(lambda x: product(x[None]).sum()))(gamma.detach())
    (whole,) = torch.autograd.grad(product(gamma).sum(), gamma)
    assert_close(each, whole)
    tangent = torch.func.jvp(product, (gamma.detach(),), (torch.ones_like(gamma),))[1]
    assert_close(tangent.sum(), whole.sum())


@pytest.mark.parametrize("decay", [0.9, 0.99, 0.9999])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_32768_steps_against_the_closed_form(
    backend: str, dtype: torch.dtype, decay: float
) -> None:
    gamma = torch.full((1, 32768, 1), decay, dtype=dtype)
    steps = torch.arange(1, 32769, dtype=torch.float64).view(1, -1, 1)
    assert_close(decay_product(gamma, backend=backend), gamma.double() ** steps, length=32768)


@pytest.mark.parametrize("decay", [0.99, 0.9999])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_gradient_of_32768_steps_against_the_closed_form(
    dtype: torch.dtype, decay: float
) -> None:
    gamma = torch.full((1, 32768, 1), decay, dtype=dtype, requires_grad=True)
    (grad,) = torch.autograd.grad(decay_product(gamma, backend="torch").sum(), gamma)
    g = gamma.detach().double()
    t = torch.arange(32768, dtype=torch.float64).view(1, -1, 1)
    assert_close(grad, g**t * (1 - g ** (32768 - t)) / (1 - g), length=32768, gradient=True)


@settings(max_examples=25, deadline=None)
@given(length=st.integers(0, 40), at=st.integers(0, 40))
def test_the_parts_of_a_cut_sequence_multiply(length: int, at: int) -> None:
    at = min(at, length)
    (gamma,) = draw((2, length, 3), decay=(0.0, 1.0))
    first, rest = decay_product(gamma[:, :at]), decay_product(gamma[:, at:])
    if at:
        rest = rest * first[:, -1:]
    assert_close(torch.cat([first, rest], 1), decay_product(gamma))


@pytest.mark.parametrize("backend", ALL)
def test_a_nan_reaches_what_comes_after_it_only(backend: str) -> None:
    (gamma,) = draw((2, 90, 3), torch.float32)
    clean = decay_product(gamma, backend=backend)
    gamma[1, 40, 2] = float("nan")
    y = decay_product(gamma, backend=backend)
    hit = torch.zeros_like(y, dtype=torch.bool)
    hit[1, 40:, 2] = True
    assert y[hit].isnan().all() and torch.equal(y[~hit], clean[~hit])


def test_strides_do_not_matter_and_two_runs_are_bit_equal() -> None:
    gamma = torch.rand(3, 60, 4).mT.contiguous().mT
    y = decay_product(gamma)
    assert torch.equal(y, decay_product(gamma.contiguous())) and torch.equal(
        y, decay_product(gamma)
    )


@pytest.mark.parametrize("backend", ALL)
def test_the_choice_is_told(backend: str) -> None:
    told: list[tuple[str, str]] = []
    token = observer.set(lambda *event: told.append(event))
    try:
        decay_product(torch.ones(1, 2), backend=backend)
    finally:
        observer.reset(token)
    assert told == [("decay_product", backend)]


def test_it_compiles_whole() -> None:
    gamma = torch.rand(2, 9, 3, requires_grad=True)
    compiled = torch.compile(decay_product, backend="aot_eager", fullgraph=True)
    (grad,) = torch.autograd.grad(compiled(gamma).sum(), gamma)
    (plain,) = torch.autograd.grad(decay_product(gamma).sum(), gamma)
    assert_close(grad, plain)


@pytest.mark.parametrize(
    "gamma, kind, sentence",
    [
        ([0.5], TypeError, "gamma must be a torch.Tensor, got list"),
        (torch.ones(2, 3).long(), TypeError, "gamma must be bfloat16 or .*, got int64"),
        (torch.ones(3), ValueError, r"gamma must be \[B, L, \.\.\.\], got \[3\]"),
        (torch.tensor([[0.5, 1.5]]), ValueError, r"gamma must be in \[0, 1\], got 1.5"),
        (torch.tensor([[-0.25, 0.5]]), ValueError, r"gamma must be in \[0, 1\], got -0.25"),
    ],
    ids=["a list", "integers", "one axis", "above 1", "below 0"],
)
def test_bad_input_gets_a_sentence(gamma: Tensor, kind: type[Exception], sentence: str) -> None:
    with pytest.raises(kind, match=f"^decay_product: {sentence}$"):
        decay_product(gamma)


def test_a_backend_that_it_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="^decay_product: backend 'numba' cannot run"):
        decay_product(torch.ones(1, 2), backend="numba")
