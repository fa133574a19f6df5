"""Syllogisms about classes that do not exist, so that only the premises can answer."""

from random import Random
from typing import NamedTuple

from marslab.tasks.reasoning.problem import Draft
from marslab.tasks.reasoning.wording import NO, UNKNOWN, YES

# One of them in Russian, several in Russian, one in English (several: + s).
CLASSES = (
    ("глок", "глоки", "glok"), ("штек", "штеки", "shtek"), ("тарм", "тармы", "tarm"),
    ("бокр", "бокры", "bokr"), ("куздр", "куздры", "kuzdr"), ("ворп", "ворпы", "vorp"),
    ("мюмз", "мюмзы", "mumz"), ("дрим", "дримы", "drim"), ("плюк", "плюки", "pluk"),
    ("хрум", "хрумы", "hrum"), ("зяб", "зябы", "zyab"), ("нурк", "нурки", "nurk"),
    ("фирт", "фирты", "firt"), ("гамр", "гамры", "gamr"), ("лопт", "лопты", "lopt"),
    ("спук", "спуки", "spuk"), ("квирл", "квирлы", "kvirl"), ("жмурд", "жмурды", "zhmurd"),
    ("сепул", "сепулы", "sepul"), ("варк", "варки", "vark"),
)  # fmt: skip
ONE = {"ru": ("Тим", "Рик", "Ло", "Нэд"), "en": ("Tim", "Rick", "Lo", "Ned")}


class Form(NamedTuple):
    """Premises, question, steps and answer; A, B, C are classes, t is one being."""

    premises: tuple[str, ...]
    question: str
    steps: str
    answer: dict[str, str]


FORMS = {
    1: (
        Form(("all A B", "is t A"), "is t B", "t -> A -> B", YES),
        Form(("all A B", "not t B"), "is t A", "t -| B, A -> B", NO),
        Form(("no A B", "is t A"), "is t B", "t -> A -| B", NO),
        Form(("all A B", "is t B"), "is t A", "t -> B <- A", UNKNOWN),
        Form(("some A B", "is t A"), "is t B", "t -> A ~ B", UNKNOWN),
        Form(("some A B",), "some B A", "A ~ B", YES),
    ),
    2: (
        Form(("all A B", "all B C"), "all A C", "A -> B -> C", YES),
        Form(("all A B", "no B C"), "some A C", "A -> B -| C", NO),
        Form(("some A B", "all B C"), "some A C", "A ~ B -> C", YES),
        Form(("all A B", "all C B"), "all A C", "A -> B <- C", UNKNOWN),
        Form(("some A B", "some B C"), "some A C", "A ~ B ~ C", UNKNOWN),
        Form(("all A B", "no C B"), "some A C", "A -> B |- C", NO),
    ),
    3: (
        Form(("all A B", "all B C", "is t A"), "is t C", "t -> A -> B -> C", YES),
        Form(("all A B", "all B C", "not t C"), "is t A", "t -| C, A -> B -> C", NO),
        Form(("all A B", "no B C", "is t A"), "is t C", "t -> A -> B -| C", NO),
        Form(("all A B", "all B C", "is t C"), "is t A", "t -> C <- B <- A", UNKNOWN),
        Form(("all A B", "some B C", "is t A"), "is t C", "t -> A -> B ~ C", UNKNOWN),
        Form(("all A C", "all B C", "is t B"), "is t C", "t -> B -> C", YES),
    ),
}


def syllogism(rng: Random, language: str, level: int) -> Draft:
    """Draw a conclusion about classes, or say that there is none: `глоки -> штеки; да`."""
    chosen = rng.sample(range(len(CLASSES)), 3)
    form = rng.choice(FORMS[level])
    name = rng.choice(ONE[language])
    premises = list(form.premises)
    rng.shuffle(premises)
    meaning = dict(zip("ABC", chosen, strict=True))
    told = [_sentence(language, p, meaning, name) + "." for p in premises]
    asked = _question(language, form.question, meaning, name)
    steps = " ".join(_short(language, word, meaning, name) for word in form.steps.split(" "))
    used = [meaning[letter] for letter in "ABC" if letter in "".join(form.premises)]
    kind = f"{level}.{FORMS[level].index(form)}"
    key = f"syllogism:{kind}:{','.join(map(str, used))}"
    result = form.answer[language]
    return Draft(key, " ".join([*told, asked]), f"{steps}; {result}", result)


def _sentence(language: str, premise: str, meaning: dict[str, int], name: str) -> str:
    verb, a, b = premise.split()
    one = name if a == "t" else CLASSES[meaning[a]][0 if language == "ru" else 2]
    (ru_b, ru_bs, en_b) = CLASSES[meaning[b]]
    if verb in ("is", "not"):
        if language == "ru":
            return f"{one} - {'не ' if verb == 'not' else ''}{ru_b}"
        return f"{one} is {'not ' if verb == 'not' else ''}a {en_b}"
    if language == "en":
        return f"{verb.capitalize()} {one}s are {en_b}s"
    if verb == "no":
        return f"Ни один {one} не {ru_b}"
    return f"{'Все' if verb == 'all' else 'Некоторые'} {CLASSES[meaning[a]][1]} - {ru_bs}"


def _question(language: str, premise: str, meaning: dict[str, int], name: str) -> str:
    sentence = _sentence(language, premise, meaning, name)
    if language == "ru":
        return f"{sentence}?"
    verb, a, b = premise.split()
    if a == "t":
        return f"Is {name} a {CLASSES[meaning[b]][2]}?"
    return f"Are {verb} {CLASSES[meaning[a]][2]}s {CLASSES[meaning[b]][2]}s?"


def _short(language: str, word: str, meaning: dict[str, int], name: str) -> str:
    letter, comma = word.rstrip(","), "," if word.endswith(",") else ""
    if letter == "t":
        return name + comma
    if letter in meaning:
        return CLASSES[meaning[letter]][0 if language == "ru" else 2] + comma
    return word
