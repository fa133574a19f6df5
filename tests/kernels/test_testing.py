"""The ruler itself: the table, the two gates, and what must not get through."""

import pytest
import torch

from marslab.kernels.linear_scan import naive
from marslab.kernels.linear_scan.work import draw
from marslab.kernels.testing import assert_close, check, compare, error, limit


def test_the_table() -> None:
    assert limit(torch.float64) == limit(torch.complex128) == 1e-12
    assert limit(torch.float32) == limit(torch.complex64) == 2e-6
    assert limit(torch.bfloat16) == limit(torch.float16) == 5e-3
    assert limit(torch.float64, gradient=True) == 5e-12


def test_float32_follows_plain_float32_and_the_length() -> None:
    assert limit(torch.float32, plain=5e-6) == 1e-5
    assert limit(torch.float32, plain=1e-9, length=4096) == 2e-6
    assert limit(torch.float32, length=4 * 4096) == 4e-6
    assert limit(torch.float64, plain=1.0, length=4 * 4096) == 1e-12
    assert limit(torch.bfloat16, plain=1.0, length=4 * 4096) == 5e-3


def test_the_errors_are_relative_to_the_expected_tensor() -> None:
    got = error(torch.tensor([3.0, 4.5]), torch.tensor([3.0, 4.0]))
    assert got.l2 == pytest.approx(0.1) and got.worst == pytest.approx(0.125)
    assert error(torch.zeros(0), torch.zeros(0)) == (0.0, 0.0)
    assert error(torch.tensor([1 + 1j]), torch.tensor([1 + 0j])) == (1.0, 1.0)


def test_one_wrong_step_in_a_thousand_fails_the_second_gate() -> None:
    expected = torch.ones(1_000_000, dtype=torch.bfloat16)
    actual = expected.clone()
    actual[7] = 1.02
    got = error(actual, expected)
    assert got.l2 < limit(torch.bfloat16) < got.worst
    with pytest.raises(AssertionError, match="worst 2"):
        assert_close(actual, expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e-20])
def test_nothing_hides_in_an_expected_zero(bad: float) -> None:
    with pytest.raises(AssertionError, match="h: L2 error"):
        assert_close(torch.tensor([0.0, bad]), torch.zeros(2), "h")


def test_a_nan_on_both_sides_is_still_a_failure() -> None:
    nan = torch.tensor([float("nan")])
    with pytest.raises(AssertionError):
        assert_close(nan, nan)


def test_another_shape_or_dtype_fails() -> None:
    with pytest.raises(AssertionError, match=r"result: shape \[2\], expected \[3\]"):
        assert_close(torch.ones(2), torch.ones(3))
    inputs = draw((1, 3, 2), torch.bfloat16)

    def too_wide(a: torch.Tensor, b: torch.Tensor, h0: torch.Tensor):
        h, state = naive.linear_scan(a, b, h0)
        return h.float(), state

    with pytest.raises(AssertionError, match="output 0: dtype torch.float32, expected torch.bf"):
        check(too_wide, naive.linear_scan, inputs, length=3)


def test_compare_shows_the_rows_and_check_names_the_bad_one() -> None:
    inputs = draw((2, 5, 3))

    def wrong_gradient(a: torch.Tensor, b: torch.Tensor, h0: torch.Tensor):
        return naive.linear_scan(a, b * 2 - b.detach(), h0)

    rows = compare(wrong_gradient, naive.linear_scan, inputs, length=5)
    assert [row.what for row in rows if not row.ok] == ["gradient 1"]
    with pytest.raises(AssertionError, match="^gradient 1: L2 error 1.00e[+]00"):
        check(wrong_gradient, naive.linear_scan, inputs, length=5)


def test_memory_that_nobody_wrote_is_poisoned() -> None:
    like = torch.ones(4)
    for dtype in (torch.bfloat16, torch.float32, torch.float64, torch.complex64):
        assert torch.empty(3, dtype=dtype).isnan().all()
        assert torch.empty_like(like, dtype=dtype).isnan().all()
        assert like.new_empty(3, dtype=dtype).isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.complex128], ids=str)
def test_inputs_keep_the_law(dtype: torch.dtype) -> None:
    a, b, h0 = draw((2, 500, 3), dtype, decay=(0.9, 0.99))
    size = a.abs().double() if dtype.is_complex else a.double()
    assert 0.895 < size.min() and size.max() < 0.995
    assert a.shape == b.shape == (2, 500, 3) and h0.shape == (2, 3)
    assert h0.dtype == (torch.float32 if dtype == torch.bfloat16 else dtype)
