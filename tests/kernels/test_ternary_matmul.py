"""ternary_matmul: against the plain product, gradients, strides, mistakes."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.kernels import available, pack_ternary, ternary_matmul, unpack_ternary
from marslab.kernels.roofline import Cost
from marslab.kernels.ternary_matmul import torch_ops
from marslab.kernels.ternary_matmul.work import Operands, cost, draw
from marslab.kernels.testing import assert_close, check
from marslab.tracing import trace

PACKINGS = ["2bit", "5trit"]
FAST = ["torch", "numba"]
ALL = ["naive", *FAST]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(1, 1, 1), (1, 9, 33), (3, 7, 20), (20, 5, 41), (1, 3, 1027)]
EMPTY = [(0, 3, 7), (2, 0, 7), (2, 3, 0)]
triton = pytest.mark.skipif(
    available()["triton"].device != "cpu", reason="needs Triton's interpreter"
)


def agrees(backend: str, operands: Operands, packing: str = "2bit", like: str = "naive") -> None:
    """y and the gradients of x and scale are those of `naive`."""
    x, packed, scale = operands

    def run(which: str) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda x, scale: ternary_matmul(x, packed, scale, packing=packing, backend=which)

    check(run(backend), run(like), (x, scale), length=1)


# The op.


@pytest.mark.parametrize("backend", ALL)
def test_two_rows_by_hand(backend: str) -> None:
    packed = pack_ternary(torch.tensor([[1, 0, -1, 0, 1], [1, 1, 1, -1, -1]]))
    x = torch.tensor([2.0, 3.0, 5.0, 7.0, 11.0])
    y = ternary_matmul(x, packed, torch.tensor([1.0, 0.5]), backend=backend)
    assert y.tolist() == [8.0, -4.0]


@pytest.mark.parametrize("lead", [(), (1,), (2, 3), (9,), (2, 0)], ids=str)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("backend", ALL)
def test_it_is_the_plain_product(backend: str, packing: str, lead: tuple[int, ...]) -> None:
    W = torch.randint(-1, 2, (6, 23))
    x = torch.randn(*lead, 23, dtype=torch.float64)
    for scale in (torch.rand(6, dtype=torch.float64), torch.tensor(0.3, dtype=torch.float64)):
        y = ternary_matmul(x, pack_ternary(W, packing), scale, packing=packing, backend=backend)
        assert_close(y, scale * (x @ W.double().T))


@pytest.mark.parametrize("shape", SHAPES + EMPTY, ids=str)
@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("backend", FAST)
def test_agrees_with_naive(
    backend: str, packing: str, dtype: torch.dtype, shape: tuple[int, int, int]
) -> None:
    agrees(backend, draw(shape, dtype, packing=packing), packing)


@pytest.mark.parametrize("backend", FAST)
def test_a_long_row_of_one_sign(backend: str) -> None:
    """Sums of x far larger than y: what an offset of the weights would not survive."""
    x, packed, scale = draw((1, 20, 2048), torch.float32)
    agrees(backend, Operands(x.abs() + 1, packed, scale))


@pytest.mark.parametrize("backend", FAST)
def test_scale_in_the_dtype_of_x_is_taken(backend: str) -> None:
    x, packed, scale = draw((2, 5, 9), torch.bfloat16)
    agrees(backend, Operands(x, packed, scale.bfloat16()))
    agrees(backend, Operands(x, packed, scale[0]))


@pytest.mark.parametrize("backend", FAST)
def test_many_blocks_give_what_one_gives(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from marslab.kernels.ternary_matmul import cpu

    monkeypatch.setattr(torch_ops, "UNPACKED", 90)
    monkeypatch.setattr(cpu, "UNPACKED", 90)
    for rows in (1, 12):
        agrees(backend, draw((rows, 11, 33)))


@pytest.mark.parametrize("backend", ALL)
def test_a_scale_of_zero_has_a_gradient(backend: str) -> None:
    x, packed, _ = draw((2, 3, 9))
    scale = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    ternary_matmul(x, packed, scale, backend=backend).sum().backward()
    W = unpack_ternary(packed, 9).double()
    assert scale.grad is not None
    assert_close(scale.grad, (x @ W.T).sum(0))


@pytest.mark.parametrize("backend", ALL)
def test_strides_do_not_matter(backend: str) -> None:
    x, packed, scale = draw((4, 6, 33))
    expected = ternary_matmul(x, packed, scale, backend=backend)
    wide = torch.full((8, 66), float("nan"), dtype=x.dtype)
    wide[::2, 1::2] = x
    turned = packed.mT.contiguous().mT
    got = ternary_matmul(wide[::2, 1::2], turned, scale.repeat(2, 1).T[:, 0], backend=backend)
    assert_close(got, expected)
    one = ternary_matmul(x[:1].expand(4, -1), packed, scale[:1].expand(6), backend=backend)
    assert_close(one[3], ternary_matmul(x[0], packed, scale[0], backend=backend))


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("backend", [*ALL, pytest.param("triton", marks=triton)])
def test_y_is_the_same_whether_or_not_a_derivative_is_wanted(
    backend: str, dtype: torch.dtype
) -> None:
    x, packed, scale = draw((3, 7, 20), dtype)
    y = ternary_matmul(x, packed, scale, backend=backend)
    assert y.dtype == dtype and not y.requires_grad
    with torch.no_grad():
        assert torch.equal(ternary_matmul(x, packed, scale, backend=backend), y)
    for wanted in (x, scale):
        wanted.requires_grad_()
        result = ternary_matmul(x, packed, scale, backend=backend)
        assert result.requires_grad and torch.equal(result, y)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("backend", [*ALL, pytest.param("triton", marks=triton)])
def test_a_nan_stays_in_its_row(backend: str, packing: str) -> None:
    """Also one that stands where the filled-up part of the row before it would be."""
    x, packed, scale = draw((3, 4, 9), packing=packing)
    x[1, 0] = float("nan")
    x.requires_grad_()
    y = ternary_matmul(x, packed, scale, packing=packing, backend=backend)
    assert y[1].isnan().all() and not y[[0, 2]].isnan().any()
    (dx,) = torch.autograd.grad(y, x, torch.where(y.isnan(), y, 1.0))
    assert dx[1].isnan().all() and not dx[[0, 2]].isnan().any()


@pytest.mark.parametrize("rows", [1, 12])
@pytest.mark.parametrize("backend", FAST)
def test_two_runs_are_bit_equal(backend: str, rows: int) -> None:
    x, packed, scale = draw((rows, 200, 700), torch.float32)

    def once() -> tuple[Tensor, Tensor]:
        leaf = x.clone().requires_grad_()
        y = ternary_matmul(leaf, packed, scale, backend=backend)
        y.square().sum().backward()
        assert leaf.grad is not None
        return y.detach(), leaf.grad

    assert all(torch.equal(a, b) for a, b in zip(once(), once(), strict=True))


def test_the_backend_is_told() -> None:
    with trace() as t:
        ternary_matmul(*draw((1, 2, 3), torch.float32))
    assert t.events[0].fields["op"] == "ternary_matmul"
    assert t.events[0].fields["backend"] == "numba"


# What autograd, torch.func, the compiler and export need.


@pytest.mark.parametrize("backend", FAST)
def test_derivatives_of_first_and_second_order(backend: str) -> None:
    x, packed, scale = draw((2, 3, 6))
    op = partial(ternary_matmul, packed=packed, backend=backend)
    leaves = x.requires_grad_(), scale.requires_grad_()
    torch.autograd.gradcheck(lambda x, s: op(x, scale=s), leaves)
    torch.autograd.gradgradcheck(lambda x, s: op(x, scale=s), leaves)


@pytest.mark.parametrize("backend", FAST)
def test_torch_func(backend: str) -> None:
    x, packed, scale = draw((3, 4, 9))
    op = partial(ternary_matmul, backend=backend)
    expected = op(x, packed, scale)
    assert_close(torch.func.vmap(op, (0, None, None))(x, packed, scale), expected)
    assert_close(torch.func.vmap(op, (None, 0, 0))(x, packed[:, None], scale)[..., 0].T, expected)

    def total(x: Tensor) -> Tensor:
        return (op(x, packed, scale) * torch.arange(4)).sum()

    leaf = x.clone().requires_grad_()
    (want,) = torch.autograd.grad(total(leaf), leaf)
    assert_close(torch.func.grad(total)(x), want)
    assert_close(torch.func.vmap(torch.func.grad(total))(x), want)


@pytest.mark.parametrize("backend", FAST)
def test_it_compiles_and_exports_whole(backend: str) -> None:
    x, packed, scale = draw((2, 5, 9), torch.float32)
    x.requires_grad_()

    class Layer(torch.nn.Module):
        def forward(self, x: Tensor, packed: Tensor, scale: Tensor) -> Tensor:
            return ternary_matmul(x, packed, scale, backend=backend)

    layer = Layer()
    expected = layer(x, packed, scale)
    (want,) = torch.autograd.grad(expected.sum(), x)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    y = compiled(x, packed, scale)
    assert_close(y, expected)
    assert_close(torch.autograd.grad(y.sum(), x)[0], want)
    exported = torch.export.export(layer, (x.detach(), packed, scale)).module()
    assert_close(exported(x.detach(), packed, scale), expected)


@pytest.mark.parametrize("across", [False, True])
def test_opcheck(across: bool) -> None:
    from marslab.kernels.ternary_matmul.cpu import kernel

    x, packed, _ = draw((3, 5, 9))
    rows = x[:, :5].contiguous() if across else x
    torch.library.opcheck(kernel, (rows, packed, 9, "2bit", across))


# Mistakes.

X, W = torch.ones(2, 9), torch.ones(4, 9)
PACKED, SCALE = pack_ternary(W), torch.ones(4)
TYPES: dict[str, tuple[Any, str]] = {
    "a list": (
        lambda: ternary_matmul([1.0], PACKED, SCALE),  # type: ignore
        "ternary_matmul: x must be a torch.Tensor, got list",
    ),
    "whole numbers": (
        lambda: ternary_matmul(X.long(), PACKED, SCALE),
        "ternary_matmul: x must be bfloat16 or float16 or float32 or float64, got int64",
    ),
    "weights that are not packed": (
        lambda: ternary_matmul(X, W, SCALE),
        "ternary_matmul: packed must be uint8 (see pack_ternary), got float32",
    ),
    "a number for scale": (
        lambda: ternary_matmul(X, PACKED, 1.0),  # type: ignore
        "ternary_matmul: scale must be a torch.Tensor, got float",
    ),
    "a wider scale": (
        lambda: ternary_matmul(X, PACKED, SCALE.double()),
        "ternary_matmul: scale must be float32 beside x of torch.float32, got float64",
    ),
    "packing booleans": (
        lambda: pack_ternary(W > 0),
        "pack_ternary: W must be bfloat16 or float16 or float32 or float64 or int16 or int32 or"
        " int64 or int8, got bool",
    ),
    "unpacking numbers": (
        lambda: unpack_ternary(W, 9),
        "unpack_ternary: packed must be uint8, got float32",
    ),
}
VALUES: dict[str, tuple[Any, str]] = {
    "no such packing": (
        lambda: ternary_matmul(X, PACKED, SCALE, packing="1bit"),
        "ternary_matmul: unknown packing '1bit'; choose from ['2bit', '5trit']",
    ),
    "the other packing": (
        lambda: ternary_matmul(X, PACKED, SCALE, packing="5trit"),
        "ternary_matmul: packed must be [N, ceil(K / 5)] = [N, 2], got [4, 3]",
    ),
    "x of no axis": (
        lambda: ternary_matmul(X[0, 0], PACKED, SCALE),
        "ternary_matmul: x must be [..., K], got []",
    ),
    "another N": (
        lambda: ternary_matmul(X, PACKED, SCALE[:3]),
        "ternary_matmul: scale must be [] or [N] = [4], got [3]",
    ),
    "two places": (
        lambda: ternary_matmul(X, PACKED.to("meta"), SCALE),
        "ternary_matmul: all tensors must be on one device,"
        " got x on cpu, packed on meta, scale on cpu",
    ),
    "a weight of two": (
        lambda: pack_ternary(torch.tensor([[1.0, 2.0]])),
        "pack_ternary: W must hold -1, 0 and 1 only, got 2",
    ),
    "a weight that is no number": (
        lambda: pack_ternary(torch.tensor([[float("nan")]])),
        "pack_ternary: W must hold -1, 0 and 1 only, got nan",
    ),
    "a row": (lambda: pack_ternary(W[0]), "pack_ternary: W must be [N, K], got [9]"),
    "another K": (
        lambda: unpack_ternary(PACKED, 13),
        "unpack_ternary: packed must be [N, bytes of K], got [4, 3]",
    ),
    "no four weights": (
        lambda: unpack_ternary(torch.tensor([[0b10_00_01]], dtype=torch.uint8), 4),
        "unpack_ternary: packed must come from pack_ternary with packing '2bit', got the byte 33",
    ),
    "no five weights": (
        lambda: unpack_ternary(torch.tensor([[243]], dtype=torch.uint8), 5, "5trit"),
        "unpack_ternary: packed must come from pack_ternary with packing '5trit', got the byte 243",
    ),
}


@pytest.mark.parametrize("case", TYPES)
def test_a_wrong_type_is_one_sentence(case: str) -> None:
    call, sentence = TYPES[case]
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        call()


@pytest.mark.parametrize("case", VALUES)
def test_a_wrong_value_is_one_sentence(case: str) -> None:
    call, sentence = VALUES[case]
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call()


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_cost_counts_each_number_once(packing: str) -> None:
    x, packed, scale = draw((3, 5, 23), torch.float32, packing=packing)
    y = ternary_matmul(x, packed, scale, packing=packing)
    moved = sum(t.nbytes for t in (x, packed, scale, y))
    assert cost((3, 5, 23), 4, packing=packing) == Cost(moved, 2 * 3 * 5 * 23)
