"""MARS for a small device says what MARS says: folded memory, fixed refinements, ONNX."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

import marslab
from marslab.compress.onnx_file import OnnxModel, to_onnx
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.deployed import FoldedMemory, MarsDeployed
from marslab.systems.mars.model import MarsModel
from marslab.tasks import load_digits_sequences
from marslab.thinking.recursion import ReasonerConfig

SMALL: dict[str, Any] = {"d_model": 16, "layers": 1, "n_classes": 5, "d_input": 4}


def made(**changes: Any) -> MarsModel:
    torch.manual_seed(0)
    hdc = changes.pop("hdc", HdcConfig(dim=256, banks=2))
    model = MarsModel(MarsConfig(**SMALL | changes, hdc=hdc)).eval()
    model.remember(torch.randn(20, 6, 4), torch.arange(20) % 5)
    return model


@pytest.mark.parametrize("bits", [32, 8, 1])
def test_the_folded_memory_is_the_memory(bits: int) -> None:
    model = made(hdc=HdcConfig(dim=256, banks=2, bits=bits)).double()
    h = torch.randn(7, 16, dtype=torch.float64)
    # read() makes keys in float32: a memory is that exact, and no more
    assert torch.allclose(FoldedMemory(model)(h), model.remembered(h), atol=1e-6)
    assert not torch.allclose(model.remembered(h), h, atol=1e-2)


def test_its_width_is_gone() -> None:
    sizes = {
        dim: sum(p.numel() for p in FoldedMemory(made(hdc=HdcConfig(dim=dim))).parameters())
        for dim in (64, 1024)
    }
    assert sizes[64] == sizes[1024] == 5 * 16 + 16 * 16 + 16 * 5 + 16 + 1


@pytest.mark.parametrize("depth", [1, 2, 5, None])
def test_rows_stop_where_the_model_stops(depth: int | None) -> None:
    model, x = made(), torch.randn(40, 6, 4)
    reasoner = model.reasoner
    assert reasoner is not None
    nn.init.normal_(reasoner.halting.to_logit.weight)
    middle = model.answer(x, 1).halting.sort().values[19:21]
    reasoner.config = replace(reasoner.config, halt=middle.mean().item())  # half stop at once
    answer = model.answer(x, depth)
    assert depth == 1 or (answer.depth == 1).sum() == 20
    assert torch.allclose(MarsDeployed(model, depth)(x), answer.logits, atol=1e-5)


@pytest.mark.parametrize("part", ["hdc", "reasoner"])
def test_parts_may_be_off(part: str) -> None:
    off = {"hdc": HdcConfig(enabled=False), "reasoner": ReasonerConfig(enabled=False)}[part]
    model = made(**{part: off})
    x = torch.randn(3, 6, 4)
    assert torch.allclose(MarsDeployed(model)(x), model(x), atol=1e-5)


def test_what_cannot_be_folded_is_told() -> None:
    with pytest.raises(ValueError, match="hdc.dim must be at least d_model = 16, got 8"):
        FoldedMemory(made(hdc=HdcConfig(dim=8, banks=2)))
    with pytest.raises(ValueError, match="no memory to fold"):
        FoldedMemory(made(hdc=HdcConfig(enabled=False)))
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        MarsDeployed(made(), 0)


def test_every_weight_of_it_can_learn() -> None:
    model = MarsDeployed(made(), depth=2)
    model(torch.randn(8, 6, 4)).square().sum().backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert still == [n for n in still if "halting" in n]  # it decides, and passes no gradient


def test_the_shipped_model_runs_in_onnxruntime_with_its_memory(tmp_path) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra edge: pip install 'marslab[edge]'")
    pytest.importorskip("onnxscript", reason="needs the extra edge: pip install 'marslab[edge]'")
    model, x = marslab.load("mars-mini"), load_digits_sequences().test_x[:64]
    assert isinstance(model, MarsModel)
    deployed = MarsDeployed(model, depth=2).eval()
    file = to_onnx(deployed, x[:1], tmp_path / "mars.onnx")
    with torch.no_grad():
        assert (OnnxModel(file)(x) - model(x, 2)).abs().max() < 1e-4
        assert torch.equal(deployed(x).argmax(-1), model(x, 2).argmax(-1))
