"""The reference solutions of notebook 61 against the library."""

import pytest
import torch
import torch.nn.functional as F

from marslab.lab.course.content import mars
from marslab.memory.hdc import HolographicConfig, HolographicMemory
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.inputs import Pixels
from marslab.systems.mars.model import MarsModel
from marslab.tracing import trace


@torch.no_grad()
@pytest.mark.parametrize("patch", [1, 2, 4])
def test_the_squares_are_those_that_the_model_embeds(patch: int) -> None:
    inputs = Pixels(MarsConfig(d_model=32, n_classes=2, input="pixels", patch=patch)).double()
    image = torch.randn(8, 4).double()
    found = inputs.embed(mars.squares(image, patch))
    torch.testing.assert_close(found, inputs(image[None])[0])


@torch.no_grad()
def test_the_weights_are_those_by_which_the_model_reads() -> None:
    torch.manual_seed(0)
    hdc = HdcConfig(dim=64, banks=2)
    model = MarsModel(MarsConfig(d_model=32, layers=1, n_classes=4, d_input=3, hdc=hdc)).eval()
    memory, h = model.memory, torch.randn(5, 32)
    assert memory is not None and memory.encoder is not None
    memory.write(torch.tensor([0, 1, 3]), torch.randn(3, 32))  # of 2 there is nothing but noise
    with trace():
        added = model.remembered(h) - h
    kept, sharp = memory.read(torch.arange(4)), float(model.sharp.exp())
    weights = [mars.class_weights(e, kept, sharp) for e in memory.encoder(h)]
    expected = memory.decode(torch.stack(weights) @ F.normalize(kept, dim=-1))
    torch.testing.assert_close(added, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 32])
@pytest.mark.parametrize(("banks", "dim"), [(1, 64), (3, 61)])
def test_the_bytes_are_those_that_a_memory_keeps(banks: int, dim: int, bits: int) -> None:
    memory = HolographicMemory(3, dim, HolographicConfig(banks=banks, bits=bits))
    assert mars.stored_bytes(banks, dim, bits) == memory.kept_bytes
