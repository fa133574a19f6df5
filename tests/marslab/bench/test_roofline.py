"""Bytes are counted by hand; rates are positive, remembered, and refused for devices not here."""

import pytest
import torch

from marslab.kernels import roofline
from marslab.kernels.linear_scan.work import cost


def test_forward_moves_three_arrays_and_two_states() -> None:
    assert cost((2, 5, 3), 4).bytes == 3 * 2 * 5 * 3 * 4 + 2 * 2 * 3 * 4


def test_both_directions_move_eight_arrays_and_five_states() -> None:
    moved = cost((2, 5, 3), 8, backward=True).bytes
    assert moved == 8 * 2 * 5 * 3 * 8 + 5 * 2 * 3 * 8


def test_states_of_16_bit_inputs_are_float32() -> None:
    assert cost((1, 0, 3), 2).bytes == 2 * 3 * 4


def test_the_floor_of_the_design_page() -> None:
    # 0.190 and 0.508 ms at 4.23 TB/s
    forward = cost((8, 4096, 2048), 4).bytes / 4.23e12
    both = cost((8, 4096, 2048), 4, backward=True).bytes / 4.23e12
    assert forward * 1e3 == pytest.approx(0.190, abs=5e-4)
    assert both * 1e3 == pytest.approx(0.508, abs=5e-4)


def test_rates_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "STREAM_BYTES", {"cpu": 2**16})
    monkeypatch.setattr(roofline, "MATMUL_SIDE", {"cpu": 16})
    roofline._stream.cache_clear()
    roofline._matmul_rate.cache_clear()
    try:
        assert roofline.stream() > 0
        assert roofline.stream("cpu") == roofline.stream()
        assert roofline._stream.cache_info().misses == 1
        assert roofline.matmul_rate("cpu", torch.float64) > 0
    finally:  # a later caller wants the real rate
        roofline._stream.cache_clear()
        roofline._matmul_rate.cache_clear()


def test_the_stream_counts_three_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "STREAM_BYTES", {"cpu": 2**16})
    monkeypatch.setattr(roofline, "_median", lambda call, device: 0.5)
    roofline._stream.cache_clear()
    try:
        assert roofline.stream() == 3 * 2**16 / 0.5
        assert roofline.floor_seconds(3 * 2**16) == 0.5
    finally:
        roofline._stream.cache_clear()


def test_a_missing_cuda_device_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA device; measure device='cpu'"):
        roofline.stream("cuda")
    with pytest.raises(ValueError, match="must be 'cpu' or 'cuda', got 'tpu'"):
        roofline.matmul_rate("tpu")


def test_a_watched_call_runs_once_and_tells_later() -> None:
    ran = []
    seconds = roofline.watch(lambda: ran.append(1))
    assert ran == [1]
    assert seconds() >= 0
    assert ran == [1]
