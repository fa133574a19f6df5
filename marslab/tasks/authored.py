"""The project's own texts: reflex patterns, dialogues, facts and household queries."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from marslab.errors import UserError, unknown
from marslab.systems.tars.reflex import COMPLEXITIES, INTENTS, TASK_TYPES
from marslab.tasks.authored_fields import head, items, lines, mapping, one_of, string

LANGUAGES = ("ru", "en")
TIERS = (1, 2, 3)
LONGEST_ANSWER = 200  # characters


class PatternGroup(NamedTuple):
    """Phrases of one intent, task type and complexity; those of `train` may hold {slots}.

    `calibrate` phrasings set the temperatures, `held_out` ones are scored; neither is learned from.
    """

    intent: str
    task: str
    complexity: str
    train: tuple[str, ...]
    calibrate: tuple[str, ...]
    held_out: tuple[str, ...]


class ReflexPatterns(NamedTuple):
    """All groups, what fills a slot, and words that may stand around a phrase."""

    groups: tuple[PatternGroup, ...]
    slots: dict[str, tuple[str, ...]]
    before: tuple[str, ...]
    after: tuple[str, ...]


class Dialogue(NamedTuple):
    """Turns alternate between the person and TARS; the person begins."""

    language: str
    topic: str
    turns: tuple[str, ...]


class Fact(NamedTuple):
    """A sentence, a question that it answers, and the words that an answer must contain."""

    language: str
    question: str
    answer: str
    fact: str


class HouseholdQuery(NamedTuple):
    """What is said at home, with the tier that should answer: 1 reflex, 2 brain, 3 pool too."""

    text: str
    tier: int
    intent: str


def reflex_patterns() -> ReflexPatterns:
    """Return the patterns that ReflexCore learns from.

    Errors:
        UserError: the file is damaged

    >>> patterns = reflex_patterns()
    >>> sum(len(group.train) for group in patterns.groups) >= 220
    True
    """
    slots = read_slots(_shipped("reflex_words"), "texts/reflex_words.yaml")
    return read_patterns(_shipped("reflex"), slots, "texts/reflex.yaml")


def read_slots(text: str, where: str) -> dict[str, tuple[str, ...]]:
    """Return the words of each slot of a YAML text.

    Errors:
        UserError: a slot has no words
    """
    told = head(text, where, "reflex-words")
    return {str(k): lines(v, f"{where}: slot {k}") for k, v in mapping(told, "slots", where)}


def read_patterns(text: str, slots: dict[str, tuple[str, ...]], where: str) -> ReflexPatterns:
    """Return the patterns of a YAML text, whose phrases use these slots.

    Errors:
        UserError: a field is missing, a name is unknown, a phrase stands in two groups, or is both
            learned from and scored
    """
    told = head(text, where, "reflex-patterns")
    around = dict(mapping(told, "around", where))
    before, after = (lines(around.get(k), f"{where}: around.{k}") for k in ("before", "after"))
    groups = tuple(_group(g, f"{where}: group {at}") for at, g in items(told, "groups", where))
    _no_unknown_slots(groups, slots, where)
    _no_contradiction(groups, where)
    return ReflexPatterns(groups, slots, before, after)


def dialogues() -> list[Dialogue]:
    """Return the authored dialogues, Russian and English.

    Errors:
        UserError: the file is damaged

    >>> dialogues()[0].turns[0]
    'Чем ты можешь помочь?'
    """
    return read_dialogues(_shipped("dialogues"), "texts/dialogues.yaml")


def read_dialogues(text: str, where: str) -> list[Dialogue]:
    """Return the dialogues of a YAML text: lines are turns, an empty line ends a dialogue.

    Errors:
        UserError: a field is missing, a dialogue has no answer to its last turn, an answer is
            longer than 200 characters
    """
    found = []
    for at, group in items(head(text, where, "dialogues"), "groups", where):
        here = f"{where}: group {at}"
        language = one_of(group, "language", LANGUAGES, here)
        topic, body = (string(group, name, here) for name in ("topic", "dialogues"))
        for part in body.strip().split("\n\n"):
            turns = tuple(line.strip() for line in part.splitlines() if line.strip())
            if len(turns) not in (2, 4):
                raise UserError(f"{here}: a dialogue must have 2 or 4 turns, got {list(turns)}")
            for answer in turns[1::2]:
                if len(answer) > LONGEST_ANSWER:
                    raise UserError(
                        f"{here}: an answer must have at most {LONGEST_ANSWER} characters, "
                        f"{answer[:40]!r}... has {len(answer)}"
                    )
            found.append(Dialogue(language, topic, turns))
    return found


def knowledge() -> list[Fact]:
    """Return the authored facts, each with a question.

    Errors:
        UserError: the file is damaged

    >>> knowledge()[0].answer
    '365'
    """
    return read_knowledge(_shipped("knowledge"), "texts/knowledge.yaml")


def read_knowledge(text: str, where: str) -> list[Fact]:
    """Return the facts of a YAML text.

    Errors:
        UserError: a field is missing, or the fact does not hold its own answer
    """
    found = []
    for at, item in items(head(text, where, "knowledge"), "facts", where):
        here = f"{where}: fact {at}"
        language = one_of(item, "language", LANGUAGES, here)
        fact = Fact(language, *(string(item, k, here) for k in ("question", "answer", "fact")))
        if fact.answer.lower() not in fact.fact.lower():
            raise UserError(f"{here}: the fact {fact.fact!r} does not hold {fact.answer!r}")
        found.append(fact)
    return found


def household() -> list[HouseholdQuery]:
    """Return 200 household queries with the tier that should answer each.

    Errors:
        UserError: the file is damaged

    >>> len(household())
    200
    """
    return read_household(_shipped("household"), "texts/household.yaml")


def read_household(text: str, where: str) -> list[HouseholdQuery]:
    """Return the queries of a YAML text.

    Errors:
        UserError: a field is missing, or no such tier or intent
    """
    found = []
    for at, group in items(head(text, where, "household-queries"), "groups", where):
        here = f"{where}: group {at}"
        tier, intent = group.get("tier"), one_of(group, "intent", INTENTS, here)
        if tier not in TIERS:
            raise UserError(f"{here}: tier must be 1, 2 or 3, got {tier!r}")
        queries = lines(group.get("queries"), f"{here}: queries")
        found += [HouseholdQuery(query, tier, intent) for query in queries]
    return found


def _shipped(name: str) -> str:
    return (files("marslab.data") / "texts" / f"{name}.yaml").read_text(encoding="utf-8")


def _group(item: dict[str, Any], where: str) -> PatternGroup:
    return PatternGroup(
        one_of(item, "intent", INTENTS, where),
        one_of(item, "task", TASK_TYPES, where),
        one_of(item, "complexity", COMPLEXITIES, where),
        *(lines(item.get(k), f"{where}: {k}") for k in ("train", "calibrate", "held_out")),
    )


def slots_of(phrase: str) -> list[str]:
    """Return the names of the {slots} of a phrase.

    >>> slots_of("{n} plus {m}")
    ['n', 'm']
    """
    return [part.partition("}")[0] for part in phrase.split("{")[1:]]


def _no_unknown_slots(
    groups: Sequence[PatternGroup], slots: dict[str, tuple[str, ...]], where: str
) -> None:
    known = [*slots, "n", "nn", "m"]
    for name in (n for g in groups for phrase in g.train for n in slots_of(phrase)):
        if name not in known:
            raise UserError(f"{where}: {unknown('slot', name, known)}")


def _no_contradiction(groups: Sequence[PatternGroup], where: str) -> None:
    label: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for phrase in (*group.train, *group.calibrate, *group.held_out):
            if label.setdefault(phrase, group[:3]) != group[:3]:
                raise UserError(f"{where}: {phrase!r} stands in two groups")
    trained = {phrase for group in groups for phrase in group.train}
    apart = [phrase for g in groups for phrase in (*g.calibrate, *g.held_out)]
    both = [p for at, p in enumerate(apart) if p in trained or p in apart[:at]]
    if both:
        raise UserError(f"{where}: {both[0]!r} is for training and for scoring, or stands twice")
