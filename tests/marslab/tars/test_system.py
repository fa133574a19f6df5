"""Questions through the tiers of an untrained TARS whose reflex is told what to say."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import torch

from marslab.config import override
from marslab.errors import UserError
from marslab.memory import MemoryHub, Titans
from marslab.systems.tars import thinking
from marslab.systems.tars.config import ExitConfig, TarsConfig
from marslab.systems.tars.reflex import Reading
from marslab.systems.tars.system import Answer, Tars
from marslab.systems.tars.thinking import Thinker, limits
from marslab.systems.tars.walkthrough import walkthrough
from marslab.tracing import Trace, trace

from tars_models import SMALL

QUESTION = "Сколько дней в году?"


@pytest.fixture
def tars() -> Tars:
    torch.manual_seed(0)
    return Tars(override(TarsConfig(), SMALL)).eval()


@pytest.fixture
def hub() -> Iterator[MemoryHub]:
    with MemoryHub(titans=Titans(8, 16)) as opened:
        opened.remember("В году 365 дней.")
        opened.remember("В неделе 7 дней.")
        yield opened


def reads(tars: Tars, monkeypatch: pytest.MonkeyPatch, **what: Any) -> None:
    """Let the reflex read this of every text."""
    told = Reading(**({"intent": "complex", "confidence": 0.1, "task": "math"} | what))
    monkeypatch.setattr(tars.reflex, "read", lambda texts: [told for _ in texts])


def test_a_sure_reflex_answers_at_once(tars: Tars, monkeypatch: pytest.MonkeyPatch) -> None:
    reads(tars, monkeypatch, intent="time", confidence=0.95, task="chat", complexity="trivial")
    answer = tars.ask("Который час?", clock=lambda: datetime(2025, 3, 3, 14, 5))
    assert (answer.tier, answer.waves, answer.steps) == ("reflex", 0, 0)
    assert str(answer) == "Сейчас 14:05, понедельник, 3 марта 2025 года."
    forced = tars.ask("Который час?", reflexes=False, max_bytes=2)
    assert forced.tier in ("brain", "omega") and forced.waves > 0


@pytest.mark.parametrize(
    ("level", "waves", "rounds"), [("trivial", 1, 0), ("simple", 2, 0), ("deep", 6, 20)]
)
def test_complexity_limits_the_thought(level: str, waves: int, rounds: int) -> None:
    assert limits(level, 6, ExitConfig()) == (waves, rounds)
    assert limits(level, 6, ExitConfig(by_complexity=False)) == (6, 8)


def test_a_thought_that_does_not_come_to_rest_goes_to_the_pool(
    tars: Tars, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(tars, monkeypatch, complexity="deep")
    with trace() as seen:
        answer = tars.ask(QUESTION, max_bytes=3)
    assert answer.tier == "omega" and answer.source == "idme" and answer.rounds >= 1
    assert answer.waves == 3 and "idme" in seen.names()
    reads(tars, monkeypatch, complexity="simple")
    plain = tars.ask(QUESTION, max_bytes=3)
    assert (plain.tier, plain.source, plain.waves, plain.rounds) == ("brain", "depth", 1, 0)


def test_a_thought_that_stands_still_gets_the_pool_before_its_waves_are_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """T66: p below 0.5 on five points; where there is no pool to ask it goes on."""
    torch.manual_seed(0)
    tars = Tars(override(TarsConfig(), SMALL | {"waves.count": 7})).eval()
    monkeypatch.setattr(thinking, "relative_step", lambda before, x: torch.tensor([0.3]))
    thinker, ids = Thinker(tars.lm, ExitConfig(rule="fixed")), tars.prompt(QUESTION)
    recruited = thinker.think(ids, most_rounds=2)
    assert (recruited.waves, recruited.stopped_by) == (5, "idme") and recruited.rounds >= 1
    alone = thinker.think(ids, most_rounds=0)
    assert (alone.waves, alone.stopped_by, alone.rounds) == (7, "fixed", 0)


@pytest.mark.parametrize("rule", ["fixed", "auditor", "entropy", "halting", "small_step"])
def test_every_exit_rule_ends_a_thought(tars: Tars, rule: str) -> None:
    exits = ExitConfig(rule=rule, entropy=100.0, small_step=1e9, halting=0.0)  # pyright: ignore
    found = Thinker(tars.lm, exits).think(tars.prompt(QUESTION))
    waves = 3 if rule == "fixed" else 1
    assert (found.waves, found.stopped_by) == (waves, rule)


def test_the_same_question_twice_is_the_same_answer(tars: Tars) -> None:
    first, again = (tars.ask(QUESTION, max_bytes=8, reflexes=False) for _ in "ab")
    assert (first.text, first.waves, first.rounds) == (again.text, again.waves, again.rounds)
    drawn = [
        tars.ask(QUESTION, max_bytes=8, temperature=1.0, seed=seed, reflexes=False).text
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_speculation_says_the_same(tars: Tars) -> None:
    plain = tars.ask(QUESTION, max_bytes=12, reflexes=False)
    fast = tars.ask(QUESTION, max_bytes=12, reflexes=False, speculative=True)
    assert plain.text == fast.text


def test_an_answer_given_before_comes_from_the_cache(
    tars: Tars, hub: MemoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(tars, monkeypatch, complexity="simple")
    tars.hub = hub
    hub.keep_answer(QUESTION, "365")
    answer = tars.ask(QUESTION)
    assert (answer.text, answer.tier, answer.source) == ("365", "reflex", "memo")
    assert tars.ask(QUESTION, reflexes=False, max_bytes=2).source != "memo"


def test_what_is_remembered_reaches_the_thought(
    tars: Tars, hub: MemoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(tars, monkeypatch, complexity="deep")
    alone = Thinker(tars.lm, tars.config.exits).think(tars.prompt(QUESTION))
    tars.hub = hub
    with trace() as seen:
        tars.ask(QUESTION, max_bytes=2)
    found = seen.frame("retrieval")
    assert len(found) == 2 and (found.found == 2).all()  # after each wave but the last
    assert {"titans_learn", "leann", "memo"} <= set(seen.names())
    memory = hub.memory_vector(QUESTION)
    assert memory is not None
    known = Thinker(tars.lm, tars.config.exits, hub).think(
        tars.prompt(QUESTION), memory=memory[None]
    )
    assert not torch.equal(alone.state.logits, known.state.logits)
    assert known.retrieved == 4


def test_what_the_hub_said_stays_with_the_bytes_that_follow(tars: Tars, hub: MemoryHub) -> None:
    """Hints and steer are part of the state: a saved one goes on like the one in memory."""
    thinking = Thinker(tars.lm, tars.config.exits, hub).think(tars.prompt(QUESTION), most_rounds=4)
    state = thinking.state
    assert any(hint is not None for hint in state.hints)
    byte = torch.tensor([50])
    bare = state._replace(hints=(None,) * len(state.hints), steer=None)
    assert not torch.equal(tars.lm.step(byte, state)[0], tars.lm.step(byte, bare)[0])


@pytest.mark.parametrize(
    ("text", "task", "told"),
    [
        (" \n", None, "the question is empty"),
        ("a" * 5000, None, "the question is longer than 4,096 bytes"),
        ("2+2", "maths", "there is no task type 'maths'. Did you mean 'math'"),
    ],
)
def test_bad_questions_are_told(tars: Tars, text: str, task: str | None, told: str) -> None:
    with pytest.raises(UserError, match=told):
        tars.ask(text, task=task)


def test_the_walkthrough_tells_what_happened(
    tars: Tars, hub: MemoryHub, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    reads(tars, monkeypatch, complexity="deep")
    tars.hub = hub
    with trace() as seen:
        answer = tars.ask(QUESTION, max_bytes=3)
    assert isinstance(answer, Answer)
    lines = dict(walkthrough(seen))
    assert lines["tier"] == "omega" and lines["waves"] == "3" and lines["blocks"] == "6"
    assert lines["threshold of p"] == "1.3" and len(lines["relative step per wave"].split()) == 3
    assert lines["phases of the chain"].startswith("EXPLORE")
    assert lines["records retrieved"] == "4" and "rounds of IDME" in lines
    assert walkthrough(seen, "ru")[0].what == "уровень"
    seen.save(tmp_path / "run.trace")
    assert walkthrough(Trace.load(tmp_path / "run.trace")) == walkthrough(seen)


def test_the_language_model_is_untouched_by_the_hub(tars: Tars, hub: MemoryHub) -> None:
    ids = torch.tensor([[2, 50, 51]])
    before = tars.lm(ids)
    tars.hub = hub
    tars.ask(QUESTION, max_bytes=2, reflexes=False)
    assert torch.equal(tars.lm(ids), before) and torch.equal(tars(ids), before)
