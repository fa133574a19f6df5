"""The Triton kernels of ternary_matmul in Triton's interpreter: the same source, slowly."""

from functools import partial

import pytest
import torch

from marslab.kernels import available, ternary_matmul, unpack_ternary
from marslab.kernels.ternary_matmul import MANY
from marslab.kernels.ternary_matmul.work import Operands, draw
from marslab.kernels.testing import check

gpu = pytest.importorskip("marslab.kernels.ternary_matmul.gpu", reason="triton is not installed")
pytestmark = pytest.mark.skipif(
    available()["triton"].device != "cpu",
    reason="needs no GPU; with one test_ternary_matmul_gpu.py says more",
)

PACKINGS = ["2bit", "5trit"]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def agrees(operands: Operands, packing: str = "2bit") -> None:
    """y and the gradients of x and scale are those of `naive`."""
    x, packed, scale = operands
    run = partial(ternary_matmul, packing=packing)
    check(
        lambda x, scale: run(x, packed, scale, backend="triton"),
        lambda x, scale: run(x, packed, scale, backend="naive"),
        (x, scale),
        length=1,
    )


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    "shape", [(1, 17, 33), (2, 5, 21), (3, 5, 21), (4, 5, 21), (6, 17, 33), (0, 3, 4)], ids=str
)
def test_agrees_with_naive(shape: tuple[int, int, int], packing: str, dtype: torch.dtype) -> None:
    agrees(draw(shape, dtype, packing=packing), packing)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(2, 70, 1500), (37, 70, 1500)], ids=str)
def test_walks_over_many_tiles(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    agrees(draw(shape, dtype))


@pytest.mark.parametrize("packing", PACKINGS)
def test_unpacks_some_weights_at_a_time(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "UNPACKED", 100)
    monkeypatch.setattr(gpu, "DEPTH", 8)
    agrees(draw((gpu.FEW + 1, 21, 41), packing=packing), packing)


def test_rounds_a_gradient_to_16_bits_for_many_rows_only() -> None:
    for rows in (gpu.FEW, gpu.FEW + 1):
        x, packed, scale = draw((rows, 70, 33), torch.bfloat16)
        y = ternary_matmul(x.requires_grad_(), packed, scale, backend="triton")
        dy = torch.randn_like(y)
        (dx,) = torch.autograd.grad(y, x, dy)
        g = dy.float() * scale
        kept = (g @ unpack_ternary(packed, 33).float()).bfloat16()
        rounded = (g.bfloat16().float() @ unpack_ternary(packed, 33).float()).bfloat16()
        assert not torch.equal(kept, rounded)
        assert torch.equal(dx, kept if rows == gpu.FEW else rounded)


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("each", [True, False], ids=["scale of each", "one scale"])
def test_scales_and_rounds_many_rows_as_torch_does(
    each: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, kernel = [], gpu.scaled
    monkeypatch.setattr(gpu, "scaled", lambda *args: seen.append(args) or kernel(*args))
    monkeypatch.setattr(gpu, "SCALED", gpu.Plan(16, 4, 1))
    x, packed, scale = draw((MANY + 1, 21, 9), dtype)
    scale = scale if each else scale[3]
    plain = ternary_matmul(x, packed, scale, backend="triton")
    ternary_matmul(x[2:], packed, scale, backend="triton")
    watched = ternary_matmul(x.requires_grad_(), packed, scale, backend="triton")
    assert len(seen) == 1
    assert torch.equal(plain, watched)


def test_nothing_is_launched_for_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_run", lambda *args: pytest.fail("a launch"))
    _, packed, scale = draw((1, 3, 9), torch.float32)
    x = torch.ones(MANY, 9)
    assert ternary_matmul(x, packed[:0], scale[:0], backend="triton").shape == (MANY, 0)


def test_the_kernel_that_scales_obeys_the_rules_of_torch_library() -> None:
    operands = torch.randn(2, 5), torch.randn(5), torch.ones(1, dtype=torch.bfloat16)
    torch.library.opcheck(gpu.scaled, operands)
