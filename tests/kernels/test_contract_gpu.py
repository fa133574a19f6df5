"""The compiled Triton kernels of every op. The oracle runs on the CPU: naive, or where that would
take minutes numba in float64, which test_contract.py holds to naive.
"""

import pytest
import torch
from torch import Tensor

from marslab.kernels.testing import assert_close, check

from contract import LAYOUTS, REAL, Contract, cut, leaves, left_out
from ops import OPS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(),
        reason="needs a CUDA device; last result: data/bench/gpu-tests.json",
    ),
]
TRITON = [name for name, op in OPS.items() if op.triton]
SHAPED = [(name, size) for name in TRITON for size in OPS[name].sizes]
LARGE = [(name, size) for name in TRITON for size in OPS[name].large]
CARRIED = [name for name in TRITON if OPS[name].state]


def agrees(op: Contract, operands: tuple[Tensor, ...], oracle: str = "naive") -> None:
    """Result, state and gradients on the GPU are those of the oracle on the CPU."""

    def on_gpu(*x: Tensor) -> list[Tensor]:
        return [y.cpu() for y in op.call("triton")(*(v.cuda() for v in x))]

    length = operands[op.index(op.timed[0])].shape[1] if op.timed else 1
    check(on_gpu, op.call(oracle), operands, length=length)


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("name, size", SHAPED, ids=str)
def test_agrees_with_naive(name: str, size: tuple[int, ...], dtype: torch.dtype) -> None:
    agrees(OPS[name], OPS[name].inputs(size, dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name, size", LARGE, ids=str)
def test_agrees_at_the_sizes_of_the_speed_table(
    name: str, size: tuple[int, ...], dtype: torch.dtype
) -> None:
    agrees(OPS[name], OPS[name].inputs(size, dtype), "numba")


@pytest.mark.parametrize("name", [n for n in TRITON if OPS[n].decays])
def test_float32_decays_beside_16_bit_inputs(name: str) -> None:
    op = OPS[name]
    agrees(op, op.inputs(op.sizes[0], torch.bfloat16, decay_dtype=torch.float32))


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("name", [n for n in TRITON if OPS[n].optional])
def test_what_is_left_out_is_zero(name: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    for size in op.sizes:
        operands = [x.cuda() for x in op.inputs(size, dtype)]
        for mine, its in zip(*left_out(op, "triton", operands), strict=True):
            assert_close(mine.cpu(), its.cpu(), dtype=dtype)


@pytest.mark.parametrize("letter", ["L", "B"])
@pytest.mark.parametrize("name", TRITON)
def test_empty_inputs_agree_too(name: str, letter: str) -> None:
    op = OPS[name]
    if letter in op.letters:
        agrees(op, op.inputs(op.resized(letter, 0), torch.bfloat16))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", TRITON)
def test_strides_do_not_matter(name: str, layout: str) -> None:
    op = OPS[name]
    operands = [x.cuda() for x in op.inputs(op.sizes[-1], torch.float32)]
    laid = [LAYOUTS[layout](x) if x.ndim else x for x in operands]
    for mine, its in zip(
        op.call("triton")(*laid),
        op.call("triton")(*(x.contiguous() for x in laid)),
        strict=True,
    ):
        assert torch.equal(mine, its)


@pytest.mark.parametrize("name", CARRIED)
def test_a_sequence_cut_anywhere_goes_on(name: str) -> None:
    op = OPS[name]
    operands = [x.cuda() for x in op.inputs(op.resized("L", 200))]
    operands = type(op.inputs(op.tiny))(*operands)
    where = op.index(op.state or "")
    whole, last = op.call("triton")(*operands)
    for at in (0, 1, 15, 16, 63, 64, 65, 199, 200):
        first, state = op.call("triton")(*cut(op, operands, 0, at))
        rest = cut(op, operands, at, 200)
        rest[where] = state
        second, state = op.call("triton")(*rest)
        assert_close(torch.cat([first, second], 1), whole)
        assert_close(state, last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", TRITON)
def test_runs_are_bit_equal(name: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    given = leaves([x.cuda() for x in op.inputs(op.sizes[-1], dtype)])
    runs = []
    for _ in range(4):
        y = op.call("triton")(*given)[0]
        runs.append(
            [y.detach(), *torch.autograd.grad(y, given, torch.ones_like(y), allow_unused=True)]
        )
    for run in runs[1:]:
        for one, other in zip(run, runs[0], strict=True):
            assert one is other is None or torch.equal(one, other)


@pytest.mark.parametrize("name", TRITON)
def test_derivatives_match_finite_differences(name: str) -> None:
    op = OPS[name]
    given = leaves([x.cuda() for x in op.inputs(op.finite)])
    assert torch.autograd.gradcheck(op.call("triton"), given, fast_mode=True)


@pytest.mark.parametrize("name", TRITON)
def test_auto_is_triton(name: str) -> None:
    from marslab.kernels.backends import observer

    told: list[tuple[str, str]] = []
    token = observer.set(lambda op, chosen: told.append((op, chosen)))
    try:
        OPS[name].call("auto")(*(x.cuda() for x in OPS[name].inputs(OPS[name].tiny)))
    finally:
        observer.reset(token)
    assert told[0] == (name, "triton")
