"""Rounding: against a search over all levels, against the int8 of `compress`, and its gradient."""

import math

import pytest
import torch

from marslab.compress.activations import per_token
from marslab.kernels import pack_bits
from marslab.memory.hdc import dequantize, fake_quantize, kept, quantize
from marslab.memory.hdc.quantization import BEST_STEP

BITS = sorted(BEST_STEP)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("zero_point", [False, True])
def test_each_number_goes_to_the_nearest_level(bits: int, zero_point: bool) -> None:
    x = torch.randn(4, 37) + 0.5
    if zero_point:
        low, step = x.amin(-1, keepdim=True), (x.amax(-1) - x.amin(-1))[:, None] / (2**bits - 1)
    else:
        step = BEST_STEP[bits] * x.square().mean(-1, keepdim=True).sqrt()
        low = -step * (2**bits - 1) / 2
    levels = low[..., None] + step[..., None] * torch.arange(2**bits)
    nearest = (x[..., None] - levels).abs().argmin(-1, keepdim=True)
    expected = levels.expand(4, 37, -1).gather(-1, nearest)[..., 0]
    packed = quantize(x, bits, zero_point=zero_point)
    assert packed.codes.shape == (4, -(-37 * bits // 8)) and packed.codes.dtype == torch.uint8
    torch.testing.assert_close(dequantize(packed, 37, bits), expected)
    torch.testing.assert_close(fake_quantize(x, bits, zero_point=zero_point), expected)


@pytest.mark.parametrize("bits", BITS)
def test_no_step_loses_less_of_a_normal_number(bits: int) -> None:
    x = torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x /= x.square().mean().sqrt()
    top = 2**bits - 1

    def lost(step: float) -> float:
        levels = ((x / step + top / 2).round().clamp(0, top) - top / 2) * step
        return (x - levels).square().mean().item()

    best = lost(BEST_STEP[bits])
    assert best < lost(BEST_STEP[bits] * 1.08) and best < lost(BEST_STEP[bits] / 1.08)
    q = fake_quantize(x, bits)
    assert (x @ q / x.norm() / q.norm()).item() == pytest.approx(kept(bits), abs=2e-3)


def test_one_bit_is_the_sign_and_can_be_searched() -> None:
    x = torch.randn(3, 20)
    assert torch.equal(quantize(x, 1).codes, pack_bits(x > 0))
    assert kept(1) == pytest.approx(math.sqrt(2 / math.pi), abs=1e-12)


def test_eight_bits_lose_about_what_those_of_compress_lose() -> None:
    x = torch.randn(64, 1000)
    whole, step = per_token(x)
    theirs = (whole * step - x).square().mean()
    ours = (dequantize(quantize(x, 8), 1000, 8) - x).square().mean()
    assert 0.5 * theirs < ours < 2 * theirs


def test_the_gradient_goes_straight_through() -> None:
    """M12: `round` alone has the gradient 0."""
    for bits in (*BITS, 32):
        x, weight = torch.randn(5, requires_grad=True), torch.randn(5)
        y = fake_quantize(x, bits)
        assert torch.equal(y, fake_quantize(x.detach(), bits)) and len(y.unique()) <= 2**bits
        (y * weight).sum().backward()
        torch.testing.assert_close(x.grad, weight)
    x = torch.randn(5, requires_grad=True)
    (torch.round(x / 0.1) * 0.1).sum().backward()
    assert x.grad is not None and not x.grad.any()


def test_a_complex_row_is_rounded_in_its_parts() -> None:
    """M10: torch has no `round` of complex numbers."""
    x = torch.randn(6, 50, dtype=torch.complex64)
    with pytest.raises(RuntimeError):
        torch.round(x)
    parts = torch.view_as_real(x).flatten(-2)
    expected = fake_quantize(parts, 4).unflatten(-1, (50, 2))
    torch.testing.assert_close(torch.view_as_real(fake_quantize(x, 4)), expected)


def test_constant_rows_stay_finite() -> None:
    zeros = torch.zeros(2, 8)
    for bits in BITS:
        assert torch.equal(fake_quantize(zeros, bits), zeros)
        assert torch.equal(fake_quantize(zeros + 3, bits, zero_point=True), zeros + 3)


def test_what_is_refused() -> None:
    for function in (quantize, fake_quantize):
        with pytest.raises(ValueError, match=r"bits must be one of \[1, 2, 4, 8\], got 3"):
            function(torch.ones(4), 3)
