"""An answer is right if a second solver, which knows nothing but the prompt, finds the same."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from marslab.tasks.reasoning import solver_logic
from marslab.tasks.reasoning.problem import Problem
from marslab.tasks.reasoning.safe_python import LONGEST, Refused, Value, printed, value_of
from marslab.text.transliteration import transliterate


class Solution(NamedTuple):
    """The values that a right answer ends in.

    `unordered` values (the roots of an equation) may come in any order.
    """

    values: tuple[str, ...]
    unordered: bool = False


_WRAPPED = re.compile(
    r"(?:Сколько будет|Посчитай:|Реши уравнение|Реши:|Чему равно|Найди x:|Как решить"
    r"|What is|Calculate:|Solve the equation|Solve:|Find x:|How much is|How to solve"
    r"|Что выведет код:|Что выведет|Выполни:|Код:|What does this print:|What does|Run:|Code:)? ?"
    r"(.+?)(?: в Python| in Python| show)?(?:\?|=|= ?\?)?"
)
_PERCENT = re.compile(r"(\d{1,9})% (?:от|of) (\d{1,9})")
_COMPARE = re.compile(
    r"(?:Что|Which is) (больше|меньше|greater|smaller): (\d{1,12}) (?:или|or) (\d{1,12})\?"
)
_MEAN = re.compile(
    r"(?:Чему равно |Найди |What is the |Find the )?"
    r"(?:[Сс]реднее(?: чисел)?|(?:[Aa]verage|[Mm]ean) of) (-?\d{1,9}) (?:и|and) (-?\d{1,9})\??"
)
_ROOTS = re.compile(
    r"(?:Сколько|Число|How many|Number of) (?:действительных |real )?"
    r"(?:корней|решений|roots|solutions)(?: у| имеет| has| does|:)(?: уравнени[ея])? "
    r"([\dx^+\-= ]+?)(?: have)?\??"
)
_PRIZE = re.compile(r"(?:коробке|box) ((?:\d+, )*\d+ (?:или|or) \d+)\.(.*)\?$")
_TERM = re.compile(r"([+-]?)(\d{0,6})(x\^2|x|)")
_NUMBER = re.compile(r"(?<![\w)])-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")
_SUBSCRIPT = re.compile(r"\bx_?[12₁₂]\s*=")
_WORD = re.compile(r"\w+")


def solve(prompt: str) -> Solution | None:
    """Return what `prompt` asks for, worked out from its text; None if it is not understood.

    Errors:
        TypeError: `prompt` is not a str

    >>> solve("Сколько будет 37+48?")
    Solution(values=('85',), unordered=False)
    >>> solve("Solve: 3x^2 - 12x + 9 = 0")
    Solution(values=('1', '3'), unordered=True)
    >>> solve("How are you?") is None
    True
    """
    if not isinstance(prompt, str):
        raise TypeError(f"solve: prompt must be a str, got {type(prompt).__name__}")
    prompt = prompt.strip()
    if not prompt or len(prompt) > 2 * LONGEST:
        return None
    prompt = transliterate(prompt)[0]  # a user may write x² and −, the model reads x^2 and -
    return _sentences(prompt) or _formula(prompt)


def check(problem: Problem | str, text: str) -> bool:
    """Say whether the answer `text` ends in what the prompt asks for.

    The last number counts, or the last word, or as many last numbers as there are roots or items;
    if the text says `x=`, what follows the last one must be the roots and nothing else.

    Errors:
        TypeError: `text` is not a str

    >>> check("Сколько будет 37+48?", "7+8=15, 3+4+1=8, 85")
    True
    >>> check("Сколько будет 37+48?", "86"), check("Solve: x^2 - 4x + 4 = 0", "x=2, 3")
    (False, False)
    """
    if not isinstance(text, str):
        raise TypeError(f"check: text must be a str, got {type(text).__name__}")
    solution = solve(problem if isinstance(problem, str) else problem.prompt)
    return solution is not None and agrees(solution, text)


def agrees(solution: Solution, text: str) -> bool:
    """Say whether an answer ends in the values of `solution`."""
    wanted = solution.values
    if not all(re.fullmatch(r"-?\d+", value) for value in wanted):
        words = _WORD.findall(text)
        return bool(words) and words[-1].casefold() == wanted[-1].casefold()
    text = _SUBSCRIPT.sub(" ", text)
    roots = solution.unordered and "x=" in text
    found = [_plain(n) for n in _NUMBER.findall(text.rpartition("x=")[2] if roots else text)]
    last: Sequence[str] = found if roots else found[-len(wanted) :]
    if solution.unordered:
        return sorted(last) == sorted(wanted)
    return tuple(last) == wanted


def _plain(number: str) -> str:
    """The number without zeros in front; int() would refuse very long ones."""
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    digits = digits.lstrip("0") or "0"
    return digits if digits == "0" else sign + digits


def _sentences(prompt: str) -> Solution | None:
    language = "ru" if re.search("[а-яё]", prompt, re.IGNORECASE) else "en"
    if found := _COMPARE.fullmatch(prompt):
        best = max if found[1] in ("больше", "greater") else min
        return Solution((str(best(int(found[2]), int(found[3]))),))
    if found := _MEAN.fullmatch(prompt):
        half, rest = divmod(int(found[1]) + int(found[2]), 2)
        return None if rest else Solution((str(half),))
    if found := _ROOTS.fullmatch(prompt):
        return _root_count(found[1])
    if found := _PRIZE.search(prompt):
        boxes, empty = re.findall(r"\d+", found[1]), set(re.findall(r"\d+", found[2]))
        left = [box for box in boxes if box not in empty]
        return Solution((left[0],)) if len(left) == 1 else None
    for solver in (solver_logic.implication, solver_logic.order, solver_logic.syllogism):
        if (result := solver(prompt, language)) is not None:
            return Solution((result,))
    return None


def _formula(prompt: str) -> Solution | None:
    found = _WRAPPED.fullmatch(prompt)
    text = found[1].strip() if found else prompt
    if share := _PERCENT.fullmatch(text):
        part, rest = divmod(int(share[1]) * int(share[2]), 100)
        return None if rest else Solution((str(part),))
    if "x" in text and re.fullmatch(r"[\dx^+\-= ]+", text):
        return _equation(text)
    try:
        return _shown(printed(text) if "print(" in text else value_of(text))
    except Refused:
        return None


def _coefficients(text: str) -> tuple[int, int, int] | None:
    """Bring all to the left and read off a, b, c."""
    sides = text.replace(" ", "").split("=")
    if len(sides) != 2:
        return None
    powers = {"x^2": 0, "x": 0, "": 0}
    for side, sign in zip(sides, (1, -1), strict=True):
        terms = _TERM.findall(side)
        if "".join(map("".join, terms)) != side or not side:
            return None
        for minus, digits, power in terms:
            size = int(digits) if digits else int(bool(power))
            powers[power] += sign * (-size if minus == "-" else size)
    return powers["x^2"], powers["x"], powers[""]


def _equation(text: str) -> Solution | None:
    """Try every whole number."""
    found = _coefficients(text)
    if found is None:
        return None
    a, b, c = found
    if a == 0:
        return Solution((str(-c // b),)) if b and c % b == 0 else None
    return _roots(a, b, c)


def _root_count(text: str) -> Solution | None:
    """Count by the sign of b^2 - 4ac; equal roots count once."""
    found = _coefficients(text)
    if found is None or found[0] == 0:
        return None
    a, b, c = found
    square = b * b - 4 * a * c
    return Solution((str(1 + (square > 0) - (square < 0)),))


def _roots(a: int, b: int, c: int) -> Solution | None:
    # Cauchy: no root lies further out than 1 + max(|b|, |c|)/|a|; beyond 999 none is looked for.
    bound = min(999, 1 + max(abs(b), abs(c)) // abs(a))
    whole = [x for x in range(-bound, bound + 1) if a * x * x + b * x + c == 0]
    distinct = 1 if b * b == 4 * a * c else 2
    if len(whole) != distinct:
        return None
    return Solution(tuple(map(str, whole)), unordered=True)


def _shown(value: Value) -> Solution:
    if isinstance(value, list):
        return Solution(tuple(map(str, value)))
    return Solution((str(value),))
