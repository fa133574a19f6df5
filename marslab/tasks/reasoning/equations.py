"""Linear and quadratic equations solved in steps, and two parts of such a solution alone.

The parts are the discriminant (how many roots) and half a sum (the mean of two numbers).
"""

from math import isqrt
from random import Random

from marslab.tasks.reasoning import wording
from marslab.tasks.reasoning.arithmetic import difference_steps, sum_steps
from marslab.tasks.reasoning.problem import Draft

# By level: the roots that are whole, the sums of two roots, the sizes of two numbers with a mean.
_ROOTS = ((1, 6), (-9, 9), (-15, 15))
_SUMS = ((-6, 12), (-18, 18), (-30, 30))
_SIZES = (12, 18, 60)


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
    """Make ax + b = c (level 3: ax + b = cx + d): `3x=15-6: 15-6=9, 1-1-0=0, 9, x=9/3=3`."""
    x = rng.randint(1, 12) if level < 3 else rng.randint(-12, 12)
    a = 1 if level == 1 else rng.randint(2, 9)
    b = rng.choice((-1, 1)) * rng.randint(1, (20, 30, 40)[level - 1])
    other = 0 if level < 3 else rng.randint(1, a - 1)
    d = (a - other) * x + b
    left, right = polynomial((a, "x"), (b, "")), polynomial((other, "x"), (d, ""))
    slope = a - other
    answer = f"{term(slope, 'x')}={_sum(d, -b)}"
    if other:
        answer = f"{a}-{other}={slope}, {answer}"
    if slope != 1:
        answer += f", x={d - b}/{slope}={x}"
    prompt = wording.equation(rng, language, f"{left} = {right}")
    return Draft(f"linear:{a},{b},{other},{d}", prompt, answer, str(x))


def quadratic(rng: Random, language: str, level: int) -> Draft:
    """Make a(x - p)(x - q) = 0, multiplied out.

    The common factor goes first, then the discriminant, then the roots, the greater one first:
    `x^2-4x+3=0;D=4*4-4*3=16-12: 6-2=4, 1-1=0, 4=2*2;4+2: 4+2=6, 6, 6/2=3;4-2: 4-2=2, 2, 2/2=1;`
    `x=3, 1`. No space follows a semicolon: so all but one in two thousand fit into 192 bytes with
    their prompts.

    Source:
        design, the walkthrough of `3x^2 - 12x + 9 = 0`. The content is the pair of roots, so that
        no multiple of a held-out equation trains.
    """
    low, high = _ROOTS[level - 1]
    p, q = rng.randint(low, high) or 1, rng.randint(low, high) or 2
    p, q = max(p, q), min(p, q)
    equation, steps = _multiplied(rng, p + q, p * q)
    answer = ";".join([*steps, *_root_steps(p, q)])
    result = f"{p}, {q}" if p != q else f"{p}"
    return Draft(_pair_key(p, q), wording.equation(rng, language, equation), answer, result)


def roots(rng: Random, language: str, level: int) -> Draft:
    """Ask how many real roots a quadratic has, equal ones counted once.

    `x^2-6x+5=0;D=6*6-4*5=36-20: 6-0=6, 3-2=1, 16;D>0, 2`. A third has whole roots (of these a
    third equal ones), a third others, a third none. The content of the first third is the pair of
    roots, so that what `quadratic` holds out is held out here as well.
    """
    kind = rng.randrange(3)
    if kind == 0:
        low, high = _ROOTS[level - 1]
        p, q = rng.randint(low, high), rng.randint(low, high)
        p = q if rng.randrange(3) == 0 else p
        total, product, key = p + q, p * q, _pair_key(p, q)
    else:
        total, product = _without_whole_roots(rng, level, real=kind == 1)
        key = f"roots:{-total},{product}"
    equation, steps = _multiplied(rng, total, product)
    square = total * total - 4 * product
    sign, count = ("<", 0) if square < 0 else (">", 2) if square else ("=", 1)
    answer = ";".join([*steps, _discriminant(total, product), f"D{sign}0, {count}"])
    return Draft(key, wording.roots(rng, language, equation), answer, str(count))


def mean(rng: Random, language: str, level: int) -> Draft:
    """Ask for the mean of two whole numbers: `-26+4: 6-4=2, 2-0=2, -22, -22/2=-11`.

    A root of a quadratic is such a mean. So the content of a and b is the pair (a+b)/2, (a-b)/2,
    the roots that this step belongs to: no mean trains that is a step of a held-out quadratic.
    """
    size = _SIZES[level - 1]
    a = rng.randint(-size, size)
    b = rng.randrange(-size + a % 2, size + 1, 2)  # the size is even, so b is even if a is
    half, other = (a + b) // 2, (a - b) // 2
    prompt = wording.mean(rng, language, a, b)
    return Draft(_pair_key(half, other), prompt, _half_sum(a, b), str(half))


def _pair_key(p: int, q: int) -> str:
    return f"quadratic:{min(p, q)},{max(p, q)}"


def _multiplied(rng: Random, total: int, product: int) -> tuple[str, list[str]]:
    """Multiply x^2 - total x + product = 0 by some number; the first step takes it out again."""
    a = rng.choice((1, 1, rng.randint(2, 9)))
    equation = polynomial((a, "x^2"), (-a * total, "x"), (a * product, ""))
    reduced = polynomial((1, "x^2"), (-total, "x"), (product, ""))
    return f"{equation} = 0", [] if a == 1 else [f"{reduced.replace(' ', '')}=0"]


def _without_whole_roots(rng: Random, level: int, *, real: bool) -> tuple[int, int]:
    """Draw the sum and the product of two roots that are no whole numbers, or not real."""
    most = _ROOTS[level - 1][1] ** 2
    while True:
        total, product = rng.randint(*_SUMS[level - 1]), rng.randint(-most, most)
        square = total * total - 4 * product
        if real and square > 0 and isqrt(square) ** 2 != square or not real and square < 0:
            return total, product


def _discriminant(total: int, product: int) -> str:
    size, sign, times = abs(total), "+" if product < 0 else "-", abs(product)
    return f"D={size}*{size}{sign}4*{times}={_sum(size * size, -4 * product)}"


def _root_steps(p: int, q: int) -> list[str]:
    total, root = p + q, p - q
    found = _discriminant(total, p * q)
    if not root:
        return [found, f"{total}/2={p}", f"x={p}"]
    halves = [_half_sum(total, root), _half_sum(total, -root)]
    return [f"{found}={root}*{root}", *halves, f"x={p}, {q}"]


def _half_sum(a: int, b: int) -> str:
    """Return `5-1: 5-1=4, 4, 4/2=2`."""
    return f"{_sum(a, b)}, {a + b}/2={(a + b) // 2}"


def _sum(a: int, b: int) -> str:
    """Return a sum with its steps, `-26+4: 6-4=2, 2-0=2, -22`; of b = 0 the sign is a plus.

    Why the steps: done in the head, a sum within an equation is a table from two numbers to a
    third, and which two numbers meet there is what the held-out problems hold out.
    """
    x, y = abs(a), abs(b)
    alike = (a < 0) == (b < 0)
    steps = sum_steps(x, y) if alike else difference_steps(max(x, y), min(x, y))
    return f"{a}{b:+d}: {steps}, {a + b}"
