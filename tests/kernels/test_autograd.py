"""linear_scan under autograd, torch.func, torch.compile and torch.export."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck

from marslab.kernels import linear_scan
from marslab.kernels.linear_scan import cpu
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import assert_close, check

FAST = ["torch", "numba"]
DERIVED = [(torch.float64, False), (torch.float64, True), (torch.complex128, False)]
NAMES: list[str] = ["a", "b", "h0"]


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def leaves(shape: tuple[int, int, int], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [x.requires_grad_() for x in draw(shape, dtype)]


def loss(*operands: Tensor, backend: str = "numba") -> Tensor:
    a, b, h0 = operands
    h, state = linear_scan(a, b, h0, return_state=True, backend=backend)
    return h.square().sum() + state.sin().sum()


def each_row(function: Callable) -> Callable:
    """`function` of batches of one, for each row of a batch."""

    def of_one(*rows: Tensor) -> Tensor | tuple[Tensor, ...]:
        return function(*(x[None] for x in rows))

    return torch.func.vmap(of_one)


@pytest.mark.parametrize("dtype, reverse", DERIVED, ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_first_and_second_derivatives_match_finite_differences(
    backend: str, dtype: torch.dtype, reverse: bool
) -> None:
    scan = partial(linear_scan, reverse=reverse, return_state=True, backend=backend)
    args = leaves((1, 3, 1), dtype)
    assert gradcheck(scan, args)
    assert gradgradcheck(scan, args)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.complex64], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_second_derivatives_agree_with_naive(
    backend: str, dtype: torch.dtype, reverse: bool
) -> None:
    a, b, h0 = draw((2, 30, 3), dtype)
    weight = torch.randn_like(b)

    def gradients(a: Tensor, b: Tensor, h0: Tensor, backend: str) -> tuple[Tensor, ...]:
        h, state = linear_scan(a, b, h0, reverse=reverse, return_state=True, backend=backend)
        weighted = (h * weight.to(h.dtype)).sum() + state.square().sum()
        out = torch.view_as_real(weighted).sum() if dtype.is_complex else weighted
        return torch.autograd.grad(out, (a, b, h0), create_graph=True)

    fast, naive = partial(gradients, backend=backend), partial(gradients, backend="naive")
    check(fast, naive, (a, b, h0), length=30)


@pytest.mark.parametrize("decay_dtype", [torch.bfloat16, torch.float32], ids=str)
def test_second_derivatives_of_16_bit_inputs_keep_their_dtypes(decay_dtype: torch.dtype) -> None:
    a, b, h0 = draw((2, 9, 3), torch.bfloat16, decay_dtype=decay_dtype)
    args = [x.requires_grad_() for x in (a, b, h0)]
    grads = torch.autograd.grad(loss(*args), args, create_graph=True)
    twice = torch.autograd.grad([g.square().sum() for g in grads], args)
    assert [x.dtype for x in grads] == [x.dtype for x in twice] == [x.dtype for x in args]
    assert all(x.isfinite().all() for x in twice)


@pytest.mark.parametrize("wanted", NAMES)
@pytest.mark.parametrize("backend", FAST)
def test_only_the_gradient_that_is_wanted(backend: str, wanted: str) -> None:
    args = dict(zip(NAMES, draw((2, 9, 3)), strict=True))
    every = {k: x.clone().requires_grad_() for k, x in args.items()}
    loss(*every.values(), backend=backend).backward()
    args[wanted].requires_grad_()
    loss(*args.values(), backend=backend).backward()
    for name, x in args.items():
        assert (x.grad is not None) == (name == wanted)
    expected, got = every[wanted].grad, args[wanted].grad
    assert expected is not None and got is not None
    assert_close(got, expected, gradient=True)


@pytest.mark.parametrize("backend", FAST)
def test_a_gradient_may_come_through_the_state_alone(backend: str) -> None:
    def state(a: Tensor, b: Tensor, h0: Tensor, backend: str = backend) -> Tensor:
        return linear_scan(a, b, h0, return_state=True, backend=backend)[1]

    check(state, partial(state, backend="naive"), draw((2, 33, 5)), length=33)


def test_nothing_is_recorded_without_gradients() -> None:
    a, b, h0 = leaves((2, 9, 3))
    with torch.no_grad():
        assert not linear_scan(a, b, h0, backend="numba").requires_grad


@pytest.mark.parametrize(
    "dtype, reverse, length",
    [(torch.float32, True, 9), (torch.complex64, False, 9), (torch.bfloat16, False, 0)],
    ids=str,
)
def test_the_custom_ops_keep_torch_s_rules(dtype: torch.dtype, reverse: bool, length: int) -> None:
    a, b, h0 = draw((2, length, 3), dtype)
    a = a.transpose(0, 1).contiguous().transpose(0, 1)
    torch.library.opcheck(cpu.forward, (a, b, h0, reverse))
    h, state = cpu.forward(a, b, h0, reverse)
    args = (a, h, h0, torch.randn_like(h), torch.randn_like(state), reverse)
    torch.library.opcheck(cpu.backward, args)


def test_func_grad_is_autograd() -> None:
    args = leaves((3, 6, 2))
    expected = torch.autograd.grad(loss(*args), args)
    got = torch.func.grad(loss, argnums=(0, 1, 2))(*args)
    for mine, its in zip(got, expected, strict=True):
        assert_close(mine, its, gradient=True)


@pytest.mark.parametrize("in_dims", list(product([0, 1, -1, None], repeat=3))[:-1], ids=str)
def test_vmap_over_any_axis_is_a_loop(in_dims: tuple[int | None, ...]) -> None:
    size = 3
    args = [
        x if d is None else torch.stack([x * (i + 1) / size for i in range(size)], d)
        for x, d in zip(draw((2, 6, 2)), in_dims, strict=True)
    ]
    scan = partial(linear_scan, return_state=True, backend="numba")
    got = torch.func.vmap(scan, in_dims=in_dims)(*args)
    for i in range(size):
        one = [x if d is None else x.select(d, i) for x, d in zip(args, in_dims, strict=True)]
        for mine, its in zip(got, scan(*one), strict=True):
            assert torch.equal(mine[i], its)


def test_vmap_without_h0() -> None:
    a, b, _ = draw((4, 6, 2))
    per_row = torch.func.vmap(lambda a, b: linear_scan(a[None], b[None], backend="numba")[0])
    assert torch.equal(per_row(a, b), linear_scan(a, b, backend="numba"))


def test_gradients_of_each_row() -> None:
    args = draw((3, 6, 2))
    grads = torch.func.grad(loss, argnums=(0, 1, 2))
    per_row = each_row(grads)(*args)
    for mine, its in zip(per_row, grads(*args), strict=True):
        assert_close(mine[:, 0], its, gradient=True)


def test_vmap_over_second_derivatives() -> None:
    args = draw((3, 4, 2))

    def twice(*x: Tensor) -> Tensor:
        def size(*y: Any) -> Tensor:
            return torch.func.grad(loss)(*y).square().sum()

        return torch.func.grad(size, argnums=1)(*x)

    per_row = each_row(twice)(*args)
    assert_close(per_row[:, 0], twice(*args), gradient=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own jvp
def test_forward_mode_raises_instead_of_a_silent_zero() -> None:
    args = tuple(draw((1, 3, 2)))
    with pytest.raises((NotImplementedError, RuntimeError), match="(?i)jvp|forward"):
        torch.func.jvp(partial(loss, backend="numba"), args, args)
    with pytest.raises((NotImplementedError, RuntimeError), match="(?i)jvp|forward"):
        with forward_ad.dual_level():
            loss(*(forward_ad.make_dual(x, x) for x in args))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_the_torch_backend_has_forward_mode() -> None:
    args = tuple(draw((1, 3, 2)))
    of_torch = partial(loss, backend="torch")
    tangent = torch.func.jvp(of_torch, args, args)[1]
    grads = torch.func.grad(of_torch, argnums=(0, 1, 2))(*args)
    expected = sum((g * x).sum() for g, x in zip(grads, args, strict=True))
    assert_close(tangent, torch.as_tensor(expected))


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("backend", [*FAST, "auto"])
def test_compiled_whole_with_backward(backend: str) -> None:
    whole = torch.compile(partial(loss, backend=backend), backend="aot_eager", fullgraph=True)
    for shape in [(2, 7, 3), (1, 1, 2)]:
        args = leaves(shape)
        out, expected = whole(*args), loss(*args)
        assert_close(out, expected)
        got = torch.autograd.grad(out, args)
        for mine, its in zip(got, torch.autograd.grad(expected, args), strict=True):
            assert_close(mine, its, gradient=True)


@pytest.mark.usefixtures("fresh_compiler")
def test_compiled_with_one_tensor_for_a_and_b() -> None:
    def squared(a: Tensor) -> Tensor:
        return linear_scan(a, a, backend="numba").square().sum()

    a, _, _ = leaves((2, 7, 3))
    compiled = torch.compile(squared, backend="aot_eager", fullgraph=True)(a)
    (got,) = torch.autograd.grad(compiled, a)
    (expected,) = torch.autograd.grad(squared(a), a)
    assert_close(got, expected, gradient=True)


@pytest.mark.usefixtures("fresh_compiler")
def test_exported_with_any_length() -> None:
    class Module(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
            return linear_scan(a, b, return_state=True, backend="numba")

    a, b, _ = draw((2, 7, 3))
    length = torch.export.Dim("length", min=2, max=1000)
    program = torch.export.export(Module(), (a, b), dynamic_shapes=({1: length}, {1: length}))
    a, b, _ = draw((2, 31, 3))
    for mine, its in zip(program.module()(a, b), Module()(a, b), strict=True):
        assert torch.equal(mine, its)
