"""The megabytes of MARS, against a count written out from its printed sizes."""

from typing import Any

import pytest

from marslab.lab.claims.runs.mars_sizes import megabytes


def test_the_memory_is_angles_encoder_decoder_and_a_bias() -> None:
    """M41: 4,999 angles a class, maps from 512 to 10,000 and back; 8 bits and a scale a bank."""
    figures: dict[str, Any] = dict(megabytes().figures)
    weights = 1000 * 4999 + 2 * 512 * 10_000 + 512
    banks = 4
    expected = (4 * weights + banks * (10_000 + 8)) / 1e6
    assert figures["memory_mb"] == pytest.approx(expected)
    assert figures["printed_hypervectors_mb"] == 40
    assert 3.9 < figures["float32_mb"] / figures["int8_mb"] < 4
    assert figures["off_by_a_factor"] == pytest.approx(figures["float32_mb"] / 100)
