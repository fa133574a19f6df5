"""The test of the tests: each of these wrong kernels must fail the check that the suite uses."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.kernels.linear_scan import autograd, cpu
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import check

REAL = [torch.float64, torch.float32, torch.bfloat16]


def agrees(dtype: torch.dtype, reverse: bool) -> None:
    scan = partial(linear_scan, reverse=reverse, return_state=True)
    fast, naive = partial(scan, backend="numba"), partial(scan, backend="naive")
    check(fast, naive, draw((2, 150, 4), dtype), length=150)


def last_step(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    h, state = cpu.forward(a, b, h0, reverse)
    h[:, 0 if reverse else -1] *= 1.1
    return h, state


def skipped_cell(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    h, state = cpu.forward(a, b, h0, reverse)
    h[1, 75, 2] = torch.empty((), dtype=h.dtype)
    return h, state


def one_cell(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    h, state = cpu.forward(a, b, h0, reverse)
    h[1, 75, 2] += 0.02 * h.abs().max()
    return h, state


def late_decay(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    return cpu.forward(a.roll(1, 1), b, h0, reverse)


def forgotten_h0(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    return cpu.forward(a, b, torch.zeros_like(h0), reverse)


def early_state(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    h, _ = cpu.forward(a, b, h0, reverse)
    return h, h[:, 1 if reverse else -2].to(h0.dtype)


def neighbour_channel(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    h, state = cpu.forward(a, b, h0, reverse)
    h[..., -1] = h[..., -2]
    return h, state


def wrong_way(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    return cpu.forward(a, b, h0, not reverse)


def restarted(a: Tensor, b: Tensor, h0: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    """A chunked kernel that drops the carry once."""
    h, _ = cpu.forward(a[:, :64], b[:, :64], h0, reverse)
    rest, state = cpu.forward(a[:, 64:], b[:, 64:], torch.zeros_like(h0), reverse)
    return torch.cat([h, rest], 1), state


FORWARD = [
    last_step,
    skipped_cell,
    one_cell,
    late_decay,
    forgotten_h0,
    early_state,
    neighbour_channel,
    wrong_way,
    restarted,
]


def da_of_the_same_step(a, h, h0, dh, dstate, reverse):
    _, db, dh0 = cpu.backward(a, h, h0, dh, dstate, reverse)
    return (db * h.conj()).to(a.dtype), db, dh0


def decay_of_the_same_step(a, h, h0, dh, dstate, reverse):
    return cpu.backward(a.roll(-1, 1), h, h0, dh, dstate, reverse)


def forgotten_dstate(a, h, h0, dh, dstate, reverse):
    return cpu.backward(a, h, h0, dh, torch.zeros_like(dstate), reverse)


def forgotten_dh0(a, h, h0, dh, dstate, reverse):
    da, db, dh0 = cpu.backward(a, h, h0, dh, dstate, reverse)
    return da, db, torch.zeros_like(dh0)


def da_without_h0(a, h, h0, dh, dstate, reverse):
    return cpu.backward(a, h, torch.zeros_like(h0), dh, dstate, reverse)


def backward_the_wrong_way(a, h, h0, dh, dstate, reverse):
    return cpu.backward(a, h, h0, dh, dstate, not reverse)


def skipped_gradient(a, h, h0, dh, dstate, reverse):
    da, db, dh0 = cpu.backward(a, h, h0, dh, dstate, reverse)
    da[0, 0, 0] = torch.empty((), dtype=da.dtype)
    return da, db, dh0


BACKWARD = [
    da_of_the_same_step,
    decay_of_the_same_step,
    forgotten_dstate,
    forgotten_dh0,
    da_without_h0,
    backward_the_wrong_way,
    skipped_gradient,
]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_the_right_kernel_passes(dtype: torch.dtype, reverse: bool) -> None:
    agrees(dtype, reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("wrong", FORWARD, ids=lambda f: f.__name__)
def test_a_wrong_forward_is_caught(
    monkeypatch: pytest.MonkeyPatch, wrong: Callable, dtype: torch.dtype, reverse: bool
) -> None:
    monkeypatch.setitem(autograd.KERNELS, "numba", autograd.Kernels(wrong, cpu.backward))
    with pytest.raises(AssertionError, match="output [01]: L2 error"):
        agrees(dtype, reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", REAL, ids=str)
@pytest.mark.parametrize("wrong", BACKWARD, ids=lambda f: f.__name__)
def test_a_wrong_backward_is_caught(
    monkeypatch: pytest.MonkeyPatch, wrong: Callable, dtype: torch.dtype, reverse: bool
) -> None:
    monkeypatch.setitem(autograd.KERNELS, "numba", autograd.Kernels(cpu.forward, wrong))
    with pytest.raises(AssertionError, match="^gradient [012]: L2 error"):
        agrees(dtype, reverse)


def test_a_missing_conjugate_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconjugated(a, h, h0, dh, dstate, reverse):
        return cpu.backward(a.conj(), h, h0, dh, dstate, reverse)

    agrees(torch.complex128, False)
    monkeypatch.setitem(autograd.KERNELS, "numba", autograd.Kernels(cpu.forward, unconjugated))
    with pytest.raises(AssertionError, match="^gradient"):
        agrees(torch.complex128, False)


def test_a_state_kept_in_16_bits_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded(a, b, h0, reverse):
        h, state = [], h0.to(b.dtype)
        for t in range(b.shape[1]):
            state = a[:, t] * state + b[:, t]
            h.append(state)
        return torch.stack(h, 1), state.to(h0.dtype)

    monkeypatch.setitem(autograd.KERNELS, "numba", autograd.Kernels(rounded, cpu.backward))
    with pytest.raises(AssertionError, match="output 0"):
        agrees(torch.bfloat16, False)
