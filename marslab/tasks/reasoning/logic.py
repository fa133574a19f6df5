"""Who is taller, what follows from an if, where the prize is: order, implication, elimination."""

from random import Random

from marslab.tasks.reasoning.problem import Draft
from marslab.tasks.reasoning.wording import NO, UNKNOWN, YES

PEOPLE = {
    "ru": "Аня Боря Вера Глеб Дима Ева Жора Зоя Иван Катя Лиза Миша Нина Олег Рома Юра".split(),
    "en": "Anna Bob Vera Glen Dima Eve Gus Zoe Ivan Kate Liza Mike Nina Oleg Roma Yuri".split(),
}
# For each measure: more, less.
MEASURES = {
    "ru": (
        ("выше", "ниже"),
        ("старше", "младше"),
        ("быстрее", "медленнее"),
        ("сильнее", "слабее"),
    ),
    "en": (
        ("taller", "shorter"),
        ("older", "younger"),
        ("faster", "slower"),
        ("stronger", "weaker"),
    ),
}
_LETTERS = "ABCDEFGHKLMNPQRSTUVWXYZ"


def superlative(comparative: str) -> str:
    """Return the English superlative of a comparative in -er.

    >>> superlative("taller")
    'tallest'
    """
    return comparative.removesuffix("er") + "est"


def order(rng: Random, language: str, level: int) -> Draft:
    """Put people in a row by pairs: `Аня > Боря > Вера; Аня`."""
    count = 4 if level == 3 else 3
    chosen = rng.sample(range(len(PEOPLE["ru"])), count)
    measure = rng.randrange(len(MEASURES["ru"]))
    names = [PEOPLE[language][i] for i in chosen]
    # A fork says that one is above two others, and nothing about those two.
    fork = level > 1 and rng.random() < 0.25
    pairs = [(0, 1), (0, 2)] if fork else [(i, i + 1) for i in range(count - 1)]
    words = MEASURES[language][measure]
    told = [_statement(rng, language, (names[a], names[b]), words) for a, b in pairs]
    rng.shuffle(told)
    chain = ", ".join(f"{names[a]} > {names[b]}" for a, b in pairs) if fork else " > ".join(names)
    if level == 1 or (not fork and rng.random() < 0.5):
        top = rng.random() < 0.5
        question, result = _extreme(language, words[0 if top else 1]), names[0 if top else -1]
    else:
        question, result = _pair_question(rng, language, (names, words), fork)
    key = f"order:{measure}:{'fork' if fork else 'row'}:{','.join(map(str, chosen))}"
    return Draft(key, " ".join([*told, question]), f"{chain}; {result}", result)


def _statement(rng: Random, language: str, pair: tuple[str, str], words: tuple[str, str]) -> str:
    more, less = words
    (a, b), word = (pair, more) if rng.random() < 0.6 else (pair[::-1], less)
    return f"{a} {word}, чем {b}." if language == "ru" else f"{a} is {word} than {b}."


def _extreme(language: str, word: str) -> str:
    return f"Кто {word} всех?" if language == "ru" else f"Who is the {superlative(word)}?"


def _pair_question(
    rng: Random, language: str, people: tuple[list[str], tuple[str, str]], fork: bool
) -> tuple[str, str]:
    """A question about two that no premise names together, and its answer."""
    names, (more, less) = people
    low, high = (1, 2) if fork else sorted(rng.sample((0, *range(2, len(names))), 2))
    forward, word = rng.random() < 0.5, rng.choice((more, less))
    a, b = (names[low], names[high]) if forward else (names[high], names[low])
    ask = f"{a} {word}, чем {b}?" if language == "ru" else f"Is {a} {word} than {b}?"
    if fork:
        return ask, UNKNOWN[language]
    return ask, (YES if forward == (word == more) else NO)[language]


def implication(rng: Random, language: str, level: int) -> Draft:
    """Follow a chain of ifs forwards (yes), backwards from false (no), or not at all (unknown)."""
    letters = rng.sample(_LETTERS, level + 1)
    kind = rng.choice(("forward", "backward", "converse", "inverse"))
    first, last = letters[0], letters[-1]
    pairs = list(zip(letters, letters[1:], strict=False))
    rules = [f"Если {a}, то {b}." if language == "ru" else f"If {a} then {b}." for a, b in pairs]
    rng.shuffle(rules)
    known, asked = (first, last) if kind in ("forward", "inverse") else (last, first)
    holds = kind in ("forward", "converse")
    if language == "ru":
        told = f"{known} {'верно' if holds else 'неверно'}. {asked} верно?"
    else:
        told = f"{known} is {'true' if holds else 'false'}. Is {asked} true?"
    chain = " -> ".join(letters)
    if kind == "forward":
        answer, result = chain, YES[language]
    elif kind == "backward":
        answer, result = " -> ".join(f"!{letter}" for letter in reversed(letters)), NO[language]
    else:
        answer, result = f"{chain}, {'' if holds else '!'}{known} -/->", UNKNOWN[language]
    key = f"implication:{''.join(letters)}"
    return Draft(key, " ".join([*rules, told]), f"{answer}; {result}", result)


def elimination(rng: Random, language: str, level: int) -> Draft:
    """Strike out boxes until one is left: `-12, -85; 47`."""
    boxes = rng.sample(range(1, 100), level + 2)
    result = rng.choice(boxes)
    empty = [box for box in boxes if box != result]
    rng.shuffle(empty)
    if language == "ru":
        listed = ", ".join(map(str, boxes[:-1])) + f" или {boxes[-1]}"
        told = " ".join(f"Не в {box}." for box in empty)
        prompt = f"Приз в коробке {listed}. {told} Где приз?"
    else:
        listed = ", ".join(map(str, boxes[:-1])) + f" or {boxes[-1]}"
        told = " ".join(f"Not in {box}." for box in empty)
        prompt = f"The prize is in box {listed}. {told} Where is the prize?"
    key = f"elimination:{result}:{','.join(map(str, sorted(empty)))}"
    answer = ", ".join(f"-{box}" for box in empty)
    return Draft(key, prompt, f"{answer}; {result}", str(result))
