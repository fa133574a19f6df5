"""Plans travel as JSON, refuse what cannot be, and place every step."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from marslab.config import from_json, override, to_json
from marslab.errors import UserError
from marslab.learning.language import (
    LanguagePlan,
    MixedSource,
    Phase,
    TokenSource,
    transfer_embedding,
)
from marslab.learning.language.freezing import trained
from marslab.learning.language.plan import same_plan
from marslab.learning.language.schedule import learning_rate, rows, sequence_length

PHASE = Phase("one", 100, 1.0, warmup=0.1, floor=0.2)


def test_a_plan_comes_back_from_json(tiny: Any) -> None:
    assert from_json(LanguagePlan, to_json(tiny.PLAN)) == tiny.PLAN
    loss = {"depth": True, "k": 3, "w": 0.5, "mode": "x"}
    plan = LanguagePlan((replace(PHASE, loss=loss),))
    again = from_json(LanguagePlan, to_json(plan)).phases[0].loss
    assert again == loss and [type(v) for v in again.values()] == [bool, int, float, str]
    assert override(plan, {"ema": 0.5}).ema == 0.5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": 0}, "phase 'one': lr must be positive, got 0"),
        ({"warmup": 2}, r"warmup must be in 0\.\.1, got 2"),
        ({"lengths": ()}, "lengths must be positive"),
        ({"shares": (0.5, 0.5)}, "shares must be 4 numbers, one per length"),
        ({"shares": (0.5, 0.5, 0.5, 0.5)}, "that add up to 1"),
    ],
)
def test_what_a_phase_refuses(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(PHASE, **change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"phases": ()}, "different names, got \\[\\]"),
        ({"phases": (PHASE, PHASE)}, r"different names, got \['one', 'one'\]"),
        ({"ema": 1.0}, "1 left out"),
        ({"seed": -1}, "seed must not be negative"),
        ({"precision": "int8"}, "precision must be fp32, bf16 or fp16"),
    ],
)
def test_what_a_plan_refuses(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(LanguagePlan((PHASE,)), **change)


def test_the_rate_warms_up_and_falls() -> None:
    rates = [learning_rate(PHASE, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == 1.0
    assert rates[9:] == sorted(rates[9:], reverse=True) and rates[-1] == pytest.approx(0.2)
    assert learning_rate(Phase("one", 1, 1.0), 0) > 0


def test_every_length_has_its_share_and_none_comes_after_the_end() -> None:
    """T55: as printed, the longest sequences are for epochs that never come."""
    lengths = [sequence_length(PHASE, step) for step in range(100)]
    assert [lengths.count(length) for length in PHASE.lengths] == [25, 25, 30, 20]
    even = replace(PHASE, lengths=(2, 4))
    assert [sequence_length(even, step) for step in (0, 49, 50, 99)] == [2, 2, 4, 4]
    assert [rows(PHASE, n) for n in (64, 512, 10**6)] == [128, 16, 1]


def test_places() -> None:
    plan = LanguagePlan((PHASE, replace(PHASE, name="two", steps=3)))
    assert [plan.at(s)[::2] for s in (0, 99, 100, 102)] == [(0, 0), (0, 99), (1, 0), (1, 2)]
    with pytest.raises(ValueError, match="has 103 steps, got step 103"):
        plan.at(103)


def test_a_difference_is_named() -> None:
    plan = LanguagePlan((PHASE,))
    same_plan(to_json(plan), plan, "run")
    other = replace(plan, ema=0.5, phases=(replace(PHASE, loss={"a": 1}), replace(PHASE, name="b")))
    with pytest.raises(UserError, match="phases had 1 values, has 2; ema was 0.0, is 0.5"):
        same_plan(to_json(plan), other, "run")
    other = replace(plan, phases=(replace(PHASE, loss={"a": 1}),))
    with pytest.raises(UserError, match=r"phases\.0\.loss\.a was None, is 1\."):
        same_plan(to_json(plan), other, "run")


def test_globs(tiny: Any) -> None:
    model = tiny.Tiny()
    everything = {name for name, _ in model.named_parameters()}
    assert trained(model, PHASE) == everything
    assert trained(model, replace(PHASE, train=("up.*",))) == {"up.weight", "up.bias"}
    # the tied head is frozen by either of its names
    assert trained(model, replace(PHASE, freeze=("head.*",))) == everything - {"embed.weight"}
    with pytest.raises(UserError, match=r"named like 'uq\.bias'\. Did you mean 'up\.bias'\?"):
        trained(model, replace(PHASE, freeze=("uq.bias",)))
    with pytest.raises(UserError, match="freezes everything"):
        trained(model, replace(PHASE, freeze=("*",)))


def test_a_batch_is_a_function_of_its_arguments() -> None:
    parts = {"a": torch.arange(100), "b": torch.arange(1000, 1003)}
    phase = replace(PHASE, mixture={"a": 1.0, "b": 1.0})
    ids, targets = TokenSource(parts).batch(1, 5, 8, 64, phase)
    again = TokenSource(parts).batch(1, 5, 8, 64, phase)
    assert torch.equal(ids, again[0]) and torch.equal(targets, again[1])
    assert not torch.equal(ids, TokenSource(parts).batch(1, 6, 8, 64, phase)[0])
    assert not torch.equal(ids, TokenSource(parts).batch(2, 5, 8, 64, phase)[0])
    learned = targets != -100
    assert (targets == ids + 1)[learned].all()
    short = ids[:, 0] >= 1000
    assert 10 < short.sum() < 54 and (learned.sum(1)[short] == 2).all() and learned[~short].all()
    only = TokenSource(parts).batch(1, 5, 8, 64, replace(PHASE, mixture={"b": 1.0}))[0]
    assert (only[:, 0] >= 1000).all()


def test_what_a_source_refuses() -> None:
    with pytest.raises(ValueError, match="at least one sequence"):
        TokenSource({})
    with pytest.raises(ValueError, match="'a' must be at least two int64"):
        TokenSource({"a": torch.zeros(5)})
    with pytest.raises(ValueError, match="mixture must weigh some of a"):
        source = TokenSource({"a": torch.arange(9)})
        source.batch(0, 0, 4, 1, replace(PHASE, mixture={"c": 1.0}))


def test_corpora_are_mixed_row_by_row() -> None:
    class Numbers:
        def __init__(self, first: int) -> None:
            self.first = first

        def __len__(self) -> int:
            return 10

        def batch(self, seed: int, step: int, length: int, rows: int) -> Any:
            return (torch.full((rows, length), self.first + step),) * 2

    source = MixedSource({"a": Numbers(0), "b": Numbers(1000)})
    phase = replace(PHASE, mixture={"a": 3.0, "b": 1.0})
    steps = [source.batch(0, step, 4, 100, phase)[0] for step in range(4)]
    numbers = torch.cat(steps)[:, 0]
    assert torch.equal(numbers % 1000, torch.arange(400))  # each row once, whichever part it is of
    assert (numbers >= 1000).double().mean().item() == pytest.approx(0.25, abs=0.06)
    assert torch.equal(source.batch(0, 2, 4, 100, phase)[0], steps[2])
    with pytest.raises(ValueError, match="mixture must weigh some of a, b"):
        source.batch(0, 0, 4, 1, replace(PHASE, mixture={"c": 1.0}))
    with pytest.raises(ValueError, match="at least one corpus"):
        MixedSource({})


def test_an_embedding_is_transferred() -> None:
    """T53: the dims that the design leaves open, and the tied head."""
    source, embedding = 3 * torch.randn(256, 512), nn.Embedding(256, 768)
    head = nn.Linear(768, 256, bias=False)
    transfer_embedding(source, embedding, head)
    assert torch.equal(embedding.weight[:, :512], source) and head.weight is embedding.weight
    rest = embedding.weight[:, 512:]
    assert rest.std().item() == pytest.approx(source.std().item(), rel=0.02)
    assert abs(rest.mean().item()) < 0.05 and embedding.weight.requires_grad
    same = nn.Embedding(256, 512)
    transfer_embedding(source, same)
    assert torch.equal(same.weight, source)
    with pytest.raises(UserError, match="has 128 dims .* needs d_model >= 512; train"):
        transfer_embedding(source, nn.Embedding(256, 128))
    with pytest.raises(UserError, match="has 259 rows .* needs the same tokenizer"):
        transfer_embedding(source, nn.Embedding(259, 768))
