"""Sums, differences, products, quotients, comparisons, percents: digit by digit, as on paper.

Why digit by digit: a causal model writes from left to right, and the first digit of a sum depends
on all the others. Each step here needs one table fact and one carry, and the last line only copies
digits that already stand there.
"""

from random import Random

from marslab.tasks.reasoning import wording
from marslab.tasks.reasoning.problem import Draft, arithmetic_key


def number(rng: Random, digits: int) -> int:
    """Return a number of so many digits; of one digit it may be zero."""
    return rng.randint(10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1)


def _digits(a: int, b: int) -> list[tuple[int, int]]:
    """Pairs of digits, ones first, the shorter number filled up with zeros."""
    width = max(len(str(a)), len(str(b)))
    return [(a // 10**i % 10, b // 10**i % 10) for i in range(width)]


def sum_steps(a: int, b: int) -> str:
    """Return the steps of a sum of two numbers from 0 on, ones first.

    >>> sum_steps(37, 48)
    '7+8=15, 3+4+1=8'
    """
    steps, carry = [], 0
    for x, y in _digits(a, b):
        total = x + y + carry
        steps.append(f"{x}+{y}{'+1' if carry else ''}={total}")
        carry = total // 10
    return ", ".join(steps)


def difference_steps(a: int, b: int) -> str:
    """Return the steps of a - b, ones first; a >= b >= 0.

    >>> difference_steps(93, 48)
    '13-8=5, 9-1-4=4'
    """
    steps, borrow = [], 0
    for x, y in _digits(a, b):
        left = x if x - borrow >= y else x + 10
        steps.append(f"{left}{'-1' if borrow else ''}-{y}={left - borrow - y}")
        borrow = int(left != x)
    return ", ".join(steps)


def _product_steps(a: int, digit: int) -> str:
    steps, carry = [], 0
    for x in map(int, reversed(str(a))):
        total = x * digit + carry
        steps.append(f"{x}*{digit}{f'+{carry}' if carry else ''}={total}")
        carry = total // 10
    return ", ".join(steps)


def _quotient_steps(a: int, b: int) -> str:
    """Long division: `14=4*3+2, 28=4*7+0`."""
    steps, rest, begun = [], 0, False
    for digit in map(int, str(a)):
        rest = rest * 10 + digit
        begun = begun or rest >= b
        if begun:
            steps.append(f"{rest}={b}*{rest // b}+{rest % b}")
            rest %= b
    return ", ".join(steps)


def add(rng: Random, language: str, level: int) -> Draft:
    """Make a sum: `7+8=15, 3+4+1=8, 85`."""
    a, b = number(rng, level), number(rng, rng.randint(1, level) if level == 3 else level)
    if rng.random() < 0.5:
        a, b = b, a
    prompt = wording.value(rng, language, a, "+", b)
    return _written(prompt, "+", (a, b), a + b, sum_steps(a, b))


def sub(rng: Random, language: str, level: int) -> Draft:
    """Make a difference: `13-8=5, 9-1-4=4, 45`; some of three digits are below zero."""
    a, b = number(rng, level), number(rng, level)
    negative = level == 3 and rng.random() < 0.2
    if (a < b) != negative:
        a, b = b, a
    if level == 1 and rng.random() < 0.5:
        a += b  # the other half of the table: 15-8
    prompt = wording.value(rng, language, a, "-", b)
    if a < b:
        steps = f"{b}-{a}: {difference_steps(b, a)}"
        return _written(prompt, "-", (a, b), a - b, steps)
    steps = f"{a}-{b}={a - b}" if level == 1 else difference_steps(a, b)
    return _written(prompt, "-", (a, b), a - b, steps)


def mul(rng: Random, language: str, level: int) -> Draft:
    """Make a product with one digit: `7*4=28, 3*4+2=14, 148`."""
    a, digit = number(rng, level), rng.randint(0 if level == 1 else 2, 9)
    pair = (a, digit) if rng.random() < 0.5 else (digit, a)
    prompt = wording.value(rng, language, pair[0], "*", pair[1])
    return _written(prompt, "*", (a, digit), a * digit, _product_steps(a, digit))


def div(rng: Random, language: str, level: int) -> Draft:
    """Make a quotient without a rest: `14=4*3+2, 28=4*7+0, 37`."""
    digit, quotient = rng.randint(1 if level == 1 else 2, 9), number(rng, level)
    a = digit * quotient
    prompt = wording.value(rng, language, a, "/", digit)
    steps = f"{a}/{digit}={quotient}" if level == 1 else _quotient_steps(a, digit)
    return _written(prompt, "/", (a, digit), quotient, steps)


def compare(rng: Random, language: str, level: int) -> Draft:
    """Ask for the greater or the smaller number: `3=3, 4<7; 374`."""
    a = number(rng, level + 1)
    b = number(rng, rng.choice((level + 1, level + 1, level)))
    if rng.random() < 0.4:
        b = a + rng.choice((-1, 1)) * rng.randint(1, 9)
    b = b if b != a else a + 1
    greater = rng.random() < 0.5
    result = max(a, b) if greater else min(a, b)
    forms = {
        "ru": (f"Что {'больше' if greater else 'меньше'}: {a} или {b}?",),
        "en": (f"Which is {'greater' if greater else 'smaller'}: {a} or {b}?",),
    }[language]
    bare = f"{'max' if greater else 'min'}({a},{b})=?"
    answer = f"{_compare_steps(str(a), str(b))}; {result}"
    low, high = sorted((a, b))
    return Draft(f"compare:{low},{high}", rng.choice((*forms, bare)), answer, str(result))


def percent(rng: Random, language: str, level: int) -> Draft:
    """Ask for a part in a hundred: `10%=15, 15*2=30`."""
    base = rng.randint(1, (20, 50, 90)[level - 1])
    if level == 3 and rng.random() < 0.4:
        share, whole, answer = 25, 4 * base, f"{4 * base}/4={base}"
    elif level > 1 and rng.random() < 0.3:
        share, whole, answer = 5, 20 * base, f"10%={2 * base}, {2 * base}/2={base}"
    else:
        times = rng.randint(1, 9)
        share, whole = 10 * times, 10 * base
        answer = f"10%={base}, {base}*{times}={base * times}"
    text = f"{share}% {'от' if language == 'ru' else 'of'} {whole}"
    result = str(share * whole // 100)
    return Draft(f"percent:{share},{whole}", wording.phrase(rng, language, text), answer, result)


def _written(prompt: str, sign: str, pair: tuple[int, int], result: int, steps: str) -> Draft:
    """A table fact stands alone; a longer answer ends in the result once more."""
    key = arithmetic_key(sign, *pair)
    single = ", " not in steps and steps.endswith(f"={result}")
    return Draft(key, prompt, steps if single else f"{steps}, {result}", str(result))


def _compare_steps(a: str, b: str) -> str:
    if len(a) != len(b):
        return f"len {len(a)}{'<' if len(a) < len(b) else '>'}{len(b)}"
    steps = []
    for x, y in zip(a, b, strict=True):
        steps.append(f"{x}{'=' if x == y else '<' if x < y else '>'}{y}")
        if x != y:
            break
    return ", ".join(steps)
