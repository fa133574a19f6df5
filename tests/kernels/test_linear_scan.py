"""linear_scan: the definition, then every CPU backend against it, outputs and gradients."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import assert_close, check

ALL = ["naive", "torch", "numba"]
FAST = ALL[1:]
REAL = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
COMPLEX = [torch.complex128, torch.complex64]
SHAPES = [(1, 1, 1), (1, 2, 3), (2, 63, 5), (2, 64, 8), (3, 1000, 4), (1, 5, 1100)]
EMPTY = [(2, 0, 3), (0, 5, 3), (2, 5, 0), (0, 0, 0)]


def agrees(backend: str, inputs: tuple[Tensor, ...], reverse: bool = False) -> None:
    """Every h, the state and all gradients of `backend` are those of `naive`."""
    scan = partial(linear_scan, reverse=reverse, return_state=True)
    fast, naive = partial(scan, backend=backend), partial(scan, backend="naive")
    check(fast, naive, inputs, length=inputs[1].shape[1])


# The definition: identities that need no second implementation.


def test_unit_decay_is_cumsum() -> None:
    _, b, _ = draw((2, 50, 3))
    assert_close(linear_scan(torch.ones_like(b), b, backend="naive"), b.cumsum(1))


def test_impulse_response_is_cumprod() -> None:
    a, b, h0 = draw((2, 50, 3))
    h = linear_scan(a, torch.zeros_like(b), h0, backend="naive")
    assert_close(h, a.cumprod(1) * h0[:, None])


def test_reverse_is_the_flipped_scan_of_the_flipped_input() -> None:
    a, b, h0 = draw((2, 50, 3))
    h, state = linear_scan(a, b, h0, reverse=True, return_state=True, backend="naive")
    assert_close(h, linear_scan(a.flip(1), b.flip(1), h0, backend="naive").flip(1))
    assert torch.equal(state, h[:, 0])


def test_three_steps_by_hand() -> None:
    a = torch.tensor([2.0, 3.0, 5.0]).view(1, 3, 1)
    b = torch.tensor([1.0, 1.0, 1.0]).view(1, 3, 1)
    h0 = torch.ones(1, 1)
    assert linear_scan(a, b, h0, backend="naive").flatten().tolist() == [3.0, 10.0, 51.0]
    back = linear_scan(a, b, h0, reverse=True, backend="naive")
    assert back.flatten().tolist() == [39.0, 19.0, 6.0]


# Every fast backend against the definition.


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [*REAL, *COMPLEX], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_agrees_with_naive(backend: str, dtype: torch.dtype, shape: tuple[int, int, int]) -> None:
    agrees(backend, draw(shape, dtype))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 63, 5), (2, 64, 8)], ids=str)
@pytest.mark.parametrize("dtype", [*REAL, torch.complex128], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_agrees_with_naive_in_reverse(
    backend: str, dtype: torch.dtype, shape: tuple[int, int, int]
) -> None:
    agrees(backend, draw(shape, dtype), reverse=True)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("backend", FAST)
def test_without_h0_the_state_starts_at_zero(backend: str, reverse: bool) -> None:
    a, b, h0 = draw((2, 63, 5))
    agrees(backend, (a, b), reverse)
    scan = partial(linear_scan, a, b, reverse=reverse, backend=backend)
    assert torch.equal(scan(), scan(torch.zeros_like(h0)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_float32_decay_beside_16_bit_input(backend: str, dtype: torch.dtype) -> None:
    agrees(backend, draw((2, 63, 5), dtype, decay_dtype=torch.float32))


@pytest.mark.parametrize("backend", ALL)
def test_a_float32_decay_keeps_what_bfloat16_would_round_away(backend: str) -> None:
    a = torch.full((1, 2000, 1), 0.9975)  # the nearest bfloat16 is 0.9961
    b = torch.zeros_like(a, dtype=torch.bfloat16)
    _, state = linear_scan(a, b, torch.ones(1, 1), return_state=True, backend=backend)
    assert state.item() == pytest.approx(0.9975**2000, rel=1e-3)
    assert state.dtype == torch.float32


@pytest.mark.parametrize("shape", EMPTY, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.complex64], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_empty_inputs_agree_too(
    backend: str, dtype: torch.dtype, shape: tuple[int, int, int]
) -> None:
    inputs = draw(shape, dtype)
    agrees(backend, inputs)
    agrees(backend, inputs, reverse=True)
    agrees(backend, inputs[:2])


@pytest.mark.parametrize("backend", ALL)
def test_no_steps_give_the_initial_state(backend: str) -> None:
    a, b, h0 = draw((2, 0, 3))
    h, state = linear_scan(a, b, h0, return_state=True, backend=backend)
    assert h.shape == (2, 0, 3) and torch.equal(state, h0)
    _, state = linear_scan(a, b, return_state=True, backend=backend)
    assert torch.equal(state, torch.zeros(2, 3, dtype=torch.float64))


@pytest.mark.parametrize("backend", ALL)
def test_a_state_in_the_dtype_of_b_is_taken(backend: str) -> None:
    a, b, h0 = draw((2, 9, 3), torch.bfloat16)
    h0 = h0.bfloat16()
    narrow = linear_scan(a, b, h0, backend=backend)
    assert torch.equal(narrow, linear_scan(a, b, h0.float(), backend=backend))


# Strides: the same answer whatever the layout.


def transposed(x: Tensor) -> Tensor:
    return x.transpose(0, -1).contiguous().transpose(0, -1)


def sliced(x: Tensor) -> Tensor:
    wide = x.new_full([2 * n + 1 for n in x.shape], float("nan"))
    view = wide[tuple(slice(1, None, 2) for _ in x.shape)]
    return view.copy_(x)


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": transposed,
    "sliced": sliced,
    "flipped": lambda x: transposed(x).flip(0),
    "one row for all": lambda x: x[:1].expand_as(x),
    "one step for all": lambda x: x[:, :1].expand_as(x),
    "one channel for all": lambda x: x[..., :1].expand_as(x),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("backend", FAST)
def test_strides_do_not_matter(backend: str, layout: str, reverse: bool) -> None:
    inputs = tuple(LAYOUTS[layout](x) for x in draw((2, 33, 5)))
    agrees(backend, inputs, reverse)
    plain = linear_scan(*(x.contiguous() for x in inputs), reverse=reverse, backend=backend)
    assert torch.equal(linear_scan(*inputs, reverse=reverse, backend=backend), plain)


@pytest.mark.parametrize("backend", FAST)
def test_lazy_conjugates_and_negatives_are_read_right(backend: str) -> None:
    a, b, h0 = (x.conj() for x in draw((2, 33, 5), torch.complex128))
    assert a.is_conj()
    agrees(backend, (a, b, h0))
    minus = tuple(x.conj().imag for x in draw((1, 1, 1), torch.complex128))
    assert minus[0].is_neg()
    agrees(backend, minus)


# A sequence cut anywhere and continued.


@pytest.mark.parametrize("backend", ALL)
@settings(max_examples=25, deadline=None)
@given(length=st.integers(0, 40), cut=st.integers(0, 40), reverse=st.booleans())
def test_a_scan_can_be_cut_anywhere(backend: str, length: int, cut: int, reverse: bool) -> None:
    cut = min(cut, length)
    a, b, h0 = draw((1, length, 2))
    scan = partial(linear_scan, reverse=reverse, return_state=True, backend=backend)

    def continued(a: Tensor, b: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        parts = [(a[:, :cut], b[:, :cut]), (a[:, cut:], b[:, cut:])]
        first, second = reversed(parts) if reverse else parts
        h, state = scan(*first, h0)
        rest, state = scan(*second, state)
        return torch.cat([rest, h] if reverse else [h, rest], 1), state

    check(continued, scan, (a, b, h0), length=length)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("backend", ALL)
def test_one_token_at_a_time_is_the_same_function(backend: str, dtype: torch.dtype) -> None:
    a, b, state = draw((2, 20, 3), dtype)
    whole, last = linear_scan(a, b, state, return_state=True, backend=backend)
    for t in range(20):
        step = slice(t, t + 1)
        h, state = linear_scan(a[:, step], b[:, step], state, return_state=True, backend=backend)
        assert_close(h, whole[:, step], f"step {t}")
    assert_close(state, last, "state", dtype=torch.float32)
