"""MARS as a whole: what it is built of, that each part has a say, and that it learns."""

from typing import Any

import pytest
import torch
from torch import Tensor

import marslab
from marslab.errors import UserError
from marslab.layers.mars_block import MarsBlockConfig
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.inputs import PAD, byte_rows
from marslab.systems.mars.model import MarsModel
from marslab.thinking.recursion import ReasonerConfig
from marslab.tracing import trace

SIZES = {  # parameters: at least, at most
    "mars-mini": (2.5e5, 4.0e5),
    "mars-edge": (1.0e5, 2.0e5),
    "mars-arc-agi": (5.0e6, 6.0e6),
    "mars-v4": (2.8e7, 3.6e7),
    "mars-imagenet": (2.8e7, 3.6e7),
}
Y = torch.tensor([0, 1, 2, 1])


def small(kind: str = "pixels", seed: int = 5, **parts: Any) -> MarsModel:
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "block": MarsBlockConfig(d_state=4, heads=2, expand=1),
        "hdc": HdcConfig(dim=64, banks=2),
        "reasoner": ReasonerConfig(max_depth=3, latent_steps=2, layers=1),
    }
    config = MarsConfig(8, 2, 3, input=kind, d_input=5, **(settings | parts))  # pyright: ignore
    return MarsModel(config).double().eval()


def images(rows: int = 4) -> Tensor:
    return torch.rand(rows, 4, 4, generator=torch.Generator().manual_seed(6)).double()


@pytest.mark.parametrize("name", SIZES)
def test_the_presets_are_built_at_their_sizes(name: str) -> None:
    model = marslab.build(name)
    least, most = SIZES[name]
    assert isinstance(model, MarsModel)
    assert least <= sum(p.numel() for p in model.parameters()) <= most


def test_the_small_one_fits_its_file() -> None:
    model = marslab.build("mars-mini")
    assert sum(x.numel() * x.element_size() for x in model.state_dict().values()) <= 6e6


def test_the_defaults_are_the_printed_sizes() -> None:
    config = MarsConfig()
    found = (config.d_model, config.block.d_state, config.hdc.dim, config.n_classes)
    assert (*found, config.reasoner.max_depth, config.layers) == (512, 16, 10_000, 1000, 8, 6)
    assert MarsConfig().d_input == 768 and MarsConfig().hdc.dim > MarsConfig().d_model


def test_every_parameter_learns_once_the_memory_holds_something() -> None:
    model = small().train()
    model.remember(images(), Y)
    next(model.supervised(images(), Y)).loss.backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_a_static_memory_has_a_read_out_that_learns() -> None:
    model = small(hdc=HdcConfig(dim=64, banks=2, encoder="random")).train()
    model.remember(images(), Y)
    next(model.supervised(images(), Y)).loss.backward()
    fixed = {n for n, p in model.named_parameters() if not p.requires_grad}
    assert fixed == {"memory.keys.angles", "memory.encoder.weight"}
    silent = [n for n, p in model.named_parameters() if p.requires_grad and not p.grad.any()]  # pyright: ignore
    assert silent == []


@torch.no_grad()
def test_what_is_remembered_has_a_say_and_no_gradient() -> None:
    model, x = small(), images()
    empty = model(x)
    model.train().remember(x, Y)
    assert model.memory is not None and not model.memory.state.requires_grad
    model.eval()
    assert (model(x) - empty).abs().max() > 1e-6
    model.memory.clear()
    assert torch.equal(model(x), empty)


@torch.no_grad()
def test_the_memory_finds_the_class_that_was_written() -> None:
    model, x = small(hdc=HdcConfig(dim=4096, banks=3)), images()
    with torch.random.fork_rng():
        model.remember(x[:3], torch.tensor([2, 0, 1]))
    with trace() as seen:
        model(x[:3])
    event = next(e for e in seen.events if e.name == "memory")
    cosines: Any = event.fields["cosines"]
    assert cosines.argmax(-1).tolist() == [2, 0, 1]
    torch.testing.assert_close(cosines.max(-1).values, torch.ones(3).double())


