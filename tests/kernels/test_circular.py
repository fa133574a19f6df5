"""circular_conv and circular_corr: the definition, binding and unbinding, gradients."""

import re
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels import circular_conv, circular_corr
from marslab.kernels.circular.work import cost, draw, unitary
from marslab.kernels.testing import assert_close, check
from marslab.tracing import trace

BACKENDS = ["naive", "torch"]
BOTH = [circular_conv, circular_corr]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
COMPLEX = [torch.complex128, torch.complex64]
Op = Callable[..., Tensor]


def cosine(x: Tensor, y: Tensor) -> float:
    return torch.cosine_similarity(x, y, dim=-1).abs().min().item()


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_places_by_hand(backend: str) -> None:
    a, b = torch.tensor([2.0, 3.0, 5.0]), torch.tensor([7.0, 11.0, 13.0])
    bound = circular_conv(a, b, backend=backend)
    back = circular_corr(a, b, backend=backend)
    torch.testing.assert_close(bound, torch.tensor([108.0, 108.0, 94.0]))
    torch.testing.assert_close(back, torch.tensor([112.0, 96.0, 102.0]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_conj_stands_on_the_first(backend: str) -> None:
    a = torch.tensor([1j, 0, 0], dtype=torch.complex128)
    b = torch.tensor([1, 2j, 3], dtype=torch.complex128)
    assert_close(circular_conv(a, b, backend=backend), 1j * b)
    assert_close(circular_corr(a, b, backend=backend), -1j * b)


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 2), (3, 7), (2, 64), (1, 131), (2, 0), (0, 5)], ids=str
)
@pytest.mark.parametrize("dtype", [*REAL, *COMPLEX], ids=str)
@pytest.mark.parametrize("op", BOTH)
def test_agrees_with_naive(op: Op, dtype: torch.dtype, shape: tuple[int, int]) -> None:
    fast, naive = partial(op, backend="torch"), partial(op, backend="naive")
    inputs = draw(shape, dtype)
    check(fast, naive, inputs, length=1)
    with torch.no_grad():  # another path: the spectrum is written over
        real = [x.to(torch.promote_types(x.dtype, torch.float32)) for x in inputs]
        assert_close(fast(*inputs), naive(*real).to(dtype), dtype=dtype)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("op", BOTH)
def test_the_operands_stay_as_they_were(op: Op, gradients: bool) -> None:
    for dtype in (torch.float64, torch.complex128):
        a, b = (x.requires_grad_(gradients) for x in draw((2, 9), dtype))
        kept = a.detach().clone(), b.detach().clone()
        op(a, b)
        op(a, a)
        assert torch.equal(a, kept[0]) and torch.equal(b, kept[1])


LEADING = [((3, 1, 5), (2, 5)), ((5,), (4, 5)), ((2, 0, 5), (1, 5)), ((5,), (5,))]


@pytest.mark.parametrize("shapes", LEADING, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("op", BOTH)
def test_leading_axes_broadcast(op: Op, backend: str, shapes: tuple) -> None:
    a, b = (torch.randn(shape, dtype=torch.float64) for shape in shapes)
    wide = [x.contiguous() for x in torch.broadcast_tensors(a, b)]
    assert_close(op(a, b, backend=backend), op(*wide, backend=backend))
    if a.numel() and b.numel():
        leaves = a.requires_grad_(), b.requires_grad_()
        torch.autograd.gradcheck(partial(op, backend=backend), leaves)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(1, 20), st.integers(0, 3), st.booleans())
def test_the_laws_of_binding(D: int, B: int, real: bool) -> None:
    dtype = torch.float64 if real else torch.complex128
    a, b = draw((B, D), dtype)
    c = draw((B, D), dtype).b
    assert_close(circular_conv(a, b), circular_conv(b, a))
    assert_close(circular_conv(circular_conv(a, b), c), circular_conv(a, circular_conv(b, c)))
    one = torch.eye(D, dtype=dtype)[0]
    assert_close(circular_conv(one, b), b)
    # corr(a, .) is the adjoint of conv(a, .)
    left = (circular_conv(a, b).conj() * c).sum()
    assert_close(left, (b.conj() * circular_corr(a, c)).sum())


# The designs' mistakes M8 to M10.


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_a_unitary_key_gives_the_value_back_exactly(dtype: torch.dtype) -> None:
    key, value = unitary((3, 501), dtype), draw((3, 501), dtype).b
    assert_close(torch.fft.fft(key).abs(), torch.ones(3, 501, dtype=torch.float64))
    assert_close(circular_corr(key, circular_conv(key, value)), value)


def test_a_random_key_gives_it_back_with_noise_and_two_values_with_more() -> None:
    (key, other), value = draw((2, 4096)).a, draw((1, 4096)).b[0]
    memory = circular_conv(key, value)
    assert 0.66 < cosine(circular_corr(key, memory), value) < 0.76
    memory = memory + circular_conv(other, draw((1, 4096)).b[0])
    assert 0.52 < cosine(circular_corr(key, memory), value) < 0.63


def test_conj_on_the_wrong_operand_gives_the_value_backwards() -> None:
    key, value = unitary((1, 4096)), draw((1, 4096)).b
    memory = circular_conv(key, value)
    wrong = torch.fft.ifft(torch.fft.fft(key) * torch.fft.fft(memory).conj()).real
    assert_close(circular_corr(memory, key), wrong)
    assert cosine(wrong, value) < 0.1
    backwards = value.flip(-1).roll(1, -1)  # value[-k mod D]
    assert cosine(wrong, backwards) > 1 - 1e-12


