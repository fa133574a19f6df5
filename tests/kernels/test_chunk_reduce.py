"""chunk_reduce: three reductions over completed chunks, and which shapes of decays it takes."""

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels import chunk_reduce, linear_scan
from marslab.kernels.backends import observer
from marslab.kernels.chunk_reduce.work import draw
from marslab.kernels.testing import assert_close, check

ALL = ["naive", "torch"]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
X = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]])


def reduced(x: Tensor, gamma: Tensor, *, chunk: int, backend: str) -> Tensor:
    return chunk_reduce(x, chunk, op="decay", gamma=gamma, backend=backend)


@pytest.mark.parametrize("backend", ALL)
def test_two_chunks_by_hand(backend: str) -> None:
    both = partial(chunk_reduce, X, 3, backend=backend)
    assert both(op="sum").tolist() == [[7.0, 56.0]]
    assert both(op="mean").tolist() == [[pytest.approx(7 / 3), pytest.approx(56 / 3)]]
    gamma = torch.tensor([[0.7, 0.5, 0.25, 0.0, 0.5, 1.0, 0.3]])
    # 1 * .5 * .25 + 2 * .25 + 4, then 8 * .5 * 1 + 16 * 1 + 32: a chunk's first decay meets nothing
    assert both(op="decay", gamma=gamma).tolist() == [[4.625, 52.0]]


@pytest.mark.parametrize("backend", ALL)
def test_the_decay_is_the_last_state_of_a_scan_within_the_chunk(backend: str) -> None:
    x, gamma = draw((2, 40, 3, 8))
    scans = linear_scan(gamma.reshape(10, 8, 3), x.reshape(10, 8, 3), backend="naive")
    got = reduced(x, gamma, chunk=8, backend=backend)
    assert_close(got, scans[:, -1].view(2, 5, 3))


@pytest.mark.parametrize("chunk", [1, 2, 7, 16, 17, 90])
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_agrees_with_naive(dtype: torch.dtype, chunk: int) -> None:
    x, gamma = draw((2, 67, 3, chunk), dtype)
    fast, slow = (partial(reduced, chunk=chunk, backend=name) for name in ("torch", "naive"))
    check(fast, slow, (x, gamma), length=chunk)
    for op in ("mean", "sum"):
        plain = partial(chunk_reduce, chunk=chunk, op=op)
        check(partial(plain, backend="torch"), partial(plain, backend="naive"), [x], length=chunk)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_float32_decays_beside_16_bit_inputs(dtype: torch.dtype) -> None:
    operands = draw((2, 66, 3, 32), dtype, decay_dtype=torch.float32)
    fast, slow = (partial(reduced, chunk=32, backend=name) for name in ("torch", "naive"))
    check(fast, slow, operands, length=32)


@pytest.mark.parametrize("axes", [2, 3, 4])
@pytest.mark.parametrize("backend", ALL)
def test_a_decay_serves_all_that_its_place_holds(backend: str, axes: int) -> None:
    x = torch.randn(2, 12, 3, 5, dtype=torch.float64)
    gamma = torch.rand(x.shape[:axes], dtype=torch.float64)
    whole = gamma.reshape(*gamma.shape, *[1] * (4 - axes)).expand_as(x)
    few = reduced(x, gamma, chunk=4, backend=backend)
    assert few.shape == (2, 3, 3, 5)
    assert_close(few, reduced(x, whole, chunk=4, backend="naive"))
    fast, slow = (partial(reduced, chunk=4, backend=name) for name in (backend, "naive"))
    check(fast, slow, (x, gamma), length=4)


