"""What every op promises about its values: each fast backend gives what the plain loop gives."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels.backends import observer
from marslab.kernels.testing import assert_close, check

from contract import LAYOUTS, REAL, Contract, cut, left_out
from ops import OPS

BOTH = [(name, backend) for name, op in OPS.items() for backend in op.backends]
SHAPED = [(*each, size) for each in BOTH for size in OPS[each[0]].sizes]
CARRIED = [each for each in BOTH if OPS[each[0]].state]
ALL = [(name, backend) for name, op in OPS.items() for backend in ("naive", *op.backends)]
CARRIED_ALL = [each for each in ALL if OPS[each[0]].state]


def agrees(op: Contract, backend: str, operands: tuple[Tensor, ...]) -> None:
    """Result, state and gradients of a backend are those of the loop."""
    check(op.call(backend), op.call("naive"), operands, length=operands_length(op, operands))


def operands_length(op: Contract, operands: tuple[Tensor, ...]) -> int:
    return max(operands[op.index(name)].shape[1] for name in op.timed) if op.timed else 1


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("name, backend, size", SHAPED, ids=str)
def test_agrees_with_naive(
    name: str, backend: str, size: tuple[int, ...], dtype: torch.dtype
) -> None:
    agrees(OPS[name], backend, OPS[name].inputs(size, dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name, backend", [x for x in BOTH if OPS[x[0]].decays])
def test_float32_decays_beside_16_bit_inputs(name: str, backend: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    agrees(op, backend, op.inputs(op.sizes[0], dtype, decay_dtype=torch.float32))


@pytest.mark.parametrize("name, backend", [x for x in ALL if OPS[x[0]].optional])
def test_what_is_left_out_is_zero(name: str, backend: str) -> None:
    op = OPS[name]
    for mine, its in zip(*left_out(op, backend, op.inputs(op.sizes[0])), strict=True):
        assert torch.equal(mine, its)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("letter", ["L", "B"])
@pytest.mark.parametrize("name, backend", BOTH)
def test_empty_inputs_agree_too(name: str, backend: str, letter: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    if letter in op.letters:
        agrees(op, backend, op.inputs(op.resized(letter, 0), dtype))


@pytest.mark.parametrize("name, backend", CARRIED_ALL)
def test_no_steps_give_the_initial_state(name: str, backend: str) -> None:
    op = OPS[name]
    operands = op.inputs(op.resized("L", 0), torch.float32)
    y, state = op.call(backend)(*operands)
    assert y.shape[1] == 0 and torch.equal(state, operands[op.index(op.state or "")])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name, backend", BOTH)
def test_strides_do_not_matter(name: str, backend: str, layout: str) -> None:
    op = OPS[name]
    operands = op.inputs(op.sizes[0], torch.float32)

    def laid(run: Callable) -> Callable:
        return lambda *x: run(*(LAYOUTS[layout](v) if v.ndim else v for v in x))

    check(laid(op.call(backend)), laid(op.call("naive")), operands, length=op.L)


@pytest.mark.parametrize("name, backend", CARRIED_ALL)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_sequence_can_be_cut_anywhere(name: str, backend: str, data: st.DataObject) -> None:
    op = OPS[name]
    length = data.draw(st.integers(0, 40), "length")
    at = data.draw(st.integers(0, length), "cut")
    operands = op.inputs(op.resized("L", length))
    where = op.index(op.state or "")
    whole, last = op.call(backend)(*operands)
    first, state = op.call(backend)(*cut(op, operands, 0, at))
    rest = cut(op, operands, at, length)
    rest[where] = state
    second, state = op.call(backend)(*rest)
    assert_close(torch.cat([first, second], 1), whole)
    assert_close(state, last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name, backend", CARRIED_ALL)
def test_one_token_at_a_time_is_the_same_function(
    name: str, backend: str, dtype: torch.dtype
) -> None:
    op = OPS[name]
    operands = op.inputs(op.resized("L", 9), dtype)
    whole, last = op.call(backend)(*operands)
    parts, state = [], operands[op.index(op.state or "")]
    for t in range(9):
        step = cut(op, operands, t, t + 1)
        step[op.index(op.state or "")] = state
        y, state = op.call(backend)(*step)
        parts.append(y)
    assert_close(torch.cat(parts, 1), whole)
    assert_close(state, last, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name, backend", BOTH)
def test_two_runs_are_bit_equal(name: str, backend: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    operands = [x.requires_grad_() for x in op.inputs(op.sizes[-1], dtype)]
    runs = []
    for _ in range(3):
        y = op.call(backend)(*operands)[0]
        runs.append([y, *torch.autograd.grad(y, operands, torch.ones_like(y), allow_unused=True)])
    for run in runs[1:]:
        for one, other in zip(run, runs[0], strict=True):
            assert one is other is None or torch.equal(one, other)


WHERE = [(*x, operand) for x in ALL for operand in (*OPS[x[0]].timed, OPS[x[0]].state) if operand]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name, backend, operand", WHERE)
def test_a_nan_reaches_no_earlier_chunk_and_no_other_row(
    name: str, backend: str, operand: str, bad: float
) -> None:
    op = OPS[name]
    operands = op.inputs(op.sizes[0], torch.float32)
    clean = op.call(backend)(*operands)
    spoilt = operands[op.index(operand)]
    at = 0 if operand == op.state else op.L // 2
    if operand in op.timed:
        spoilt[1, at] = bad if operand not in op.decays else float("nan")
    else:
        spoilt[1] = bad
    y, *state = op.call(backend)(*operands)
    start = at // op.granule * op.granule
    assert torch.equal(y[:1], clean[0][:1]) and torch.equal(y[1, :start], clean[0][1, :start])
    assert not y[1, at].isfinite().all()
    loop = op.call("naive")(*operands)[1:]  # what is only read with never reaches the state
    for mine, its, looped in zip(state, clean[1:], loop, strict=True):
        assert torch.equal(mine[:1], its[:1])
        assert looped[1].isfinite().all() or not mine[1].isfinite().all()


@pytest.mark.parametrize("name, backend", ALL)
def test_the_choice_is_told(name: str, backend: str) -> None:
    told: list[tuple[str, str]] = []
    token = observer.set(lambda op, chosen: told.append((op, chosen)))
    try:
        OPS[name].call(backend)(*OPS[name].inputs(OPS[name].tiny))
    finally:
        observer.reset(token)
    assert told[0] == (name, backend)
