"""Two encoders and one body: each reads as it did alone, and one finds what the other wrote."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.errors import UserError
from marslab.layers.mars_block import MarsBlockConfig
from marslab.learning.mars import MarsTrainer
from marslab.learning.mars_plan import MarsTraining, load_parts, load_task
from marslab.learning.mars_scores import scores, sharing
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.inputs import byte_rows
from marslab.systems.mars.model import MarsModel
from marslab.tasks import Split
from marslab.thinking.recursion import ReasonerConfig


def config(kind: str = "bytes+pixels", **parts: Any) -> MarsConfig:
    settings: dict[str, Any] = {
        "block": MarsBlockConfig(d_state=4, heads=2, expand=1),
        "hdc": HdcConfig(dim=128, banks=2),
        "reasoner": ReasonerConfig(max_depth=2, latent_steps=1, layers=1),
    }
    return MarsConfig(16, 1, 10, input=kind, patch=4, **(settings | parts))  # pyright: ignore


def model(kind: str = "bytes+pixels", seed: int = 3, **parts: Any) -> MarsModel:
    torch.manual_seed(seed)
    return MarsModel(config(kind, **parts)).eval()


IMAGES = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(4))
TEXTS = byte_rows(["seven", "a two", "пять"])


@torch.no_grad()
@pytest.mark.parametrize(("kind", "x"), [("bytes", TEXTS), ("pixels", IMAGES)], ids=["b", "p"])
def test_each_encoder_reads_what_it_reads_alone(kind: str, x: Tensor) -> None:
    both, alone = model(), model(kind, seed=8)
    whole = both.state_dict()
    alone.load_state_dict(
        {n: whole[n.replace("inputs.", f"inputs.{kind}.")] for n in alone.state_dict()}
    )
    assert torch.equal(both(x), alone(x))
    torch.testing.assert_close(both(x[:1]), both(x)[:1], rtol=1e-4, atol=1e-5)


def test_the_body_learns_from_both_and_an_encoder_from_its_own() -> None:
    parts = model(hdc=HdcConfig(enabled=False)).train()
    for mine, other, x in (("bytes", "pixels", TEXTS), ("pixels", "bytes", IMAGES)):
        parts.zero_grad(set_to_none=True)
        F.cross_entropy(parts(x), torch.tensor([7, 2, 5])).backward()
        learns = {n for n, p in parts.named_parameters() if p.grad is not None and p.grad.any()}
        body = {n for n, _ in parts.named_parameters() if not n.startswith("inputs.")}
        assert not {n for n in body - learns if "halting" not in n}
        assert any(n.startswith(f"inputs.{mine}.") for n in learns)
        assert not any(n.startswith(f"inputs.{other}.") for n in learns)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (torch.zeros(1, 5), r"x must be \[B, 1, rows, columns\]"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), r"x must be \[B, L\] of ids"),
    ],
    ids=["vectors", "bytes of an image"],
)
def test_what_neither_reads_is_told(x: Tensor, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        model()(x)


def few() -> dict[str, Split]:
    """Some digits, and the English captions several times: enough to learn in few steps."""
    parts = load_parts(MarsTraining("captioned"), config())
    digits, captions = parts["digits"], parts["captions"]
    english = Split(captions[0][:120], captions[1][:120], captions[2][:40], captions[3][:40])
    rows = english.train_x[:, :36].repeat(4, 1)
    return {
        "digits": Split(digits[0][:480], digits[1][:480], *digits[2:]),
        "captions": Split(rows, english.train_y.repeat(4), english.test_x[:, :36], english.test_y),
    }


def plan(**settings: Any) -> MarsTraining:
    return MarsTraining("captioned", **({"depth": 2, "lr": 1e-2, "memory_from": 2} | settings))


def test_it_learns_both_and_a_memory_of_one_is_found_by_the_other(tmp_path: Path) -> None:
    parts = few()
    wide = config(hdc=HdcConfig(dim=1024, banks=2))
    trainer = MarsTrainer(wide, plan(epochs=10, depth=1), parts, tmp_path)
    before = sharing(trainer.model, parts)
    found = trainer.run().scores
    assert trainer.step == 10 * sum(-(-len(p.train_y) // 64) for p in parts.values())
    assert found["held_out_digits"] > 0.7 and found["held_out_captions"] > 0.5  # chance is 0.1
    counts = [len(p.test_y) for p in parts.values()]
    both = found["held_out_digits"] * counts[0] + found["held_out_captions"] * counts[1]
    assert found["held_out"] == pytest.approx(both / sum(counts), abs=2e-4)
    after = sharing(trainer.model, parts)
    memory = trainer.model.memory
    assert memory is not None  # both parts stand in it
    features = [trainer.model.eval().features(part.train_x).detach() for part in parts.values()]
    y = torch.cat([part.train_y for part in parts.values()])
    written = memory.superpose(y, torch.cat(features)).detach()
    torch.testing.assert_close(memory.state, written, rtol=1e-3, atol=1e-2)
    assert before["captions_by_digits"] < 0.25 and after["captions_by_digits"] > 0.35
    assert after["digits_by_captions"] > 0.2  # of 40 captions
    alone = scores(trainer.model, parts["digits"], brief=True)
    assert alone == {"held_out": found["held_out_digits"]}


def test_stopped_and_gone_on_with_is_bit_for_bit_the_same(tmp_path: Path) -> None:
    parts = {name: Split(*(x[:70] for x in part)) for name, part in few().items()}
    whole = MarsTrainer(config(), plan(epochs=3), parts, tmp_path / "whole")
    whole.run()
    for _ in range(3):
        part = MarsTrainer(config(), plan(epochs=3), parts, tmp_path / "parts")
        part.run(seconds=1e-9)
    one, two = whole.model.state_dict(), part.model.state_dict()  # pyright: ignore
    assert whole.epoch == part.epoch == 3  # pyright: ignore
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_batches_of_an_epoch_hold_every_example_once_and_are_mixed(tmp_path: Path) -> None:
    trainer = MarsTrainer(config(), plan(epochs=1), few(), tmp_path)
    batches = trainer._order()
    kinds = ["digits" if part.train_x.is_floating_point() else "captions" for part, _ in batches]
    turns = sum(a != b for a, b in zip(kinds, kinds[1:], strict=False))
    assert len(batches) == trainer.batches and turns > 2
    for part in trainer.parts.values():
        rows = torch.cat([rows for owner, rows in batches if owner is part])
        assert sorted(rows.tolist()) == list(range(len(part.train_y)))


class Sighted(MarsModel):
    """Features that name the class: of images as it is, of captions `shift` classes on."""

    shift = 0

    def features(self, x: Tensor) -> Tensor:
        at = x[:, 0].long() if x.ndim == 2 else x[:, 0, 0].long()
        at = at if x.is_floating_point() else (at + self.shift) % 10
        return F.one_hot(at, self.config.d_model).float()


@pytest.mark.parametrize(("shift", "across"), [(0, 1.0), (1, 0.0)])
def test_sharing_counts_who_finds_whom(shift: int, across: float) -> None:
    torch.manual_seed(0)
    seeing = Sighted(config(hdc=HdcConfig(dim=4096, banks=5)))
    seeing.shift = shift
    y = torch.arange(10).repeat(2)
    images, texts = y[:, None, None].float().expand(-1, 4, 4), y[:, None]
    parts = {"a": Split(images, y, images, y), "b": Split(texts, y, texts, y)}
    seeing.remember(images, y)
    assert seeing.memory is not None
    kept = seeing.memory.state.clone()
    assert sharing(seeing, parts) == {"a_by_a": 1, "a_by_b": across, "b_by_a": across, "b_by_b": 1}
    assert torch.equal(seeing.memory.state, kept)  # the model's own memory is as it was
    assert sharing(seeing, {"a": parts["a"]}) == {}


def test_a_task_of_two_parts_is_not_taken_for_one() -> None:
    with pytest.raises(UserError, match="'captioned' has the parts digits, captions"):
        load_task(plan(), config())
    with pytest.raises(UserError, match=r"has 10 classes and bytes\+pixels; the preset has"):
        load_parts(plan(), config("bytes"))
    alone = load_task(MarsTraining("captions"), config("bytes"))
    both = load_parts(plan(), config())
    assert torch.equal(alone.train_x, both["captions"].train_x)
    assert torch.equal(load_task(MarsTraining(), config("pixels")).test_y, both["digits"].test_y)
