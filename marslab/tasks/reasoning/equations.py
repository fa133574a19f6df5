"""Linear and quadratic equations with whole roots, solved in steps."""

from random import Random

from marslab.tasks.reasoning import wording
from marslab.tasks.reasoning.problem import Draft


def term(coefficient: int, name: str) -> str:
    """Return `3x`, `x` or `-x`.

    >>> term(3, "x"), term(-1, "x"), term(4, "")
    ('3x', '-x', '4')
    """
    if not name or abs(coefficient) != 1:
        return f"{coefficient}{name}"
    return name if coefficient == 1 else f"-{name}"


def polynomial(*parts: tuple[int, str]) -> str:
    """Return a sum of terms with spaces around the signs; terms of zero are left out.

    >>> polynomial((3, "x^2"), (-12, "x"), (9, ""))
    '3x^2 - 12x + 9'
    """
    text = ""
    for coefficient, name in parts:
        if coefficient and not text:
            text = term(coefficient, name)
        elif coefficient:
            text += f" {'-' if coefficient < 0 else '+'} {term(abs(coefficient), name)}"
    return text or "0"


def linear(rng: Random, language: str, level: int) -> Draft:
    """Make ax + b = c (level 3: ax + b = cx + d): `3x=15-6=9, x=9/3=3`."""
    x = rng.randint(1, 12) if level < 3 else rng.randint(-12, 12)
    a = 1 if level == 1 else rng.randint(2, 9)
    b = rng.choice((-1, 1)) * rng.randint(1, (20, 30, 40)[level - 1])
    other = 0 if level < 3 else rng.randint(1, a - 1)
    d = (a - other) * x + b
    left, right = polynomial((a, "x"), (b, "")), polynomial((other, "x"), (d, ""))
    slope = a - other
    moved = f"{d}{'-' if b > 0 else '+'}{abs(b)}={d - b}"
    answer = f"{term(slope, 'x')}={moved}"
    if other:
        answer = f"{a}-{other}={slope}, {answer}"
    if slope != 1:
        answer += f", x={d - b}/{slope}={x}"
    prompt = wording.equation(rng, language, f"{left} = {right}")
    return Draft(f"linear:{a},{b},{other},{d}", prompt, answer, str(x))


def quadratic(rng: Random, language: str, level: int) -> Draft:
    """Make a(x - p)(x - q) = 0, multiplied out.

    The common factor goes first, then the discriminant, then the roots, the greater one first:
    `x^2-4x+3=0; D=4*4-4*3=16-12=4=2*2; (4+2)/2=3; (4-2)/2=1; x=3, 1`.

    Source:
        design, the walkthrough of `3x^2 - 12x + 9 = 0`. The content is the pair of roots, so that
        no multiple of a held-out equation trains.
    """
    low, high = ((1, 6), (-9, 9), (-15, 15))[level - 1]
    p, q = rng.randint(low, high) or 1, rng.randint(low, high) or 2
    p, q = max(p, q), min(p, q)
    a = rng.choice((1, 1, rng.randint(2, 9)))
    b, c = -(p + q), p * q
    reduced = polynomial((1, "x^2"), (b, "x"), (c, ""))
    equation = polynomial((a, "x^2"), (a * b, "x"), (a * c, ""))
    prompt = wording.equation(rng, language, f"{equation} = 0")
    steps = [] if a == 1 else [f"{reduced.replace(' ', '')}=0"]
    answer = "; ".join([*steps, *_root_steps(p, q)])
    result = f"{p}, {q}" if p != q else f"{p}"
    return Draft(f"quadratic:{q},{p}", prompt, answer, result)


def _root_steps(p: int, q: int) -> list[str]:
    b, c, root = p + q, p * q, p - q
    square = f"{abs(b)}*{abs(b)}{'-' if c > 0 else '+'}4*{abs(c)}"
    numbers = f"{b * b}{'-' if c > 0 else '+'}{4 * abs(c)}"
    found = f"D={square}={numbers}={root * root}"
    if not root:
        return [found, f"{b}/2={p}", f"x={p}"]
    halves = [f"({b}+{root})/2={p}", f"({b}-{root})/2={q}"]
    return [f"{found}={root}*{root}", *halves, f"x={p}, {q}"]
