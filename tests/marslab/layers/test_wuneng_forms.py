"""The core in other dtypes, switched off, traced, empty, compiled, and given what does not fit."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.layers import wuneng_streams
from marslab.layers.block_config import CoreConfig
from marslab.layers.wuneng import WuNengCore, WuNengState
from marslab.tracing import trace

D, H = 8, 2
SETTINGS: list[dict[str, Any]] = [{}, {"fusion": "ssd"}, {"fusion": "wkv", "rope": False}]


def core(**settings: Any) -> WuNengCore:
    return WuNengCore(D, CoreConfig(heads=H, d_state=3, **settings))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_16_bits_keep_wide_states_and_decays(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, x = core(**settings), torch.randn(2, 40, D)
    seen: list[Tensor] = []
    for name, place in (("ssd", 1), ("wkv7", 1)):
        op = getattr(wuneng_streams, name)
        monkeypatch.setattr(
            wuneng_streams,
            name,
            lambda *a, op=op, at=place, **k: (seen.append(a[at]), op(*a, **k))[1],
        )
    exact, _ = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        y, state = layer(x)
        step, later = layer(x[:, :1], state, position=40)
    assert y.dtype == step.dtype == torch.float32
    torch.testing.assert_close(y, exact, rtol=0.05, atol=0.05)
    layer(x[:, :3], later, position=41)  # on in float32
    low = layer.bfloat16()
    y, state = low(x.bfloat16())
    assert y.dtype == torch.bfloat16
    assert low(x[:, :1].bfloat16(), state, position=40)[0].dtype == torch.bfloat16
    assert {s.dtype for s in (state.ssd, state.wkv)} == {torch.float32}
    assert seen and all(decay.dtype == torch.float32 for decay in seen)


def test_switched_off_it_is_the_identity() -> None:
    layer, x = WuNengCore(D, CoreConfig(enabled=False)), torch.randn(2, 3, D)
    y, state = layer(x, rag=torch.ones(2, D))
    assert y is x and not list(layer.parameters()) and all(s.numel() == 0 for s in state)
    assert layer(x, state)[1] is state


def test_it_emits_the_gate_and_the_size_of_both_streams() -> None:
    x = torch.randn(2, 5, D)
    for fusion, names in (("gate", {"gate", "ssd", "wkv"}), ("ssd", {"ssd"}), ("wkv", {"wkv"})):
        with trace() as t:
            core(fusion=fusion)(x)
        fields = t.events[-1].fields
        assert t.events[-1].name == "wuneng" and set(fields) == names
        assert all(isinstance(v, Tensor) and v.shape == (2, 5) for v in fields.values())


@pytest.mark.parametrize("shape", [(0, 5, D), (2, 0, D)])
def test_empty_batches_and_sequences(shape: tuple[int, ...]) -> None:
    for settings in SETTINGS:
        y, _ = core(**settings)(torch.ones(shape))
        assert y.shape == shape


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS[:2], ids=str)
def test_it_compiles_whole(settings: dict[str, Any]) -> None:
    layer, x = core(**settings), torch.randn(2, 6, D)
    rag = torch.randn(2, D)
    expected, _ = layer(x, rag=rag)  # numba's kernels load on first use, not under the compiler
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    y, state = compiled(x, rag=rag)
    torch.testing.assert_close(y, expected)
    y.square().sum().backward()
    state = WuNengState(*(s.detach() for s in state))
    for position in (6, 7):
        step = compiled(x[:, :1], state, position=position)[0]
        torch.testing.assert_close(step, layer(x[:, :1], state, position=position)[0])


@pytest.mark.parametrize(
    ("d_model", "settings", "sentence"),
    [
        (9, {}, "d_model must be a positive multiple of the 2 heads, got 9"),
        (0, {}, "d_model must be a positive multiple of the 2 heads, got 0"),
        (6, {}, r"RoPE turns pairs, so d_model / heads must be even, got 6 / 2: take .*"),
        (8, {"fusion": "both"}, "fusion must be 'gate', 'ssd' or 'wkv', got 'both'"),
    ],
)
def test_settings_that_make_no_core(d_model: int, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^WuNengCore: {sentence}$"):
        WuNengCore(d_model, CoreConfig(heads=2, **settings))


def test_input_that_does_not_fit() -> None:
    layer, x = WuNengCore(D, CoreConfig(heads=H)), torch.ones(2, 3, D)
    with pytest.raises(ValueError, match=r"^WuNengCore: x must be \[B, L, 8\].*got \[2, 3, 7\]$"):
        layer(x[..., :7])
    with pytest.raises(ValueError, match="^WuNengCore: the state is of 2 rows, x of 1$"):
        layer(x[:1], layer(x)[1])
    with pytest.raises(ValueError, match=r"^WuNengCore: rag must be \[B, 8\] = \[2, 8\], got"):
        layer(x, rag=torch.ones(1, D))
    with pytest.raises(ValueError, match="rag was given, but the core was built with rag=False$"):
        WuNengCore(D, CoreConfig(heads=H), rag=False)(x, rag=torch.ones(2, D))