@pytest.mark.parametrize("dtype", [*REAL, *COMPLEX], ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("op", BOTH)
def test_real_stays_real_and_complex_complex(op: Op, backend: str, dtype: torch.dtype) -> None:
    assert op(*draw((2, 6), dtype), backend=backend).dtype == dtype


# What autograd, torch.func and the compiler need.


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
@pytest.mark.parametrize("op", BOTH)
def test_derivatives_of_first_and_second_order(op: Op, dtype: torch.dtype) -> None:
    a, b = (x.requires_grad_() for x in draw((2, 5), dtype))
    torch.autograd.gradcheck(op, (a, b), check_forward_ad=True)
    torch.autograd.gradgradcheck(op, (a, b))


@pytest.mark.parametrize("op", BOTH)
def test_torch_func(op: Op) -> None:
    a, b = draw((3, 5))
    rows = torch.stack([op(x, b[0]) for x in a])
    assert_close(torch.func.vmap(op, (0, None))(a, b[0]), rows)
    assert_close(torch.func.vmap(op, (None, 0))(b[0], a), torch.stack([op(b[0], x) for x in a]))

    def total(x: Tensor, y: Tensor) -> Tensor:
        return (op(x, y) * torch.arange(5)).sum()

    leaf = a.clone().requires_grad_()
    (expected,) = torch.autograd.grad(total(leaf, b), leaf)
    assert_close(torch.func.grad(total)(a, b), expected)
    assert_close(torch.func.vmap(torch.func.grad(total))(a, b), expected)


@pytest.mark.parametrize("op", BOTH)
def test_it_compiles_whole(op: Op) -> None:
    compiled = torch.compile(op, backend="aot_eager", fullgraph=True)
    a, b = draw((2, 6))
    assert_close(compiled(a, b), op(a, b))
    leaf = a.clone().requires_grad_()
    (got,) = torch.autograd.grad(compiled(leaf, b).sum(), leaf)
    (want,) = torch.autograd.grad(op(leaf, b).sum(), leaf)
    assert_close(got, want)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("op", BOTH)
def test_a_nan_stays_in_its_row(op: Op, backend: str) -> None:
    a, b = draw((3, 6))
    a[1, 2] = float("nan")
    c = op(a, b, backend=backend)
    assert c[1].isnan().all() and not c[[0, 2]].isnan().any()


def test_strides_do_not_matter() -> None:
    a, b = draw((4, 6))
    for op in BOTH:
        assert_close(op(a.mT.contiguous().mT, b.flip(1).flip(1)), op(a, b))


@pytest.mark.parametrize("op", BOTH)
def test_the_backend_is_told(op: Op) -> None:
    with trace() as t:
        op(*draw((1, 3)))
    assert t.events[0].fields["op"] == op.__name__ and t.events[0].fields["backend"] == "torch"


def test_the_cost_counts_each_number_once() -> None:
    a, b = draw((3, 8), torch.float32)
    assert cost((3, 8), 4).bytes == a.nbytes + b.nbytes + circular_conv(a, b).nbytes
    assert cost((3, 8), 4, backward=True).bytes == 8 * a.nbytes


ONES = torch.ones(2, 4)
TYPES = {
    "a list": (([1.0], ONES), "a must be a torch.Tensor, got list"),
    "integers": (
        (ONES.long(), ONES),
        "a must be bfloat16 or complex128 or complex64 or float16 or float32 or float64, got int64",
    ),
    "real beside complex": (
        (ONES.to(torch.complex64), ONES),
        "b must be complex64 beside a of torch.complex64, got float32",
    ),
    "two widths of numbers": (
        (ONES, ONES.double()),
        "b must be float32 beside a of torch.float32, got float64",
    ),
}
VALUES = {
    "another D": (
        (ONES, ONES[:, :3]),
        "a and b must be [..., D] with one D, got [2, 4] and [2, 3]",
    ),
    "no axis": (
        (torch.tensor(1.0), ONES),
        "a and b must be [..., D] with one D, got [] and [2, 4]",
    ),
    "no axis in either": (
        (torch.tensor(1.0), torch.tensor(2.0)),
        "a and b must be [..., D] with one D, got [] and []",
    ),
    "leading axes that do not fit": (
        (ONES, torch.ones(3, 4)),
        "the leading axes of a and b must broadcast, got [2, 4] and [3, 4]",
    ),
    "two places": (
        (ONES.to("meta"), ONES),
        "all tensors must be on one device, got a on meta, b on cpu",
    ),
}


@pytest.mark.parametrize("op", BOTH)
@pytest.mark.parametrize("case", TYPES)
def test_a_wrong_type_is_one_sentence(case: str, op: Op) -> None:
    args, sentence = TYPES[case]
    with pytest.raises(TypeError, match=f"^{op.__name__}: {re.escape(sentence)}$"):
        op(*args)


@pytest.mark.parametrize("op", BOTH)
@pytest.mark.parametrize("case", VALUES)
def test_a_wrong_shape_or_place_is_one_sentence(case: str, op: Op) -> None:
    args, sentence = VALUES[case]
    with pytest.raises(ValueError, match=f"^{op.__name__}: {re.escape(sentence)}$"):
        op(*args)


def test_a_backend_that_the_op_has_not_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"'numba' cannot run: for this input the op has \['naive"):
        circular_conv(ONES, ONES, backend="numba")
