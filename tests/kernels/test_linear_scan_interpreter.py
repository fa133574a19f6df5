"""The Triton kernels of linear_scan in Triton's interpreter: the same source, slowly, on a CPU.

A launch costs milliseconds and a step of the loop half of one, so: few cases, short sequences.
"""

from functools import partial

import pytest
import torch
from torch import Tensor

from marslab.kernels import available, backends, linear_scan
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import assert_close, check

pytestmark = pytest.mark.skipif(
    not available()["triton"].ok or available()["triton"].device != "cpu",
    reason="needs triton and no GPU; with a GPU test_linear_scan_gpu.py says more",
)

REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def agrees(inputs: tuple[Tensor, ...], reverse: bool = False) -> None:
    scan = partial(linear_scan, reverse=reverse, return_state=True)
    fast, naive = partial(scan, backend="triton"), partial(scan, backend="naive")
    check(fast, naive, inputs, length=inputs[1].shape[1])


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 7, 5)], ids=str)
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_agrees_with_naive(dtype: torch.dtype, shape: tuple[int, int, int]) -> None:
    agrees(draw(shape, dtype))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_agrees_with_naive_in_reverse(dtype: torch.dtype) -> None:
    agrees(draw((2, 9, 5), dtype), reverse=True)


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 5, 3), (2, 5, 0)], ids=str)
def test_empty_inputs_agree_too(shape: tuple[int, int, int]) -> None:
    agrees(draw(shape))


def test_a_float32_decay_beside_16_bit_input() -> None:
    agrees(draw((2, 9, 5), torch.bfloat16, decay_dtype=torch.float32))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_without_h0(dtype: torch.dtype, reverse: bool) -> None:
    agrees(draw((2, 9, 5), dtype)[:2], reverse)


def test_strides_do_not_matter() -> None:
    a, b, h0 = draw((2, 9, 5))
    a = a.transpose(0, 1).contiguous().transpose(0, 1)
    agrees((a, b[:, :1].expand_as(b), h0[:1].expand_as(h0)))


@pytest.mark.slow
def test_the_rounding_of_repeated_decays_does_not_add_up() -> None:
    # 64 tiles of 8 steps; with products in float32 the error is 3.6e-6
    a = torch.full((1, 512, 1), 0.9997)
    got = linear_scan(a, torch.ones_like(a), backend="triton")
    exact = linear_scan(a.double(), torch.ones_like(a).double(), backend="naive")
    assert_close(got, exact)


