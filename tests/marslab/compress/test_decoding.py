"""Decoding is measured in a process of its own, and its memory does not grow."""

import pytest
import torch

from marslab.errors import UserError
from marslab.lab.decoding import PRECISIONS, Job, measure, parameters
from marslab.systems.registry import build
from marslab.systems.tars.system import Tars

TINY = {"d_model": 32, "block.core.heads": 2, "waves.count": 1, "idme.enabled": False}


def test_the_state_does_not_grow() -> None:
    torch.manual_seed(0)
    model = build("tars-mini", TINY).eval()
    assert isinstance(model, Tars)
    state = model.lm.prefill(torch.tensor([[2, 50]]))
    sizes = set()
    for _ in range(20):
        sizes.add(state.bytes)
        _, state = model.lm.step(state.logits.argmax(-1), state)
    assert len(sizes) == 1 and state.position == 22


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(UserError, match="there is no precision 'int9'. Did you mean 'int8'"):
        measure("tars-mini", "int9")
    with pytest.raises(UserError, match="there is no preset 'tars-mni'"):
        measure("tars-mni", "fp32")
    with pytest.raises(UserError, match="digits-scan is no language model: choose a preset of"):
        measure("digits-scan", "fp32")
    with pytest.raises(ValueError, match="bytes must be positive, got 0"):
        measure("tars-mini", "fp32", bytes=0)


def test_parameters_are_counted_before_packing() -> None:
    job = Job("tars-mini", "ternary", 1, {})
    assert parameters(job) == 3_100_212
    assert "fp32" in PRECISIONS


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "ternary"])
def test_two_thousand_bytes_leave_memory_as_it_is(precision: str) -> None:
    found = measure("tars-mini", precision, bytes=2_000, overrides=TINY, timeout=300)
    assert found.bytes == 2_000 and found.tokens_s > 0
    assert found.state_bytes > 0 and found.weights_mb > 0
    assert found.growth_bytes < 2_000 * 256  # a state kept for each byte would be far more
    assert found.ms_median <= found.ms_p99
