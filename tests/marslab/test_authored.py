"""The authored texts: as many as promised, in both languages, and refused where they are wrong."""

from collections import Counter

import pytest

from marslab.errors import UserError
from marslab.learning.reflex_data import Source
from marslab.learning.reflex_mining import near, trigrams
from marslab.systems.tars.reflex import COMPLEXITIES, INTENTS, TASK_TYPES
from marslab.systems.tars.reflex_replies import language_of
from marslab.tasks import authored


def test_the_patterns_cover_every_label() -> None:
    groups = authored.reflex_patterns().groups
    train, apart = Counter[str](), Counter[str]()
    for group in groups:
        train[group.intent] += len(group.train)
        apart[group.intent] += len(group.held_out)
    assert sum(train.values()) >= 220
    assert set(train) == set(INTENTS) and min(apart.values()) >= 8
    assert {g.task for g in groups} == set(TASK_TYPES)
    assert {g.complexity for g in groups} == set(COMPLEXITIES)
    for intent in INTENTS:
        phrases = [p for g in groups if g.intent == intent for p in g.held_out]
        assert {language_of(p) for p in phrases} == {"ru", "en"}


def test_no_phrasing_that_is_scored_is_near_one_that_is_learned() -> None:
    patterns = authored.reflex_patterns()
    source = Source(patterns, 0, noise=0.0)
    learned = {phrase for g in patterns.groups for phrase in g.train}
    learned |= {source.filled(p) for p in sorted(learned) if "{" in p for _ in range(8)}
    known = [trigrams(phrase) for phrase in sorted(learned)]
    for group in patterns.groups:
        assert not learned & {*group.calibrate}
        for phrase in group.held_out:
            assert not any(near(trigrams(phrase), other) for other in known), phrase


def test_every_text_fits_cp1251() -> None:
    groups = authored.reflex_patterns().groups
    texts = [p for g in groups for p in (*g.train, *g.calibrate, *g.held_out)]
    texts += [turn for d in authored.dialogues() for turn in d.turns]
    texts += [text for f in authored.knowledge() for text in f]
    texts += [q.text for q in authored.household()]
    assert [t for t in texts if t.encode("cp1251", "replace").decode("cp1251") != t] == []


def test_the_dialogues() -> None:
    found = authored.dialogues()
    assert len(found) >= 120 and len(set(found)) == len(found)
    languages = Counter(d.language for d in found)
    assert abs(languages["ru"] - languages["en"]) <= 0.1 * len(found)
    assert {d.topic for d in found} == {"help", "weather", "explaining", "arithmetic"}


def test_the_facts() -> None:
    found = authored.knowledge()
    assert len(found) >= 60 and len({f.question for f in found}) == len(found)
    assert {f.language for f in found} == {"ru", "en"}


def test_the_household_queries() -> None:
    found = authored.household()
    assert len(found) == len({q.text for q in found}) == 200
    by_text = {q.text: q for q in found}
    for text in ("как дела", "включи свет"):
        assert by_text[text].tier == 1
    for text in ("объясни ООП", "напиши функцию"):
        assert by_text[text].tier == 2
    assert all((q.tier > 1) == (q.intent == "complex") for q in found)


SLOTS = {"thing": ("лампу",)}
GROUP = """
  - intent: greeting
    task: chat
    complexity: trivial
    train: |
      {train}
    calibrate: |
      б
    held_out: |
      {held_out}
"""
HEAD = "kind: reflex-patterns\nschema: 1\naround: {before: эй, after: друг}\ngroups:"


def patterns(train: str = "а", held_out: str = "в") -> authored.ReflexPatterns:
    text = HEAD + GROUP.format(train=train, held_out=held_out)
    return authored.read_patterns(text, SLOTS, "here")


def test_patterns_are_read() -> None:
    assert patterns("включи {thing}").groups[0].train == ("включи {thing}",)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: patterns("включи {thong}"), "slot 'thong'. Did you mean 'thing'"),
        (lambda: patterns("а", "а"), "'а' is for training and for scoring"),
        (lambda: authored.read_patterns("kind: x", SLOTS, "here"), "must say `kind: reflex-"),
        (
            lambda: authored.read_patterns(
                HEAD + GROUP.replace("greeting", "greting").format(train="а", held_out="в"),
                SLOTS,
                "here",
            ),
            "no intent 'greting'. Did you mean 'greeting'",
        ),
        (
            lambda: authored.read_dialogues(
                "kind: dialogues\nschema: 1\ngroups: [{language: ru, topic: x, dialogues: a}]", "d"
            ),
            "2 or 4 turns",
        ),
        (
            lambda: authored.read_dialogues(
                "kind: dialogues\nschema: 1\ngroups:\n- language: ru\n  topic: x\n"
                f"  dialogues: |\n    a\n    {'b' * 201}\n",
                "d",
            ),
            "at most 200 characters",
        ),
        (
            lambda: authored.read_knowledge(
                "kind: knowledge\nschema: 1\nfacts:\n"
                "- {language: ru, question: a, answer: b, fact: c}",
                "k",
            ),
            "does not hold 'b'",
        ),
        (
            lambda: authored.read_household(
                "kind: household-queries\nschema: 1\ngroups: [{tier: 4, intent: time, queries: a}]",
                "h",
            ),
            "tier must be 1, 2 or 3",
        ),
        (
            lambda: authored.read_household("kind: household-queries\nschema: 1\ngroups: 1", "h"),
            "must be a list of mappings",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(call, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        call()
