"""Growth with the length: the fit on numbers that are known, bytes that are counted, no clock."""

import pytest
import torch

from marslab.lab.claims.runs import mars_lengths
from marslab.lab.claims.runs.growth import exponent
from marslab.lab.claims.runs.mars_lengths import KEPT, CausalAttention, kept_bytes, layer


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_the_fit_finds_the_power_of_medians_beside_an_outlier(power: float) -> None:
    rounds = [{n: 1e-6 * busy * n**power for n in (64, 128, 256)} for busy in (1.0, 1.1, 1.05)]
    rounds[1][128] *= 40  # one round in which somebody else was at work
    medians = mars_lengths._medians(rounds)
    assert exponent(medians) == pytest.approx(power, abs=0.1)
    assert exponent({n: 3e-6 * n**power for n in (64, 128, 256)}) == pytest.approx(power)


@pytest.mark.parametrize(("kind", "power"), [("ssd", 1.0), ("fft", 1.0), ("attention", 2.0)])
def test_what_is_kept_for_the_gradient_grows_to_its_power(kind: str, power: float) -> None:
    kept = {length: kept_bytes(layer(kind), length) for length in KEPT}
    assert exponent(kept) == pytest.approx(power, abs=0.1)


@torch.no_grad()
def test_the_attention_beside_it_is_torchs_and_causal() -> None:
    model, x = CausalAttention(8, 2).double(), torch.randn(2, 7, 8).double()
    q, k, v = model.to_qkv(model.norm(x)).view(2, 7, 3, 2, 4).permute(2, 0, 3, 1, 4)
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(model(x), x + model.to_model(y.transpose(1, 2).flatten(2)))


def test_all_kinds_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def clock(model: torch.nn.Module, lengths: tuple[int, ...]) -> dict[int, float]:
        asked.append(type(model).__name__)
        power = 2.0 if isinstance(model, CausalAttention) else 1.0
        return {n: 1e-6 * n**power for n in lengths}

    monkeypatch.setattr(mars_lengths, "seconds", clock)
    found = mars_lengths.growth().figures
    assert asked == ["MarsBlock", "MarsBlock", "CausalAttention"]
    assert found["time_exponent_ssd"] == pytest.approx(1.0)
    assert found["time_exponent_attention"] == pytest.approx(2.0)
    assert found["ms_at_4096_ssd"] == pytest.approx(4.096)