@pytest.mark.parametrize("cut", [0, 1, 8, 9])
def test_a_scan_can_be_cut_anywhere(cut: int) -> None:
    a, b, h0 = draw((1, 9, 3))
    scan = partial(linear_scan, return_state=True, backend="triton")

    def continued(a: Tensor, b: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        h, state = scan(a[:, :cut], b[:, :cut], h0)
        rest, state = scan(a[:, cut:], b[:, cut:], state)
        return torch.cat([h, rest], 1), state

    check(continued, partial(linear_scan, return_state=True, backend="naive"), (a, b, h0), length=9)


def test_a_nan_reaches_what_depends_on_it_only() -> None:
    a, b, h0 = draw((2, 9, 4))
    clean = linear_scan(a, b, h0, backend="triton")
    b[1, 4, 2] = float("nan")
    h = linear_scan(a, b, h0, backend="triton")
    hit = torch.zeros_like(h, dtype=torch.bool)
    hit[1, 4:, 2] = True
    assert h[hit].isnan().all() and torch.equal(h[~hit], clean[~hit])


def test_zeros_and_ones_are_exact() -> None:
    b = torch.arange(8.0).view(1, 8, 1).expand(1, 8, 3).contiguous()
    assert torch.equal(linear_scan(torch.zeros_like(b), b, backend="triton"), b)
    assert torch.equal(linear_scan(torch.ones_like(b), b, backend="triton"), b.cumsum(1))


@pytest.mark.slow
def test_derivatives_match_finite_differences() -> None:
    args = [x.requires_grad_() for x in draw((1, 3, 2))]
    assert torch.autograd.gradcheck(partial(linear_scan, backend="triton"), args)


@pytest.mark.slow
def test_the_custom_ops_keep_torch_s_rules() -> None:
    from marslab.kernels.linear_scan import gpu

    a, b, drawn = draw((2, 3, 3), torch.float32)
    for h0 in (drawn, drawn[:, :0]):
        torch.library.opcheck(gpu.forward, (a, b, h0, False))
        h, state = gpu.forward(a, b, h0, False)
        torch.library.opcheck(gpu.backward, (a, h, h0, h.clone(), state.clone(), False))


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [False, True])
def test_the_gradient_of_the_gradient_without_h0(reverse: bool) -> None:
    args = [x.requires_grad_() for x in draw((1, 3, 1))[:2]]
    found = []
    for backend in ("triton", "torch"):
        out = linear_scan(*args, reverse=reverse, return_state=True, backend=backend)
        once = torch.autograd.grad([x.sin().sum() for x in out], args, create_graph=True)
        found.append(torch.autograd.grad([x.sin().sum() for x in once], args))
    assert all(torch.allclose(x, y, rtol=1e-12) for x, y in zip(*found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("operands", [2, 3])
def test_func_and_compile(operands: int) -> None:
    args = draw((2, 3, 2))[:operands]

    def loss(*x: Tensor, backend: str = "triton") -> Tensor:
        return linear_scan(*x, backend=backend).square().sum()

    every = tuple(range(operands))
    grads = torch.func.grad(loss, argnums=every)
    expected = torch.func.grad(partial(loss, backend="torch"), argnums=every)(*args)

    def of_one(*rows: Tensor) -> tuple[Tensor, ...]:
        return grads(*(x[None] for x in rows))

    per_row = torch.func.vmap(of_one)(*args)
    torch.compiler.reset()
    leaves = [x.clone().requires_grad_() for x in args]
    whole = torch.compile(loss, backend="aot_eager", fullgraph=True)
    compiled = torch.autograd.grad(whole(*leaves), leaves)
    for row, mine, its in zip(per_row, compiled, expected, strict=True):
        assert torch.allclose(row[:, 0], its, rtol=1e-12, atol=0)
        assert torch.allclose(mine, its, rtol=1e-12, atol=0)


def test_complex_inputs_are_refused_by_argument_and_passed_over_otherwise() -> None:
    inputs = draw((1, 3, 2), torch.complex64)
    with pytest.raises(ValueError, match="backend 'triton' cannot run"):
        linear_scan(*inputs, backend="triton")
    told: list[str] = []
    token = backends.observer.set(lambda op, backend: told.append(backend))
    with backends.use("triton"):
        linear_scan(*inputs)
    backends.observer.reset(token)
    assert told == ["numba"]


def test_every_word_is_unset_before_a_look_back_and_nothing_behind_them() -> None:
    """Programs run in turn here and would not miss it; on a GPU one would read another's past."""
    from marslab.kernels.linear_scan.gpu_lookback import unset

    words = torch.zeros(1500, dtype=torch.int64)
    unset[(2,)](words, 1300, EARLY=False, SIZE=1024)  # pyright: ignore[reportArgumentType]
    assert (words[:1300] == -1).all() and (words[1300:] == 0).all()


def test_a_look_back_unsets_its_own_words() -> None:
    from marslab.kernels.linear_scan import gpu_launch

    seen = []

    class Kernel:
        def __getitem__(self, grid: tuple[int]):
            return lambda *given, **options: seen.append((grid, given[1].clone()))

    x, plan = torch.zeros(2, 37, 9), gpu_launch.LookBack(4, 2, 8, 1, 2)
    gpu_launch.look_back(Kernel(), plan, [x], x)  # pyright: ignore[reportArgumentType]
    ((grid, words),) = seen  # 5 tiles in 3 groups, for 2 blocks of 8 channels in each of 2 rows
    assert grid == (20,) and words.shape == (2 * 2 * (5 + 3) * 8,) and (words == -1).all()
