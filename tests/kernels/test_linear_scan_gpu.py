"""The compiled Triton kernel of linear_scan. The oracle runs on the CPU: naive, or for long inputs
numba in float64, which test_linear_scan.py holds to naive.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels import available, backends, linear_scan
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import assert_close, check

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(),
        reason="needs a CUDA device; last result: data/bench/gpu-tests.json",
    ),
]

REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
ODD = [
    (1, 1, 1),
    (1, 2, 3),
    (2, 63, 5),
    (2, 64, 8),
    (3, 1000, 4),
    (1, 129, 1000),
    (7, 17, 33),
    (1, 1025, 129),
]
EMPTY = [(2, 0, 3), (0, 5, 3), (2, 5, 0)]


def agrees(
    inputs: tuple[Tensor, ...],
    *,
    reverse: bool = False,
    layout: Callable[[Tensor], Tensor] = torch.Tensor.contiguous,
    oracle: str = "naive",
) -> None:
    """Every h, the state and all gradients on the GPU are those of the oracle on the CPU."""
    scan = partial(linear_scan, reverse=reverse, return_state=True)

    def on_gpu(*x: Tensor) -> list[Tensor]:
        return [y.cpu() for y in scan(*(layout(v.cuda()) for v in x), backend="triton")]

    def on_cpu(*x: Tensor) -> tuple[Tensor, Tensor]:
        return scan(*(layout(v) for v in x), backend=oracle)

    check(on_gpu, on_cpu, inputs, length=inputs[1].shape[1])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [*ODD, *EMPTY], ids=str)
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_agrees_with_naive(dtype: torch.dtype, shape: tuple[int, int, int], reverse: bool) -> None:
    inputs = draw(shape, dtype)
    oracle = "naive" if shape[1] < 100 else "numba"  # autograd pays for a loop with its square
    agrees(inputs, reverse=reverse, oracle=oracle)
    agrees(inputs[:2], reverse=reverse, oracle=oracle)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_float32_decay_beside_16_bit_input(dtype: torch.dtype, reverse: bool) -> None:
    inputs = draw((2, 333, 37), dtype, decay_dtype=torch.float32)
    agrees(inputs, reverse=reverse, oracle="numba")


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 300), st.integers(8, 300)),
    reverse=st.booleans(),
    seed=st.integers(0, 99),
)
def test_agrees_on_any_shape(shape: tuple[int, int, int], reverse: bool, seed: int) -> None:
    """From 8 channels on: the one state of one channel may be near 0, and off by much of itself."""
    torch.manual_seed(seed)
    agrees(draw(shape, torch.float32), reverse=reverse, oracle="numba")


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "every second step": lambda x: x.repeat_interleave(2, 1)[:, ::2],
    "off the 16-byte grid": lambda x: F.pad(x, (1, 2))[..., 1:-2],
    "one row for all": lambda x: x[:1].expand_as(x),
    "one step for all": lambda x: x[:, :1].expand_as(x),
    "one channel for all": lambda x: x[..., :1].expand_as(x),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_strides_do_not_matter(dtype: torch.dtype, layout: str) -> None:
    agrees(draw((2, 130, 64), dtype), layout=LAYOUTS[layout], oracle="numba")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("shape", [(1, 32768, 200), (2, 4096, 2048), (1, 65536, 64)], ids=str)
def test_long_sequences(shape: tuple[int, int, int], dtype: torch.dtype, reverse: bool) -> None:
    agrees(draw(shape, dtype, decay=(0.9, 1.0)), reverse=reverse, oracle="numba")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_many_channels(dtype: torch.dtype, reverse: bool) -> None:
    """So many that one program walks all of time in float32, and what is written stays longest."""
    from marslab.kernels.linear_scan import gpu

    inputs = draw((8, 130, 1030), dtype)
    assert inputs[1].shape[0] * inputs[1].shape[2] >= gpu.MANY_CHANNELS
    agrees(inputs, reverse=reverse, oracle="numba")


@pytest.mark.parametrize("decay_dtype", [torch.bfloat16, torch.float32], ids=str)
def test_8192_steps_in_bfloat16(decay_dtype: torch.dtype) -> None:
    inputs = draw((2, 8192, 96), torch.bfloat16, decay_dtype=decay_dtype, decay=(0.9, 0.999))
    agrees(inputs, oracle="numba")


@pytest.mark.parametrize("decay", [0.99, 0.9999, 0.99999])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_32768_steps_of_one_decay(dtype: torch.dtype, decay: float) -> None:
    a = torch.full((1, 32768, 40), decay, dtype=dtype)
    agrees((a, torch.ones_like(a)), oracle="numba")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_zeros_ones_and_products_that_underflow(dtype: torch.dtype) -> None:
    a, b, h0 = draw((2, 1000, 40), dtype)
    a = torch.where(torch.rand(a.shape) < 0.1, 0.0, a)
    a = torch.where(torch.rand(a.shape) < 0.3, 1.0, a).to(dtype)
    agrees((a, b, h0), oracle="numba")
    small = draw((2, 1000, 40), dtype, decay=(1e-30, 0.1))
    agrees(small, oracle="numba")


@pytest.mark.parametrize("where", ["a", "b", "h0"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("length", [90, 20000])
def test_a_nan_reaches_what_depends_on_it_only(length: int, bad: float, where: str) -> None:
    names = ("a", "b", "h0")
    inputs = dict(zip(names, draw((2, length, 70), decay=(0.5, 1.0)), strict=True))
    inputs = {name: x.float().cuda() for name, x in inputs.items()}
    clean = linear_scan(*inputs.values())
    at = length // 2
    inputs[where][(1, 2) if where == "h0" else (1, at, 2)] = bad
    hit = torch.zeros_like(clean, dtype=torch.bool)
    hit[1, 0 if where == "h0" else at :, 2] = True
    h = linear_scan(*inputs.values())
    assert not h[hit].isfinite().any()
    assert torch.equal(h[~hit], clean[~hit])


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("shape", [(1, 65536, 256), (8, 1000, 300)], ids=str)
def test_runs_are_bit_equal(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    args = [x.requires_grad_() for x in draw(shape, dtype, device="cuda")]
    weight = torch.randn_like(args[1])
    runs = []
    for _ in range(4):
        h = linear_scan(*args, backend="triton")
        runs.append([h.detach(), *torch.autograd.grad(h, args, weight)])
    for run in runs[1:]:
        assert all(torch.equal(x, y) for x, y in zip(run, runs[0], strict=True))


def test_a_sequence_cut_anywhere_goes_on() -> None:
    a, b, h0 = draw((2, 700, 40), torch.float64, device="cuda")
    whole, last = linear_scan(a, b, h0, return_state=True)
    for cut in (0, 1, 63, 64, 65, 511, 699, 700):
        h, state = linear_scan(a[:, :cut], b[:, :cut], h0, return_state=True)
        rest, state = linear_scan(a[:, cut:], b[:, cut:], state, return_state=True)
        assert_close(torch.cat([h, rest], 1), whole)
        assert_close(state, last)


@pytest.mark.slow
def test_more_cells_than_a_32_bit_index_reaches() -> None:
    shape = (9, 131072, 2048)
    a = torch.rand(shape, device="cuda", dtype=torch.bfloat16).requires_grad_()
    b = torch.rand(shape, device="cuda", dtype=torch.bfloat16)
    h = linear_scan(a, b, backend="triton")
    h.backward(b)
    tail = a.detach()[-1:].requires_grad_()
    expected = linear_scan(tail, b[-1:], backend="triton")
    expected.backward(b[-1:])
    assert a.grad is not None and tail.grad is not None
    for mine, its in ((h[-1:], expected), (a.grad[-1:], tail.grad)):
        assert_close(mine[..., :64], its[..., :64])


def test_a_side_stream_gets_its_own_result() -> None:
    args = draw((4, 4096, 512), torch.float32, device="cuda")
    expected = linear_scan(*args)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        got = [linear_scan(*args) for _ in range(8)]
    side.synchronize()
    assert all(torch.equal(h, expected) for h in got)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_a_device_that_is_not_the_current_one() -> None:
    args = draw((2, 300, 40), torch.float32)
    there = linear_scan(*(x.to("cuda:1") for x in args), backend="triton")
    assert there.device == torch.device("cuda:1")
    assert torch.equal(there.cpu(), linear_scan(*(x.to("cuda:0") for x in args)).cpu())


def loss(*args: Tensor) -> Tensor:
    h, state = linear_scan(*args, return_state=True, backend="triton")
    return h.square().sum() + state.sin().sum()


@pytest.mark.parametrize("operands", [2, 3])
def test_derivatives_match_finite_differences(operands: int) -> None:
    args = [x.requires_grad_() for x in draw((1, 5, 2), device="cuda")[:operands]]
    scan = partial(linear_scan, return_state=True, backend="triton")
    assert torch.autograd.gradcheck(scan, args)
    assert torch.autograd.gradgradcheck(scan, args)


def test_the_custom_ops_keep_torch_s_rules() -> None:
    from marslab.kernels.linear_scan import gpu

    a, b, drawn = draw((2, 9, 3), torch.float32, device="cuda")
    for h0 in (drawn, drawn[:, :0]):
        torch.library.opcheck(gpu.forward, (a, b, h0, False))
        h, state = gpu.forward(a, b, h0, False)
        torch.library.opcheck(gpu.backward, (a, h, h0, h.clone(), state.clone(), False))


@pytest.mark.parametrize("operands", [2, 3])
def test_func_and_compile(operands: int) -> None:
    args = draw((3, 60, 20), device="cuda")[:operands]
    grads = torch.func.grad(loss, argnums=tuple(range(operands)))
    expected = grads(*args)

    def of_one(*rows: Tensor) -> tuple[Tensor, ...]:
        return grads(*(x[None] for x in rows))

    per_row = torch.func.vmap(of_one)(*args)
    torch.compiler.reset()
    whole = torch.compile(loss, backend="aot_eager", fullgraph=True)
    leaves = [x.requires_grad_() for x in args]
    compiled = torch.autograd.grad(whole(*leaves), leaves)
    for row, mine, its in zip(per_row, compiled, expected, strict=True):
        assert_close(row[:, 0], its, gradient=True)
        assert_close(mine, its, gradient=True)


def test_auto_is_triton_and_complex_inputs_go_to_torch() -> None:
    assert available()["triton"].ok and available()["triton"].device == "cuda"
    told: list[str] = []
    token = backends.observer.set(lambda op, backend: told.append(backend))
    inputs = draw((2, 63, 5), torch.complex64)
    linear_scan(*(x.real.cuda() for x in inputs))
    h = linear_scan(*(x.cuda() for x in inputs))
    backends.observer.reset(token)
    assert told == ["triton", "torch"]
    assert_close(h.cpu(), linear_scan(*inputs, backend="naive"), dtype=torch.complex64)
    with pytest.raises(ValueError, match="backend 'triton' cannot run"):
        linear_scan(*(x.cuda() for x in inputs), backend="triton")
