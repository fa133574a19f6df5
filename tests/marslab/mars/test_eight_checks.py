"""The eight checks of every system, where they ask for all of MARS; the parts have theirs beside.

1 causality, 2 in float64, 4 of a block, 7 of the printed core: test_mars_block. 5, 11: memory/hdc.
12: learning/continual. Gradients through rounding, halting and phases: memory/hdc, thinking.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import marslab
from marslab.config import override, read, read_preset
from marslab.kernels.testing import error, limit
from marslab.layers.mars_block import Core, MarsBlock, MarsBlockConfig
from marslab.learning.mars import MarsTrainer
from marslab.learning.mars_plan import MarsTraining, load_task
from marslab.memory.hdc import HolographicMemory
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.model import MarsModel
from marslab.tasks import Split, load_digits_sequences
from marslab.thinking.recursion import ReasonerConfig

ASLEEP = {"memory.keys.angles", "memory.encoder.weight", "memory.decoder.weight", "sharp"}


def tiny(**parts: Any) -> MarsConfig:
    settings: dict[str, Any] = {
        "block": MarsBlockConfig(d_state=4, heads=2, expand=1, dropout=0.5),
        "hdc": HdcConfig(dim=64, banks=2),
        "reasoner": ReasonerConfig(max_depth=3, latent_steps=1, layers=1),
    }
    return MarsConfig(16, 1, 10, input="pixels", patch=4, **(settings | parts))


def shipped() -> MarsModel:
    model = marslab.load("mars-mini")
    assert isinstance(model, MarsModel)
    return model


def preset(name: str, changes: dict[str, Any]) -> MarsConfig:
    return override(read(MarsConfig, read_preset(name)["config"]), changes)


@torch.no_grad()
@pytest.mark.parametrize("cuts", [[7, 9], [1] * 16], ids=str)
def test_2_the_shipped_blocks_step_by_step_in_float32(cuts: list[int]) -> None:
    model, x = shipped(), load_digits_sequences().test_x[:8]
    h = at_once = model.inputs(x)
    for block in model.blocks:
        assert isinstance(block, MarsBlock)
        at_once, found, state = block(at_once), [], None
        for part in h.split(cuts, 1):
            y, state = block.carried(part, state)
            found.append(y)
        h = torch.cat(found, 1)
        assert error(h, at_once.double()).worst < 1e-4


@torch.no_grad()
def test_3_no_clock_and_no_noise_in_use() -> None:
    torch.manual_seed(3)
    model, x = MarsModel(tiny()), load_digits_sequences().test_x[:4]

    def said(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return model(x)

    assert not torch.equal(said(1), said(2))  # in training there is dropout
    model.eval()
    assert torch.equal(said(1), said(2))


@torch.no_grad()
def test_4_what_is_remembered_changes_the_answer_and_by_nothing_where_nothing_is_read_out() -> None:
    model, x = shipped(), load_digits_sequences().test_x[:16]
    with_it = model(x)
    memory, model.memory = model.memory, None
    alone = model(x)
    assert memory is not None and memory.decoder is not None
    assert (with_it - alone).abs().amax(-1).min() > 1e-3
    model.memory = memory
    memory.decoder.weight.zero_()
    memory.decoder.bias.zero_()
    assert torch.equal(model(x), alone)


@torch.no_grad()
def test_5_a_pair_that_is_written_twice_is_read_as_before() -> None:
    """A sum has no delta rule: the second write makes the pair louder, and turns nothing."""
    memory, value = HolographicMemory(3, 1024), torch.randn(1, 1024)
    key = torch.tensor([2])
    for times in (1, 2):
        memory.write(key, value)
        torch.testing.assert_close(memory.read(key), times * value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mars-mini", {}),
        ("mars-edge", {}),
        ("mars-mini", {"hdc.bits": 8}),
        ("mars-mini", {"block.core": "s6"}),
        ("mars-mini", {"block.core": "printed"}),
        ("mars-mini", {"block.core": "fft"}),
    ],
    ids=str,
)
def test_6_in_each_phase_every_parameter_that_is_trained_then_has_a_gradient(
    name: str, changes: dict[str, Any]
) -> None:
    """With the memory empty its own parameters rest, all but the bias of the read-out."""
    torch.manual_seed(4)
    model = MarsModel(preset(name, changes)).train()
    split = load_digits_sequences()
    x, y = split.train_x[:32], split.train_y[:32]
    assert _silent(model, x, y) == ASLEEP
    model.eval().remember(x, y)
    assert _silent(model.train(), x, y) == set()


def _silent(model: MarsModel, x: Tensor, y: Tensor) -> set[str]:
    """Trained parameters without any gradient, over the refinements of one batch."""
    model.zero_grad()
    for step in model.supervised(x, y, depth=2):
        step.loss.backward()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return {name for name, p in trained.items() if p.grad is None or not p.grad.any()}


@torch.no_grad()
@pytest.mark.parametrize("gamma", [0.99, 0.9999])
@pytest.mark.parametrize("core", ["ssd", "s6"])
def test_7_a_long_sum_of_the_selective_cores_is_the_geometric_one(core: Core, gamma: float) -> None:
    """dt times the sum of gamma^i, in float32, which holds a decay to 2^-24."""
    block: Any = MarsBlock(1, MarsBlockConfig(core, d_state=1, heads=1, expand=1)).inner
    step = -math.log(gamma)
    for name, p in block.named_parameters():
        p.fill_(math.log(math.expm1(step)) if name == "to_dt.bias" else 0.0)
    block.to_B_and_C.weight.fill_(1.0)
    y = block.mixed(torch.ones(1, 32_768, 1))[0, :, 0]
    n = torch.arange(1, 32_769, dtype=torch.float64)
    scale = step if core == "ssd" else 1 - gamma  # s6 holds its input over the step
    expected = scale * (1 - gamma**n) / (1 - gamma)
    assert error(y, expected).worst < limit(torch.float32, length=32_768) + 2**-24 / (1 - gamma)


def test_8_what_is_asked_was_never_shown() -> None:
    split = load_task(MarsTraining(), preset("mars-mini", {}))
    shown = {row.numpy().tobytes() for row in split.train_x}
    assert not any(row.numpy().tobytes() in shown for row in split.test_x)


def test_8_what_is_held_out_changes_nothing_that_is_learned(tmp_path: Path) -> None:
    whole = load_digits_sequences()
    split = Split(whole.train_x[:128], whole.train_y[:128], *whole[2:])
    other = split._replace(test_x=1 - split.test_x, test_y=9 - split.test_y)
    plan = MarsTraining(epochs=2, depth=2, memory_from=1)
    found = []
    for name, each in (("split", split), ("other", other)):
        trainer = MarsTrainer(tiny(), plan, each, tmp_path / name)
        trainer.run()
        found.append(trainer.model.state_dict())
    assert all(torch.equal(x, found[1][name]) for name, x in found[0].items())
