"""The Triton kernels of a sweep of gated_recurrence against drive, scan and gap one by one.

Without a GPU in the interpreter, where a tile is 8 steps of 8 channels, or 16 of 32 in float64.
"""

from functools import partial

import pytest
import torch
from torch import Tensor

from marslab.kernels import gated_recurrence, linear_scan
from marslab.kernels.backends import interpreted
from marslab.kernels.gated_recurrence import torch_ops, torch_sweep
from marslab.kernels.gated_recurrence.work import draw
from marslab.kernels.testing import LIMIT, assert_close, compare

gpu_sweep = pytest.importorskip("marslab.kernels.gated_recurrence.gpu_sweep")
NO_GPU = "needs a CUDA device; last result: data/bench/gpu-tests.json"
on_gpu = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU))
in_the_interpreter = pytest.mark.skipif(not interpreted(), reason="a GPU runs them compiled")
DEVICES = [
    pytest.param("cpu", marks=in_the_interpreter),
    pytest.param("cuda", marks=on_gpu),
]
SIZES = {  # one step, one tile, more tiles than a group has; widths that end within a tile
    "cpu": ((1, 1, 1), (2, 8, 3), (2, 37, 9)),
    "cuda": ((1, 1, 1), (2, 64, 5), (2, 65, 130), (3, 1100, 72)),
}
KINDS = [  # of z and of gamma
    (torch.float64, torch.float64),
    (torch.float32, torch.float32),
    (torch.bfloat16, torch.bfloat16),
    (torch.bfloat16, torch.float32),
    (torch.float16, torch.float16),
]


class Drawn:
    """A sweep of random numbers: what the kernels take, and the same for torch in float64."""

    def __init__(self, size: tuple, kinds: tuple, reverse: bool, device: str) -> None:
        z, _, gamma, start = draw(size, kinds[0], decay_dtype=kinds[1], device=device)
        p, r, self.x = (torch.randn(size, dtype=start.dtype, device=device) for _ in "prx")
        first = torch.randn_like(start)
        self.narrow = torch.bfloat16 if kinds[0] == torch.bfloat16 else start.dtype
        operand = torch.empty_like(p, dtype=self.narrow)
        if reverse:  # gradients come in the dtype of the state
            z, gamma = z.to(start.dtype), gamma.to(start.dtype)
        elif self.narrow == start.dtype:
            operand = None
        self.b = gpu_sweep.Inflow(p, z, *((None, r) if reverse else (first, None)), operand)
        self.about = gamma, self.b, start, reverse
        if reverse:
            a = torch.cat([gamma[:, 1:], torch.ones_like(gamma[:, :1])], 1).double()
            b = z.double() + torch.cat([p[:, 1:], torch.zeros_like(p[:, :1])], 1)
        else:
            a, b = gamma.double(), torch_ops.drive(p.double(), first.double(), z.double())
        self.exact = a, b, start.double(), reverse


