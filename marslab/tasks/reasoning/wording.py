"""The ways a question is put, in Russian and English, with and without words."""

from random import Random

RU, EN = "ru", "en"
LANGUAGES = (RU, EN)
YES = {RU: "да", EN: "yes"}
NO = {RU: "нет", EN: "no"}
UNKNOWN = {RU: "неизвестно", EN: "unknown"}

_VALUE = {
    RU: ("{}=?", "{}=", "{}", "Сколько будет {}?", "Посчитай: {}", "Реши: {}", "Чему равно {}?"),
    EN: ("{}=?", "{}=", "{}", "What is {}?", "Calculate: {}", "Solve: {}", "How much is {}?"),
}
_EQUATION = {
    RU: ("{}", "Реши: {}", "Реши уравнение {}", "Найди x: {}", "Как решить {}?"),
    EN: ("{}", "Solve: {}", "Solve the equation {}", "Find x: {}", "How to solve {}?"),
}
_ROOTS = {
    RU: (
        "Сколько корней у {}?",
        "Сколько корней имеет уравнение {}?",
        "Сколько действительных корней у {}?",
        "Сколько решений имеет {}?",
        "Число корней: {}",
    ),
    EN: (
        "How many roots has {}?",
        "How many roots does {} have?",
        "How many real roots has {}?",
        "How many solutions has {}?",
        "Number of roots: {}",
    ),
}
_MEAN = {
    RU: (
        "Среднее чисел {} и {}?",
        "Среднее {} и {}?",
        "Чему равно среднее чисел {} и {}?",
        "Найди среднее чисел {} и {}",
    ),
    EN: (
        "Average of {} and {}?",
        "Mean of {} and {}?",
        "What is the average of {} and {}?",
        "Find the mean of {} and {}",
    ),
}
_CODE = {
    RU: ("print({})", "Что выведет print({})?", "Чему равно {} в Python?", "Код: print({})"),
    EN: ("print({})", "What does print({}) show?", "What is {} in Python?", "Code: print({})"),
}
_LINES = {
    RU: ("{}", "Что выведет код: {}", "Выполни: {}", "Код: {}"),
    EN: ("{}", "What does this print: {}", "Run: {}", "Code: {}"),
}


def value(rng: Random, language: str, left: object, sign: str, right: object) -> str:
    """Return a question about `left sign right`, now and then with spaces around the sign."""
    gap = " " if rng.random() < 0.2 else ""
    return rng.choice(_VALUE[language]).format(f"{left}{gap}{sign}{gap}{right}")


def phrase(rng: Random, language: str, text: str) -> str:
    """Return a question about the value of a phrase such as `20% of 150`."""
    return rng.choice(_VALUE[language]).format(text)


def equation(rng: Random, language: str, text: str) -> str:
    """Return a question about an equation; half of them without spaces."""
    text = _tight(rng, text)
    return rng.choice(_EQUATION[language]).format(text)


def roots(rng: Random, language: str, text: str) -> str:
    """Return a question about how many roots an equation has; half of them without spaces."""
    text = _tight(rng, text)
    return rng.choice(_ROOTS[language]).format(text)


def mean(rng: Random, language: str, a: int, b: int) -> str:
    """Return a question about the mean of two numbers, in words or as `(-26+4)/2=?`."""
    if rng.random() < 0.4:
        return phrase(rng, language, f"({a}{b:+d})/2")
    return rng.choice(_MEAN[language]).format(a, b)


def expression(rng: Random, language: str, text: str) -> str:
    """Return a question about what a Python expression is."""
    return rng.choice(_CODE[language]).format(text)


def program(rng: Random, language: str, text: str) -> str:
    """Return a question about what some statements print."""
    return rng.choice(_LINES[language]).format(text)


def _tight(rng: Random, text: str) -> str:
    return text if rng.random() < 0.5 else text.replace(" ", "")
