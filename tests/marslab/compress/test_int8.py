"""Eight-bit and bfloat16 layers against plain arithmetic."""

import copy

import pytest
import torch
from torch import nn

from marslab.compress.int8 import Activations, Int8Linear, to_bfloat16, to_int8
from marslab.systems.registry import build
from marslab.systems.tars.system import Tars

# Which code is nearest jumps with the smallest change: it would hide what the weights do.
PLAIN = {"waves.count": 2, "block.omega.vq": False, "block.novelty.cut": 0.0}
IDS = torch.randint(256, (2, 12), generator=torch.Generator().manual_seed(0))


def mini() -> Tars:
    torch.manual_seed(0)
    model = build("tars-mini", PLAIN).eval()
    assert isinstance(model, Tars)
    return model


def off(y: torch.Tensor, want: torch.Tensor) -> float:
    return float((y.float() - want.float()).norm() / want.float().norm())


def test_weights_are_within_half_a_step() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(33, 9)
    small = Int8Linear.of(layer)
    step = layer.weight.abs().amax(1, keepdim=True) / 127
    assert bool(((small.weight - layer.weight).abs() <= step / 2 * (1 + 1e-5)).all())
    assert small.whole.abs().max() == 127
    assert Int8Linear.of(nn.Linear(3, 2, bias=False)).bias is None


def by_hand(small: Int8Linear, x: torch.Tensor) -> torch.Tensor:
    """What it should be, in float64: x rounded to 8 bits per token, if it is so asked."""
    rows = x.double()
    if small.activations == "int8":
        step = rows.abs().amax(-1, keepdim=True) / 127
        rows = (rows / step).round() * step
    weights = small.whole.double() * small.scale.double()[:, None]
    return rows @ weights.T + (0 if small.bias is None else small.bias.double())


@pytest.mark.parametrize("rows", [(), (1,), (2, 3), (50,), (0,)])
@pytest.mark.parametrize("activations", ["float", "int8"])
def test_it_is_the_product(activations: Activations, rows: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    small = Int8Linear.of(nn.Linear(48, 20), activations)
    x = torch.randn(*rows, 48)
    y = small(x)
    assert y.shape == (*rows, 20) and y.dtype == x.dtype
    loose = 2e-2 if activations == "float" else 1e-5  # bfloat16 of x; whole numbers are exact
    torch.testing.assert_close(y.double(), by_hand(small, x), rtol=loose, atol=loose)


@torch.no_grad()
@pytest.mark.parametrize("activations", ["float", "int8"])
def test_the_language_model_stays_what_it_is(activations: Activations) -> None:
    model = mini()
    want = model.lm(IDS)
    small = to_int8(copy.deepcopy(model), activations=activations)
    core = small.lm.wave_module(0).left.core
    assert core is not None and isinstance(core.to_inner, Int8Linear)
    assert type(small.lm.halting.to_logit) is nn.Linear
    assert off(small.lm(IDS), want) < 0.05
    state = small.lm.prefill(IDS[:, :5], rag=torch.randn(2, 112))
    assert bool(small.lm.step(IDS[:, 5], state)[0].isfinite().all())


@torch.no_grad()
def test_bfloat16_keeps_the_rates_of_the_recurrence() -> None:
    model = mini()
    want = model.lm(IDS)
    small = to_bfloat16(copy.deepcopy(model))
    core = small.lm.wave_module(0).left.core
    assert core is not None and core.ssd is not None and core.wkv is not None
    assert core.to_inner.weight.dtype == torch.bfloat16
    assert core.ssd.A_log.dtype == core.wkv.bias.dtype == torch.float32
    assert small.lm.embed.weight.dtype == torch.bfloat16
    assert off(small.lm(IDS), want) < 0.05
    state = small.lm.prefill(IDS[:, :5])
    for t in range(5, 12):
        _, state = small.lm.step(IDS[:, t], state)
    assert off(state.logits, want[:, -1]) < 0.05


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="activations must be 'float' or 'int8', got 'int4'"):
        Int8Linear(2, 2, activations="int4")  # pyright: ignore[reportArgumentType]
