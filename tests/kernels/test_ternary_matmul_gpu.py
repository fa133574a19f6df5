"""The compiled Triton kernel of ternary_matmul and its gradients; the oracle runs on the CPU."""

import pytest
import torch
from torch import Tensor

from marslab.kernels import ternary_matmul
from marslab.kernels.ternary_matmul import MANY
from marslab.kernels.ternary_matmul.work import Operands, draw
from marslab.kernels.testing import check

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(),
        reason="needs a CUDA device; last result: data/bench/gpu-tests.json",
    ),
]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
PACKINGS = ["2bit", "5trit"]
FEW = [(1, 1, 1), (1, 17, 33), (2, 37, 70), (3, 5, 21), (4, 70, 1027)]  # up to gpu.FEW rows
SHAPES = [*FEW, (0, 3, 4), (37, 70, 300), (130, 257, 1027)]
LARGE = [(1, 8192, 8192), (64, 8192, 8192)]  # as in the bench, the second with fewer rows


def agrees(operands: Operands, packing: str, like: str, length: int = 1) -> None:
    """y and the gradients of x and scale on the GPU are those of the oracle on the CPU."""
    x, packed, scale = operands

    def on_gpu(x: Tensor, scale: Tensor) -> Tensor:
        there = (v.cuda() for v in (x, packed, scale))
        return ternary_matmul(*there, packing=packing, backend="triton").cpu()

    def exact(x: Tensor, scale: Tensor) -> Tensor:
        return ternary_matmul(x, packed, scale, packing=packing, backend=like)

    check(on_gpu, exact, (x, scale), length=length)


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_naive(shape: tuple[int, int, int], packing: str, dtype: torch.dtype) -> None:
    agrees(draw(shape, dtype, packing=packing), packing, "naive")


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("each", [True, False], ids=["scale of each", "one scale"])
@pytest.mark.parametrize("shape", [(MANY, 33, 70), (4096, 4099, 40)], ids=str)
def test_many_rows_are_scaled_and_rounded_as_torch_does(
    shape: tuple[int, int, int], each: bool, dtype: torch.dtype
) -> None:
    x, packed, scale = (v.cuda() for v in draw(shape, dtype))
    scale = scale if each else scale[3]
    plain = ternary_matmul(x, packed, scale)
    assert torch.equal(plain, ternary_matmul(x.requires_grad_(), packed, scale))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_agrees_at_the_sizes_of_the_bench(
    shape: tuple[int, int, int], packing: str, dtype: torch.dtype
) -> None:
    agrees(draw(shape, dtype, packing=packing), packing, "torch", length=shape[2])
