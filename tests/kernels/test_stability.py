"""Decays of exactly 0 and 1, long sequences, products that underflow, and where a NaN may go."""

from functools import lru_cache, partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from marslab.kernels import linear_scan
from marslab.kernels.linear_scan import naive
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import check, error, limit

ALL = ["naive", "torch", "numba"]
FAST = ALL[1:]


def agrees(backend: str, inputs: tuple[Tensor, ...], reverse: bool = False) -> None:
    scan = partial(linear_scan, reverse=reverse, return_state=True)
    fast, slow = partial(scan, backend=backend), partial(scan, backend="naive")
    check(fast, slow, inputs, length=inputs[1].shape[1])


@pytest.mark.parametrize("backend", ALL)
def test_a_decay_of_zero_is_a_reset_and_one_keeps_all(backend: str) -> None:
    _, b, h0 = draw((2, 300, 3))
    assert torch.equal(linear_scan(torch.zeros_like(b), b, h0, backend=backend), b)
    whole = torch.arange(300.0).expand(2, 3, 300).mT.contiguous()  # integers add up exactly
    kept = linear_scan(torch.ones_like(whole), whole, backend=backend)
    assert torch.equal(kept, whole.cumsum(1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_zeros_and_ones_among_the_decays(backend: str, dtype: torch.dtype) -> None:
    a, b, h0 = draw((2, 300, 3), dtype)
    a = torch.where(torch.rand(a.shape) < 0.1, 0.0, a)
    a = torch.where(torch.rand(a.shape) < 0.3, 1.0, a).to(dtype)
    agrees(backend, (a, b, h0))
    agrees(backend, (a, b, h0), reverse=True)


@pytest.mark.parametrize("decay", [(0.0, 0.1), (1e-30, 1e-20), (-1e-3, 1e-3)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_products_that_underflow(
    backend: str, dtype: torch.dtype, decay: tuple[float, float]
) -> None:
    inputs = draw((2, 1000, 3), dtype, decay=decay)
    agrees(backend, inputs)
    silent = (inputs[0], torch.zeros_like(inputs[1]), inputs[2])
    agrees(backend, silent)


@pytest.mark.parametrize("decay", [0.99, 0.99999])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_32768_steps_against_the_closed_form(
    backend: str, dtype: torch.dtype, decay: float
) -> None:
    a = torch.full((1, 32768, 2), decay, dtype=dtype)
    a[..., 1] = 1 - (1 - decay) / 2
    wide = a.double()
    exact = (1 - wide.cumprod(1)) / (1 - wide)
    got = error(linear_scan(a, torch.ones_like(a), backend=backend), exact)
    plain = (0.0, 0.0)
    if dtype == torch.float32:
        plain = error(linear_scan(a, torch.ones_like(a), backend="naive"), exact)
    for mine, its in zip(got, plain, strict=True):
        assert mine <= limit(dtype, length=32768, plain=its)


def gradients(scan, a: Tensor, b: Tensor, h0: Tensor, dh: Tensor) -> list[Tensor]:
    """h, da, db, dh0 of a scan that autograd can differentiate."""
    leaves = [x.detach().requires_grad_() for x in (a, b, h0)]
    h = scan(*leaves)
    return [h.detach(), *torch.autograd.grad(h, leaves, dh)]


def exact_gradients(a: Tensor, b: Tensor, h0: Tensor, dh: Tensor) -> list[Tensor]:
    """The same from two naive scans: autograd through a loop costs the square of its length."""
    h, _ = naive.linear_scan(a, b, h0)
    later = torch.cat([a[:, 1:], torch.ones_like(a[:, :1])], 1)
    g, _ = naive.linear_scan(later, dh, torch.zeros_like(h0), reverse=True)
    return [h, g * torch.cat([h0[:, None], h[:, :-1]], 1), g, a[:, 0] * g[:, 0]]


class Long(NamedTuple):
    """A long case and what it should give, worked out once for all backends."""

    inputs: tuple[Tensor, ...]  # a, b, h0, dh
    exact: list[Tensor]
    plain: list[Tensor]  # in the dtype itself: only float32 looks at it

    def agrees(self, backend: str) -> None:
        a, b, h0, dh = self.inputs
        got = gradients(partial(linear_scan, backend=backend), a, b, h0, dh)
        for i, name in enumerate(["h", "da", "db", "dh0"]):
            its = error(self.plain[i], self.exact[i])
            for mine, rounded in zip(error(got[i], self.exact[i]), its, strict=True):
                most = limit(b.dtype, length=b.shape[1], gradient=i > 0, plain=rounded)
                assert mine <= most, f"{name}: {mine:.2e} (limit {most:.1e})"


@lru_cache
def long_case(length: int, dtype: torch.dtype, decay_dtype: torch.dtype, most: float) -> Long:
    a, b, h0 = draw((1, length, 3), dtype, decay_dtype=decay_dtype, decay=(0.9, most))
    inputs = (a, b, h0, torch.randn(b.shape).to(dtype))
    exact = exact_gradients(*(x.double() for x in inputs))
    return Long(inputs, exact, exact_gradients(*inputs) if dtype == torch.float32 else exact)


def test_the_exact_gradients_are_those_of_autograd() -> None:
    a, b, h0 = draw((2, 50, 3))
    dh = torch.randn_like(b)
    slow = gradients(lambda *x: naive.linear_scan(*x)[0], a, b, h0, dh)
    for mine, its in zip(exact_gradients(a, b, h0, dh), slow, strict=True):
        assert max(error(mine, its)) <= limit(torch.float64)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_32768_steps_with_decays_near_one(backend: str, dtype: torch.dtype) -> None:
    long_case(32768, dtype, dtype, 1.0).agrees(backend)


@pytest.mark.parametrize("decay_dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_8192_steps_in_bfloat16(backend: str, decay_dtype: torch.dtype) -> None:
    long_case(8192, torch.bfloat16, decay_dtype, 0.999).agrees(backend)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64], ids=str)
@pytest.mark.parametrize("backend", FAST)
def test_two_runs_are_bit_equal(backend: str, dtype: torch.dtype) -> None:
    torch.use_deterministic_algorithms(False)  # the promise holds without torch's switch
    a, b, h0 = draw((3, 200, 70), dtype)
    dh = torch.randn_like(b)
    runs = [gradients(partial(linear_scan, backend=backend), a, b, h0, dh) for _ in range(2)]
    for first, second in zip(*runs, strict=True):
        assert torch.equal(first, second)


# Where a NaN or an infinity goes: to all that depends on it, and nowhere else.

AT = (1, 40, 2)  # row, step, channel of [2, 90, 4]


def dependents(reverse: bool) -> Tensor:
    """The cells that depend on step 40 of row 1, channel 2."""
    hit = torch.zeros(2, 90, 4, dtype=torch.bool)
    steps = slice(None, AT[1] + 1) if reverse else slice(AT[1], None)
    hit[AT[0], steps, AT[2]] = True
    return hit


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["a", "b", "h0"])
@pytest.mark.parametrize("backend", ALL)
def test_a_nan_reaches_what_depends_on_it_only(
    backend: str, where: str, bad: float, reverse: bool
) -> None:
    inputs = dict(zip("abh", draw((2, 90, 4)), strict=True))
    scan = partial(linear_scan, reverse=reverse, return_state=True, backend=backend)
    clean, clean_state = scan(*inputs.values())
    hit = dependents(reverse)
    if where == "h0":
        inputs["h"][AT[0], AT[2]] = bad
        hit[AT[0], :, AT[2]] = True
    else:
        inputs[where][AT] = bad
    h, state = scan(*inputs.values())
    assert not h[hit].isfinite().any()
    assert torch.equal(h[~hit], clean[~hit])
    assert not state[AT[0], AT[2]].isfinite()
    others = torch.ones(2, 4, dtype=torch.bool)
    others[AT[0], AT[2]] = False
    assert torch.equal(state[others], clean_state[others])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("backend", ALL)
def test_a_nan_gradient_reaches_what_depends_on_it_only(
    backend: str, bad: float, reverse: bool
) -> None:
    a, b, h0 = draw((2, 90, 4))
    dh = torch.randn_like(b)
    scan = partial(linear_scan, reverse=reverse, backend=backend)
    clean = gradients(scan, a, b, h0, dh)
    dh[AT] = bad
    _, da, db, dh0 = gradients(scan, a, b, h0, dh)
    hit = dependents(not reverse)
    for grad, before in ((da, clean[1]), (db, clean[2])):
        assert not grad[hit].isfinite().any()
        assert torch.equal(grad[~hit], before[~hit])
    assert (~dh0.isfinite()).nonzero().tolist() == [[AT[0], AT[2]]]
