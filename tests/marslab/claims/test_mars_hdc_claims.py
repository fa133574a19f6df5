"""What MARS promises of its hyperdimensional memory: the figures against theory and the errata."""

import pytest

from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs import mars_hdc


def figures(outcome: Outcome) -> dict[str, float]:
    return {name: float(value) for name, value in outcome.figures.items()}


def test_the_printed_line_reads_backwards() -> None:
    """M8 and M9."""
    found = figures(mars_hdc.printed_retrieve())
    assert abs(found["cosine_printed"]) < 0.02
    for name in ("cosine_printed_with_the_reversed", "cosine_right_order"):
        assert found[name] == pytest.approx(0.5**0.5, abs=0.01)
    assert found["cosine_unitary_key"] == pytest.approx(1, abs=1e-4)


def test_eight_bits_as_printed_and_as_kept() -> None:
    """M10 and M12."""
    found = figures(mars_hdc.eight_bits())
    assert found["runs_on_the_printed_memory"] == found["share_of_numbers_with_a_gradient"] == 0
    assert (found["bytes_a_number_printed"], found["bytes_a_number_ours"]) == (8, 1.0008)
    assert 0.9998 < found["cosine_of_8_bits_with_32"] < 1


@pytest.mark.slow
def test_one_vector_holds_half_of_a_thousand() -> None:
    """M15: fidelity falls as 1 / sqrt(n); normal keys add their own noise."""
    found = figures(mars_hdc.one_vector())
    for n in (10, 100, 1000):
        assert found[f"cosine_at_{n}"] == pytest.approx((n + 1) ** -0.5, rel=0.05)
    assert found["found_of_1000"] == pytest.approx(found["found_of_1000_by_theory"], abs=0.06)
    assert found["found_with_banks"] > 0.99 and found["banks"] == 4


@pytest.mark.slow
def test_a_trained_encoder_gains_some_and_not_thirty_points() -> None:
    found = figures(mars_hdc.trainable_encoder())
    assert found["accuracy_trainable"] > 0.95 > 0.93 > found["accuracy_centroid"] > 0.8
    assert 0 < found["gain_over_trained_classes"] < found["gain_over_a_centroid"] < 0.2
    assert 0.25 < found["gain_at_16_numbers"] < 0.4
