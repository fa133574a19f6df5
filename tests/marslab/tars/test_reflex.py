"""The reflex against a loop, its padding, its replies, its heads."""

from datetime import datetime

import pytest
import torch
from torch import Tensor

from marslab.errors import UserError
from marslab.learning.reflex import ReflexTraining, train_head
from marslab.systems.tars.reflex import (
    COMPLEXITIES,
    INTENTS,
    TASK_TYPES,
    ReflexConfig,
    ReflexCore,
    encode,
)
from marslab.systems.tars.reflex_replies import answer, language_of, reply
from marslab.tracing import trace

NOON = datetime(2025, 3, 3, 12, 30)


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def loop(core: ReflexCore, text: bytes) -> Tensor:
    """The hidden vector of one text, byte after byte."""
    body, width = core.body, core.config.width
    seen, states, h = [], [], torch.zeros(width, dtype=torch.float64)
    for byte in text:
        seen.append(core.embed.weight[byte])
        u = seen[-1]
        if body.conv is not None and body.conv.bias is not None:
            u = body.conv.bias
            for back in range(min(len(seen), body.reach)):
                u = u + body.conv.weight[:, :, -1 - back] @ seen[-1 - back]
            u = silu(u)
        gate = 1 / (1 + torch.exp(-(body.to_z.weight @ u + body.to_z.bias)))
        h = (1 - gate) * h + gate * (body.to_h.weight @ u + body.to_h.bias)
        states.append(h)
    if body.pool is None:
        return h
    every = torch.stack(states)
    pooled = torch.cat((every.max(0).values, every.mean(0), h))
    return silu(body.pool.weight @ pooled + body.pool.bias)


@pytest.mark.parametrize("form", ["ngram", "printed"])
def test_it_is_the_loop_whatever_the_padding(form) -> None:
    core = ReflexCore(ReflexConfig(form=form)).double().eval()
    texts = ["привет", "a", "Сколько будет 2+2?"]
    hidden = core(*encode(texts)).hidden
    for row, text in enumerate(texts):
        expected = loop(core, text.encode("cp1251"))
        torch.testing.assert_close(hidden[row], expected, rtol=1e-9, atol=1e-9)


def test_the_printed_form_has_the_parameters_that_its_sizes_make() -> None:
    config = ReflexConfig(form="printed", task_head=False, complexity_head=False)
    core = ReflexCore(config)
    assert sum(p.numel() for p in core.parameters()) == 25159
    out = core(*encode(["hi"]))
    assert out.task is None and out.complexity is None
    assert core.read(["hi"])[0].task is None


def test_it_stays_below_a_megabyte() -> None:
    assert sum(4 * p.numel() for p in ReflexCore().parameters()) < 1 << 20


@pytest.mark.parametrize("form", ["ngram", "printed"])
def test_every_parameter_gets_a_gradient(form) -> None:
    core = ReflexCore(ReflexConfig(form=form))
    out = core(*encode(["привет, тарс", "what time is it"]))
    parts = (out.intent, out.confidence, out.task, out.complexity)
    torch.stack([p.square().sum() for p in parts if p is not None]).sum().backward()
    for name, p in core.named_parameters():
        assert p.grad is not None and p.grad.any(), name


def test_shapes_and_events() -> None:
    core = ReflexCore().eval()
    with trace() as t:
        out = core(*encode(["hello", "", "пока"]))
    assert out.intent.shape == (3, len(INTENTS)) and out.confidence.shape == (3,)
    assert out.task is not None and out.task.shape == (3, len(TASK_TYPES))
    assert out.complexity is not None and out.complexity.shape == (3, len(COMPLEXITIES))
    assert all(x is not None and x.isfinite().all() for x in out)
    assert "reflex" in t.names()


def test_the_same_text_gives_the_same_bits_and_the_temperature_scales() -> None:
    core = ReflexCore().eval()
    first = core(*encode(["который час"]))
    assert torch.equal(first.intent, core(*encode(["который час"])).intent)
    core.temperatures.copy_(torch.tensor([2.0, 4.0]))
    second = core(*encode(["который час"]))
    torch.testing.assert_close(second.intent * 2, first.intent)
    torch.testing.assert_close(second.confidence * 4, first.confidence)


def test_encoding() -> None:
    ids, mask = encode(["привет", "\0x²", "", "a" * 500])
    assert ids[0, :6].tolist() == [239, 240, 232, 226, 229, 242]
    assert ids[1, :3].tolist() == [32, 120, 63] and mask.sum(1).tolist() == [6, 3, 0, 160]
    assert encode([])[0].shape == (0, 1) and encode([""])[0].shape == (1, 1)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: encode("hi"), TypeError, "sequence of str"),
        (lambda: ReflexCore()(torch.full((1, 2), 256)), ValueError, "must be bytes"),
        (lambda: ReflexCore()(torch.zeros(3, dtype=torch.int64)), ValueError, "B, L"),
        (lambda: ReflexConfig(width=0), ValueError, "width must be positive, got 0"),
        (lambda: ReflexConfig(dropout=1.0), ValueError, "dropout must be"),
        (lambda: reply("complex", "why", NOON), ValueError, "no template for 'complex'"),
        (lambda: train_head(ReflexCore(), "tusk"), UserError, "Did you mean 'task'"),
        (
            lambda: train_head(ReflexCore(ReflexConfig(task_head=False)), "task"),
            UserError,
            "no head 'task'",
        ),
        (lambda: ReflexTraining(batch=0), ValueError, "batch must be positive"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(call, error, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def decided(intent: str, confidence: float) -> ReflexCore:
    """A reflex that always says the same."""
    core = ReflexCore().eval()
    with torch.no_grad():
        core.intent.weight.zero_()
        core.intent.bias.zero_()[INTENTS.index(intent)] = 9.0
        core.confidence.weight.zero_()
        core.confidence.bias.fill_(torch.tensor(confidence).logit())
    return core


def test_replies_in_the_language_of_the_query() -> None:
    for text, language in (("привет", "ru"), ("hello", "en")):
        for intent in INTENTS[:-1]:
            given = answer(decided(intent, 0.9), text, lambda: NOON)
            assert given.text and language_of(given.text) == given.language == language
    assert answer(decided("time", 0.9), "what time is it", lambda: NOON).text == (
        "It is 12:30, Monday, 3 March 2025."
    )
    assert answer(decided("quick_action", 0.9), "включи свет!").text == "Принято: включи свет."
    assert reply("quick_action", "turn {on} it", NOON) == "Noted: turn {on} it."


def test_it_is_silent_when_unsure_or_when_thought_is_needed() -> None:
    assert answer(decided("greeting", 0.8), "привет").text is None
    assert answer(decided("complex", 0.99), "привет").text is None


def test_the_clock_is_read_for_the_time_alone() -> None:
    def never() -> datetime:
        raise AssertionError

    assert answer(decided("greeting", 0.9), "привет", never).text
    with pytest.raises(AssertionError):
        answer(decided("time", 0.9), "который час", never)


@pytest.mark.parametrize("head", ["intent", "confidence", "task", "complexity"])
def test_training_one_head_leaves_the_others_as_they_were(head: str) -> None:
    core = ReflexCore().eval()
    batch = encode(["привет", "37+48=?"])
    before = core(*batch)._asdict()
    train_head(core, head, ReflexTraining(steps=3, batch=8))
    after = core(*batch)._asdict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {head}
    assert all(p.requires_grad for p in core.parameters())
