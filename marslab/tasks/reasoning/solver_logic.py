"""Logic worked out from the sentences alone: by search through an order, or through all models."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from typing import Literal

Verdict = Literal["yes", "no", "unknown"]
WORDS: dict[str, dict[Verdict, str]] = {
    "ru": {"yes": "да", "no": "нет", "unknown": "неизвестно"},
    "en": {"yes": "yes", "no": "no", "unknown": "unknown"},
}

# Each comparative with the one that says the opposite; the first of a pair means "more".
_OPPOSITES = {
    "выше": "ниже", "старше": "младше", "быстрее": "медленнее", "сильнее": "слабее",
    "taller": "shorter", "older": "younger", "faster": "slower", "stronger": "weaker",
}  # fmt: skip
_TOLD = re.compile(r"(\w+)(?: is)? (\w+)(?:, чем| than) (\w+)\.")
_ASKED = re.compile(r"(?:Is )?(\w+) (\w+)(?:, чем| than) (\w+)\?$")
_MOST = re.compile(r"(?:Кто (\w+) всех|Who is the (\w+?)est)\?$")

_IF = re.compile(r"(?:Если|If) (\w),?(?: то| then) (\w)\.")
_FACT = re.compile(r"(\w)(?: is)? (верно|неверно|true|false)\.")
_CLAIM = re.compile(r"(?:(\w) верно|Is (\w) true)\?$")

_PREMISES: tuple[tuple[str, str], ...] = (
    (r"(?:Все (\w+) -|All (\w+) are) (\w+)", "all"),
    (r"(?:Ни один (\w+) не|No (\w+) are) (\w+)", "no"),
    (r"(?:Некоторые (\w+) -|Some (\w+) are) (\w+)", "some"),
    (r"(?:(\w+) - не|(\w+) is not a) (\w+)", "not"),
    (r"(?:(\w+) -|(\w+) is a) (\w+)", "is"),
)
_QUESTIONS = (
    (r"Are all (\w+) (\w+)", "all"),
    (r"Are some (\w+) (\w+)", "some"),
    (r"Is (\w+) a (\w+)", "is"),
)


def order(prompt: str, language: str) -> str | None:
    """Return who is first or last, or whether one is above another; None if nothing is asked."""
    above: dict[str, set[str]] = {}
    for a, word, b in _TOLD.findall(prompt):
        high, low = (a, b) if word in _OPPOSITES else (b, a)
        above.setdefault(high, set()).add(low)
        above.setdefault(low, set())
    if not above:
        return None
    below = {name: _reachable(above, name) for name in above}
    if asked := _ASKED.search(prompt):
        a, word, b = asked.groups()
        if word not in _OPPOSITES:
            a, b = b, a
        verdict = "yes" if b in below.get(a, ()) else "no" if a in below.get(b, ()) else "unknown"
        return WORDS[language][verdict]
    most = _MOST.search(prompt)
    if most is None:
        return None
    word = most[1] or f"{most[2]}er"
    others = len(above) - 1
    if word in _OPPOSITES:
        return next((name for name, lower in below.items() if len(lower) == others), None)
    counts = {name: sum(name in lower for lower in below.values()) for name in below}
    return next((name for name, higher in counts.items() if higher == others), None)


def implication(prompt: str, language: str) -> str | None:
    """Return what a chain of ifs says about a letter, by trying all truth values."""
    rules, facts = _IF.findall(prompt), _FACT.findall(prompt)
    claim = _CLAIM.search(prompt)
    if not rules or not facts or claim is None:
        return None
    asked = claim[1] or claim[2]
    letters = sorted(
        {letter for rule in rules for letter in rule} | {f[0] for f in facts} | {asked}
    )
    if len(letters) > 10:
        return None
    seen = set()
    for values in product((False, True), repeat=len(letters)):
        truth = dict(zip(letters, values, strict=True))
        if all(truth[b] or not truth[a] for a, b in rules) and all(
            truth[letter] == (word in ("верно", "true")) for letter, word in facts
        ):
            seen.add(truth[asked])
    return WORDS[language][_verdict(seen)] if seen else None


def syllogism(prompt: str, language: str) -> str | None:
    """Return whether a conclusion about up to three classes and one being follows."""
    *told, asked = re.findall(r"[^.?]+[.?]", prompt) or [""]
    if not told or not asked.endswith("?"):
        return None
    premises = [_premise(sentence.strip(" ."), _PREMISES) for sentence in told]
    question = _premise(asked.strip(" ?"), (*_QUESTIONS, *_PREMISES))
    letters: dict[str, str] = {}
    short = []
    for found in (*premises, question):
        if found is None:
            return None
        verb, a, b = found
        one = "t" if verb in ("is", "not") else letters.setdefault(_stem(a), f"{len(letters)}")
        short.append((verb, one, letters.setdefault(_stem(b), f"{len(letters)}")))
    if len(letters) > 3:
        return None
    verdict = _follows(tuple(short[:-1]), short[-1])
    return None if verdict is None else WORDS[language][verdict]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found, waiting = set(), [start]
    while waiting:
        fresh = graph[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found


def _verdict(seen: set[bool]) -> Verdict:
    if len(seen) == 2:
        return "unknown"
    return "yes" if seen == {True} else "no"


def _premise(sentence: str, forms: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    for pattern, verb in forms:
        if found := re.fullmatch(pattern, sentence):
            words = [word for word in found.groups() if word]
            return verb, words[0], words[1]
    return None


def _stem(word: str) -> str:
    return re.sub(r"[иыs]$", "", word.lower())


@cache
def _follows(
    premises: tuple[tuple[str, str, str], ...], question: tuple[str, str, str]
) -> Verdict | None:
    """Try every way to fill the eight regions of three classes, and every region for the being."""
    regions = list(product((False, True), repeat=3))
    tests = [_holds(*premise) for premise in premises]
    asked = _holds(*question)
    seen = set()
    for filled in product((False, True), repeat=len(regions)):
        world = [region for region, there in zip(regions, filled, strict=True) if there]
        for being in world:
            if all(test(world, being) for test in tests):
                seen.add(asked(world, being))
    return _verdict(seen) if seen else None


Region = tuple[bool, ...]


def _holds(verb: str, one: str, other: str) -> Callable[[list[Region], Region], bool]:
    b = int(other)
    if one == "t":
        return lambda world, being: being[b] == (verb == "is")
    a = int(one)
    if verb == "all":
        return lambda world, being: all(region[b] for region in world if region[a])
    some = verb == "some"
    return lambda world, being: any(region[a] and region[b] for region in world) == some