@pytest.mark.parametrize("op", ["mean", "sum", "decay"])
@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 9, 3), (2, 9, 0), (2, 3, 5)], ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_no_completed_chunk_gives_no_output(backend: str, shape: tuple[int, ...], op: Any) -> None:
    x = torch.randn(shape, requires_grad=True)
    gamma = torch.rand(shape) if op == "decay" else None
    out = chunk_reduce(x, 4, op=op, gamma=gamma, backend=backend)
    assert out.shape == (shape[0], shape[1] // 4, shape[2]) and out.dtype == x.dtype
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert grad.shape == x.shape and not grad.any()


@settings(max_examples=25, deadline=None)
@given(
    chunk=st.integers(1, 9), chunks=st.integers(0, 4), left=st.integers(0, 8), at=st.integers(0, 4)
)
def test_a_sequence_can_be_cut_between_chunks(chunk: int, chunks: int, left: int, at: int) -> None:
    x, gamma = draw((2, chunk * chunks + left % chunk, 2, chunk))
    cut = min(at, chunks) * chunk
    run = partial(reduced, chunk=chunk, backend="torch")
    parts = [run(x[:, :cut], gamma[:, :cut]), run(x[:, cut:], gamma[:, cut:])]
    assert_close(torch.cat(parts, 1), run(x, gamma))


@pytest.mark.parametrize("op", ["mean", "sum", "decay"])
@pytest.mark.parametrize("backend", ALL)
def test_a_nan_reaches_its_own_chunk_only(backend: str, op: Any) -> None:
    x, gamma = draw((2, 20, 3, 5), torch.float32)
    decays = gamma if op == "decay" else None
    clean = chunk_reduce(x, 5, op=op, gamma=decays, backend=backend)
    x[1, 12, 2] = float("nan")
    y = chunk_reduce(x, 5, op=op, gamma=decays, backend=backend)
    assert y[1, 2, 2].isnan() and y.isnan().sum() == 1
    assert torch.equal(y.nan_to_num(), torch.where(y.isnan(), 0.0, clean))


@pytest.mark.parametrize("backend", ALL)
def test_16_bit_inputs_are_weighed_and_summed_in_float32(backend: str) -> None:
    x = (1 - 2 * (torch.arange(256) % 2)).to(torch.bfloat16)[None]  # 1, -1, 1, -1 ...
    gamma = torch.full_like(x, 0.99609375)
    y = reduced(x, gamma, chunk=256, backend=backend)
    assert y.item() == pytest.approx(-(1 - 0.99609375**256) / 1.99609375, rel=5e-3)


@pytest.mark.parametrize("backend", ALL)
def test_zeros_among_the_decays_have_a_gradient(backend: str) -> None:
    x = torch.ones(1, 3)
    gamma = torch.tensor([[0.5, 0.0, 0.5]], requires_grad=True)
    (grad,) = torch.autograd.grad(reduced(x, gamma, chunk=3, backend=backend).sum(), gamma)
    assert grad.tolist() == [[0.0, 0.5, 1.0]]  # d(g1 g2 + g2 + 1)


def test_derivatives_of_every_order() -> None:
    x, gamma = draw((1, 6, 2, 3))
    run = partial(reduced, chunk=3, backend="torch")
    leaves = (x.requires_grad_(), (0.9 * gamma).requires_grad_())
    assert torch.autograd.gradcheck(run, leaves) and torch.autograd.gradgradcheck(run, leaves)
    compiled = torch.compile(run, backend="aot_eager", fullgraph=True)
    assert_close(compiled(*leaves), run(*leaves))


def test_strides_do_not_matter() -> None:
    x, gamma = draw((3, 24, 4, 6), torch.float32)
    laid = [v.transpose(0, 2).contiguous().transpose(0, 2) for v in (x, gamma)]
    run = partial(reduced, chunk=6, backend="torch")
    assert_close(run(*laid), run(x, gamma))


def test_two_runs_are_bit_equal() -> None:
    leaves = [v.requires_grad_() for v in draw((3, 200, 40, 50), torch.float32)]
    runs = []
    for _ in range(2):
        y = reduced(*leaves, chunk=50, backend="torch")
        runs.append([y, *torch.autograd.grad(y.sum(), leaves)])
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


@pytest.mark.parametrize("backend", ALL)
def test_the_choice_is_told(backend: str) -> None:
    told: list[tuple[str, str]] = []
    token = observer.set(lambda *event: told.append(event))
    try:
        chunk_reduce(X, 2, backend=backend)
    finally:
        observer.reset(token)
    assert told == [("chunk_reduce", backend)]


G = torch.full((1, 7), 0.5)
SENTENCES: dict[str, tuple[tuple[Any, Any], dict[str, Any], type[Exception], str]] = {
    "a list": (([1.0], 2), {}, TypeError, "x must be a torch.Tensor, got list"),
    "one axis": ((X[0], 2), {}, ValueError, r"x must be \[B, L, \.\.\.\], got \[7\]"),
    "half a chunk": ((X, 2.5), {}, TypeError, "chunk must be an int, got float"),
    "no chunk": ((X, 0), {}, ValueError, "chunk must be at least 1 step, got 0"),
    "another op": (
        (X, 2),
        {"op": "max"},
        ValueError,
        r"op must be one of \('mean', 'sum', 'decay'\), got 'max'",
    ),
    "no gamma": (
        (X, 2),
        {"op": "decay"},
        ValueError,
        "op='decay' needs gamma, a decay for each step; got None",
    ),
    "a useless gamma": (
        (X, 2),
        {"gamma": G},
        ValueError,
        "gamma counts with op='decay' alone, got op='mean'",
    ),
    "another L": (
        (X, 2),
        {"op": "decay", "gamma": G[:, :3]},
        ValueError,
        r"gamma must have the first axes of x, \[1, 7\] at the least and \[1, 7\] at the most,"
        r" got \[1, 3\]",
    ),
    "a wider gamma": (
        (X, 2),
        {"op": "decay", "gamma": G.double()},
        TypeError,
        "gamma must be float32 beside x of torch.float32, got float64",
    ),
    "above 1": (
        (X, 2),
        {"op": "decay", "gamma": 3 * G},
        ValueError,
        r"gamma must be in \[0, 1\], got 1.5",
    ),
    "elsewhere": (
        (X, 2),
        {"op": "decay", "gamma": G.to("meta")},
        ValueError,
        "all tensors must be on one device, got x on cpu, gamma on meta",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_bad_input_gets_a_sentence(case: str) -> None:
    args, options, kind, sentence = SENTENCES[case]
    with pytest.raises(kind, match=f"^chunk_reduce: {sentence}$"):
        chunk_reduce(*args, **options)