@pytest.mark.slow
@pytest.mark.parametrize("kinds", KINDS, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_a_sweep_is_drive_scan_and_gap(device: str, reverse: bool, kinds: tuple) -> None:
    for size in SIZES[device]:
        drawn = Drawn(size, kinds, reverse, device)
        a, b, start, _ = drawn.exact
        x, state, moved = gpu_sweep.advance(*drawn.about, drawn.x)
        off, width = moved()
        exact, last = linear_scan(a, b, start, reverse=reverse, return_state=True, backend="torch")
        assert x.dtype == state.dtype == (kinds[1] if kinds[1].itemsize == 8 else torch.float32)
        assert_close(x, exact, f"x of {size}", length=size[1])
        assert_close(state, last, f"state of {size}", length=size[1])
        for mine, its in zip((off, width), torch_ops.gap(x, drawn.x), strict=True):
            assert torch.equal(mine, its.cpu())
        if drawn.b.operand is not None:
            wanted = (drawn.b.r * x if reverse else x).to(drawn.narrow)
            # the interpreter cuts off to 16 bits where the hardware rounds
            rtol = 2**-7 if device == "cpu" and drawn.narrow == torch.bfloat16 else 0.0
            torch.testing.assert_close(drawn.b.operand, wanted, rtol=rtol, atol=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", KINDS, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_the_residual_is_the_recurrence_put_to_x(device: str, reverse: bool, kinds: tuple) -> None:
    for size in SIZES[device]:
        drawn = Drawn(size, kinds, reverse, device)
        off, width = gpu_sweep.residual(*drawn.about, drawn.x)
        exact = torch_sweep.residual(*drawn.exact, drawn.x.double())
        assert_close(off, exact[0].cpu(), f"off of {size}")
        assert torch.equal(width.double(), exact[1].cpu())
        solution, *_ = gpu_sweep.advance(*drawn.about, drawn.x)
        off, width = gpu_sweep.residual(*drawn.about, solution)
        assert (off <= 4 * torch.finfo(off.dtype).eps * width).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy's, in the interpreter
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_what_is_not_finite_stays_in_its_row(
    device: str, reverse: bool, dtype: torch.dtype
) -> None:
    drawn = Drawn((4, 37, 9), (dtype, dtype), reverse, device)
    drawn.b.z[1, 20, 2], drawn.b.z[2, 20, 2] = torch.nan, torch.inf
    a, b, start, _ = drawn.exact
    b[1, 20, 2], b[2, 20, 2] = torch.nan, torch.inf
    x, *_ = gpu_sweep.advance(*drawn.about, drawn.x)
    exact = linear_scan(a, b, start, reverse=reverse, backend="naive")
    assert torch.equal(x.isnan(), exact.isnan()) and torch.equal(x.isinf(), exact.isinf())
    assert gpu_sweep.residual(*drawn.about, x)[0][:3].isfinite().all()
    again, _, moved = gpu_sweep.advance(*drawn.about, x)
    off, width = moved()
    assert torch.equal(again.nan_to_num(7.0), x.nan_to_num(7.0)) and (off == 0).all()
    assert width.isfinite().all()
    again[0, 5, 1], again[3, 36, 8] = torch.nan, -torch.inf
    assert gpu_sweep.residual(*drawn.about, again)[0].isinf().tolist() == [True, False, False, True]
    off, _ = gpu_sweep.advance(*drawn.about, again)[2]()
    assert off.tolist() == [torch.inf, 0.0, 0.0, torch.inf]


def agrees(device: str, size: tuple[int, int, int], kinds: tuple, most: float = 0.0) -> None:
    """The solve by sweeps, its state and its gradients are those of naive."""

    def solve(*x: Tensor) -> tuple[Tensor, ...]:
        there = (v.to(device) for v in x)
        out = gated_recurrence(*there, method="newton", return_state=True, backend="triton")
        return tuple(v.cpu() for v in out)

    naive = partial(gated_recurrence, backend="naive", return_state=True)
    for row in compare(solve, naive, draw(size, kinds[0], decay_dtype=kinds[1]), length=size[1]):
        limit = max(most, *row.limit)
        assert max(*row.error) <= limit, f"{row.what} of {size}: {row.error}, {limit}"


@pytest.mark.slow
@in_the_interpreter
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_the_sweeps_in_triton_s_interpreter(kinds: tuple) -> None:
    for size in ((1, 1, 1), (2, 4, 3)):
        agrees("cpu", size, kinds)


@pytest.mark.slow
@in_the_interpreter
def test_the_sweeps_over_more_tiles_than_one() -> None:
    agrees("cpu", (2, 17, 33), (torch.float64, torch.float64), most=5e-10)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sequential", "newton"])
@pytest.mark.parametrize("device", DEVICES)
def test_strides_do_not_matter_to_the_gradients(device: str, method: str) -> None:
    x = [v.to(device) for v in draw((2, 4, 3), torch.float32)]
    turned = [v.transpose(0, 1).contiguous().transpose(0, 1) for v in x]

    def gradients(operands: list[Tensor]) -> tuple[Tensor, ...]:
        leaves = [v.requires_grad_() for v in operands]
        h = gated_recurrence(*leaves, method=method, backend="triton")
        return torch.autograd.grad(h.square().sum(), leaves)

    for mine, its in zip(gradients(turned), gradients(x), strict=True):
        assert_close(mine, its, gradient=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_the_sweeps_compiled(kinds: tuple) -> None:
    for size in ((1, 1, 1), (2, 33, 5), (3, 150, 130)):
        agrees("cuda", size, kinds, most=100 * LIMIT[kinds[0]] if kinds[0].itemsize == 8 else 0.0)