@torch.no_grad()
@pytest.mark.parametrize("core", ["ssd", "s6", "printed", "fft"])
def test_rows_do_not_see_each_other_and_answers_repeat(core: Any) -> None:
    model, x = small(block=MarsBlockConfig(core, 4, 2, expand=1)), images()
    model.remember(x, Y)
    assert torch.equal(model(x), model(x))
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]), rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_the_same_seed_builds_the_same_model() -> None:
    one, two = small().state_dict(), small().state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


@torch.no_grad()
def test_the_length_of_a_neighbour_changes_nothing() -> None:
    model = small("bytes")
    short, both = byte_rows(["abc"]), byte_rows(["abc", "a longer text"])
    assert both.shape == (2, 13) and (both[0, 3:] == PAD).all()
    torch.testing.assert_close(model(both)[0], model(short)[0], rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_every_pixel_has_a_say_and_squares_are_taken_row_by_row() -> None:
    model, x = small(), images(1).requires_grad_()
    with torch.enable_grad():
        (grad,) = torch.autograd.grad(model(x)[0, 0], x)
    assert (grad != 0).all()
    cut = small(patch=2, channels=2)
    colours = torch.arange(32.0).double().view(1, 2, 4, 4)
    found = cut.inputs(colours)
    second = torch.cat([colours[0, c, :2, 2:].flatten() for c in (0, 1)])
    torch.testing.assert_close(found[0, 1], cut.inputs.embed(second))  # pyright: ignore
    assert found.shape == (1, 4, 8)


@torch.no_grad()
def test_depth_is_what_was_asked_or_what_the_head_says() -> None:
    model, x = small(), images()
    assert model.answer(x, 2, halt=False).depth.tolist() == [2] * 4
    assert model.reasoner is not None
    model.reasoner.halting.to_logit.bias.fill_(20.0)
    assert model.answer(x).depth.tolist() == [1] * 4
    assert model.answer(x, halt=False).depth.tolist() == [3] * 4
    torch.testing.assert_close(model(x), model.answer(x, 1).logits)
    off = small(reasoner=ReasonerConfig(enabled=False))
    assert off.answer(x).depth.tolist() == [0] * 4 and off(x).shape == (4, 3)


def test_the_refinements_of_training_are_those_of_use() -> None:
    model, x = small(), images()
    for depth, step in enumerate(model.supervised(x, Y), 1):
        torch.testing.assert_close(step.logits, model.answer(x, depth, halt=False).logits)
        expected = torch.nn.functional.cross_entropy(step.logits, Y)
        torch.testing.assert_close(step.answer, expected)
        torch.testing.assert_close(step.loss, step.answer + 0.5 * step.halting)
        q = model.answer(x, depth, halt=False).halting  # the head's word, and whether it was so
        share = torch.where(step.logits.argmax(-1) == Y, q, 1 - q)
        torch.testing.assert_close(step.halting, -share.log().mean())
    off = small(reasoner=ReasonerConfig(enabled=False), hdc=HdcConfig(enabled=False))
    assert len(list(off.supervised(x, Y))) == 1
    off.remember(x, Y)  # nowhere: without a memory nothing happens
    assert off.memory is None


@torch.no_grad()
def test_32768_steps_stay_finite() -> None:
    model = small("vectors").float()
    assert torch.isfinite(model(torch.randn(1, 32_768, 5))).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"block.heads": 7}, "block.heads must divide block.expand * d_model = 64, got 7"),
        ({"hdc.bits": 3}, "hdc.bits must be one of"),
        ({"hdc.banks": -1}, "hdc.banks must be at least 0, got -1"),
        ({"layers": 0}, "config.layers must be positive, got 0"),
        ({"reasoner.max_depth": 0}, "reasoner.max_depth must be positive, got 0"),
        ({"input": "sound"}, "input"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_model_is_one_sentence(change: dict, told: str) -> None:
    with pytest.raises(UserError) as error:
        marslab.build("mars-mini", change)
    assert str(error.value).startswith(told) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "x", "told"),
    [
        ("vectors", torch.zeros(1, 3, 4), r"x must be \[B, L, 5\]"),
        ("pixels", torch.zeros(1, 3, 4, 4), r"x must be \[B, 1, rows, columns\]"),
        ("vectors", torch.zeros(1, 0, 5), "x must have at least one step"),
    ],
    ids=str,
)
def test_what_it_cannot_read_is_told(kind: str, x: Tensor, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        small(kind)(x.double())
