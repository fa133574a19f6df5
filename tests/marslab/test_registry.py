"""Models by name: trained ones load as they were saved, mistakes are one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import marslab
from marslab.errors import UserError
from marslab.learning import accuracy
from marslab.systems import registry
from marslab.systems.digits_recurrence import DigitsConfig, DigitsRecurrence
from marslab.tasks import load_digits_sequences


def test_build_gives_an_untrained_model_of_the_preset() -> None:
    model = marslab.build("digits-recurrence")
    assert isinstance(model, DigitsRecurrence) and model.training
    assert model.config == DigitsConfig()


def test_overrides_change_the_model() -> None:
    model: Any = marslab.build("digits-recurrence", {"recurrence.both_ways": False, "d_embed": 5})
    assert len(model.recurrences) == 1 and model.embed[0].out_features == 5


def test_the_seed_decides_the_weights() -> None:
    def weights(seed: int) -> torch.Tensor:
        marslab.seed_everything(seed)
        return torch.cat([p.flatten() for p in marslab.build("digits-recurrence").parameters()])

    assert torch.equal(weights(3), weights(3)) and not torch.equal(weights(3), weights(4))


DIGITS = ("digits-recurrence", "digits-scan")


def test_every_shipped_classifier_loads_and_scores_what_its_header_says() -> None:
    assert [m.name for m in marslab.models()] == [*DIGITS, "mars-mini", "tars-mini", "tars-nano"]
    split = load_digits_sequences()
    for record in (m for m in marslab.models() if m.name in DIGITS):
        model = marslab.load(record.name)
        assert not model.training
        assert record.parameters == sum(p.numel() for p in model.parameters()) < 50_000
        held_out = accuracy(model, split.test_x, split.test_y)
        assert held_out == pytest.approx(record.scores["held_out"], abs=1 / 360)
        assert record.scores["held_out_worst"] >= 0.9
        assert "CC BY 4.0" in record.data and record.licence == "MIT" and record.bytes < 50_000


def test_loading_draws_nothing_from_the_callers_generator() -> None:
    state = torch.random.get_rng_state()
    marslab.load("digits-recurrence")
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_dtype_is_the_one_asked_for() -> None:
    x = load_digits_sequences().test_x
    exact = marslab.load("digits-recurrence", dtype=torch.float64)(x.double())
    assert exact.dtype == torch.float64
    usual = marslab.load("digits-recurrence")(x).double()
    torch.testing.assert_close(usual, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
def test_the_gpu_gives_what_the_cpu_gives() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    x = load_digits_sequences().test_x
    there = marslab.load("digits-recurrence", device="cuda")(x.cuda()).cpu()
    torch.testing.assert_close(there, marslab.load("digits-recurrence")(x), rtol=1e-3, atol=1e-3)


def test_unknown_names_list_the_known() -> None:
    near = "Did you mean 'digits-recurrence'? Choose from: digits-recurrence, digits-scan"
    with pytest.raises(UserError) as error:
        marslab.load("digit-recurrence")
    assert str(error.value).startswith(f"there is no trained model 'digit-recurrence'. {near}")
    with pytest.raises(UserError) as error:
        marslab.build("digit-recurrence")
    assert str(error.value).startswith(f"there is no preset 'digit-recurrence'. {near}")
    with pytest.raises(UserError, match="there is no system 'crsm'. .*Choose from: digits-recurr"):
        registry.system("crsm")


def test_a_mistake_in_an_override_is_one_sentence() -> None:
    with pytest.raises(UserError, match="Did you mean 'recurrence.d_state'"):
        marslab.build("digits-recurrence", {"recurrence.d_stat": 3})
    with pytest.raises(UserError, match=r"^recurrence\.d_state must be positive, got 0$"):
        marslab.build("digits-recurrence", {"recurrence.d_state": 0})


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "", 3.5, None])
def test_a_device_that_is_not_here_is_one_sentence(device: Any) -> None:
    with pytest.raises(ValueError, match=r"^device .* is not available here; use 'cpu'"):
        marslab.load("digits-recurrence", device=device)


@pytest.mark.parametrize("dtype", [torch.int8, "float32", torch.complex64])
def test_a_dtype_that_holds_no_weights_is_one_sentence(dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"^dtype must be a floating-point torch.dtype or None"):
        marslab.load("digits-recurrence", dtype=dtype)


def test_a_damaged_shipped_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"oops")
    monkeypatch.setattr(registry, "_shipped", lambda: {"bad": bad})
    with pytest.raises(UserError, match="bad.safetensors is not a checkpoint, or is cut off"):
        marslab.load("bad")


def test_the_records_are_json() -> None:
    assert json.loads(json.dumps([m._asdict() for m in marslab.models()]))


def test_the_lazy_names() -> None:
    assert {"load", "build", "models", "trace", "Trace"} <= set(dir(marslab))
    assert all(getattr(marslab, name) is not None for name in marslab.__all__)
    with pytest.raises(AttributeError, match="module 'marslab' has no attribute 'lod'"):
        marslab.lod  # noqa: B018 # pyright: ignore
