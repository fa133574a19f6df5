"""The promises of every op for its Triton kernels, in the interpreter: few and tiny cases.

The same source compiled is tested on a GPU by test_contract_gpu.py.
"""

from importlib.util import find_spec

import pytest
import torch

from marslab.kernels import joining
from marslab.kernels.backends import interpreted
from marslab.kernels.testing import assert_close, check

from contract import REAL, cut, leaves, left_out, weighed
from ops import OPS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed"),
    pytest.mark.skipif(not interpreted(), reason="the kernels run compiled: test_contract_gpu.py"),
]
TRITON = [name for name, op in OPS.items() if op.triton]
CARRIED = [name for name in TRITON if OPS[name].state]


@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("name", TRITON)
def test_agrees_with_naive(name: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    operands = op.inputs(op.tiny, dtype)
    length = op.tiny[op.letters.index("L")] if "L" in op.letters else 1
    check(op.call("triton"), op.call("naive"), operands, length=length)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", [n for n in TRITON if OPS[n].optional])
def test_what_is_left_out_is_zero(name: str, dtype: torch.dtype) -> None:
    op = OPS[name]
    for mine, its in zip(*left_out(op, "triton", op.inputs(op.tiny, dtype)), strict=True):
        assert torch.equal(mine, its)


@pytest.mark.parametrize("letter", ["L", "B"])
@pytest.mark.parametrize("name", TRITON)
def test_empty_inputs_agree_too(name: str, letter: str) -> None:
    op = OPS[name]
    if letter in op.letters:
        operands = op.inputs(op.resized(letter, 0), torch.bfloat16)
        check(op.call("triton"), op.call("naive"), operands, length=1)


@pytest.mark.parametrize("name", CARRIED)
def test_a_sequence_can_be_cut(name: str) -> None:
    op = OPS[name]
    length = op.tiny[op.letters.index("L")]
    operands = op.inputs(op.tiny)
    where = op.index(op.state or "")
    whole, last = op.call("triton")(*operands)
    at = length // 2
    first, state = op.call("triton")(*cut(op, operands, 0, at))
    rest = cut(op, operands, at, length)
    rest[where] = state
    second, state = op.call("triton")(*rest)
    assert_close(torch.cat([first, second], 1), whole)
    assert_close(state, last)


@pytest.mark.parametrize("name", TRITON)
def test_derivatives_match_finite_differences(name: str) -> None:
    op = OPS[name]
    if "triton" in op.joined:
        assert torch.autograd.gradcheck(
            op.call("triton"), leaves(op.inputs(op.finite)), fast_mode=True
        )


@pytest.mark.parametrize("name", [n for n in TRITON if "triton" in OPS[n].joined])
def test_the_fake_kernels_tell_the_right_shapes(name: str) -> None:
    op = OPS[name]
    operands = op.inputs(op.finite, torch.bfloat16)
    run = torch.compile(op.call("triton"), backend="aot_eager", fullgraph=True)
    mine, its = leaves(operands), leaves(operands)
    weighed(run(*mine)).backward()
    weighed(op.call("triton")(*its)).backward()
    for one, other in zip(mine, its, strict=True):
        assert one.grad is not None and other.grad is not None and one.grad.dtype == one.dtype
        assert_close(one.grad, other.grad)
    assert f"{name} triton" in joining.KERNELS
