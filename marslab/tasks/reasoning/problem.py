"""What a problem is, and which problems are held out.

The split hashes the content of a problem, never its wording: `37+48=?`, `What is 48+37?` and every
other form share the key `add:37,48`. Tables of one-digit facts (7+8, 15-8, 7*8, 56/7) always
train, because the step-by-step answers of longer problems spell them out. For every other fact an
answer spells out (`16-12` or `26+4` within a quadratic) the rule is stricter: a problem whose
steps show a held-out fact does not train either. Facts with a number below zero (`-5+1=-4`) are no
such facts, and of the halves `n/2` with n <= 30, which the roots of quadratics need, none is held
out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Literal, NamedTuple

Split = Literal["train", "held_out"]

# The equations and the sum that the course itself asks the trained model: never trained on.
SHOWN = frozenset({"add:37,48", "quadratic:2,3", "quadratic:1,3"})
HELD_OUT_SHARE = 10  # one key in ten

_FACT = re.compile(r"(?<![\d+\-*/%.)])(\d+)([-+*/])(\d+)[=:]")
_NAMES = {"+": "add", "-": "sub", "*": "mul", "/": "div"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, its answer step by step, and the short result that the answer ends in.

    Units:
        difficulty: 1 (shortest) to 3
        digest: 16 hex digits of the content, the same for every wording and language
    """

    prompt: str
    answer_text: str
    result: str
    family: str
    language: str
    difficulty: int
    digest: str


class Draft(NamedTuple):
    """What a family makes: the content's key, and its texts in one language."""

    key: str
    prompt: str
    answer: str
    result: str


Maker = Callable[[Random, str, int], Draft]


def arithmetic_key(sign: str, a: int, b: int) -> str:
    """Return the key of `a sign b`; sums and products do not depend on the order.

    >>> arithmetic_key("+", 48, 37), arithmetic_key("-", 15, 8)
    ('add:37,48', 'table:sub:15,8')
    """
    if sign in "+*" and a > b:
        a, b = b, a
    key = f"{_NAMES[sign]}:{a},{b}"
    return f"table:{key}" if _in_table(sign, a, b) else key


def digest_of(key: str) -> str:
    """Return 16 hex digits of a key.

    >>> digest_of("add:37,48")
    '1ec1d5022f6148e8'
    """
    return blake2b(key.encode("utf-8"), digest_size=8).hexdigest()


def held_out(key: str) -> bool:
    """Say whether the content `key` is held out: one in ten by its hash, and what the course shows.

    >>> held_out("add:37,48"), held_out("table:add:7,8")
    (True, False)
    """
    if key.startswith("table:"):
        return False
    return key in SHOWN or int(digest_of(key), 16) % HELD_OUT_SHARE == 0


def facts(text: str) -> list[str]:
    """Return the keys of the facts of two numbers that a text spells out.

    >>> facts("D=6*6-4*5=36-20=16, 7+8=15")
    ['sub:36,20', 'table:add:7,8']
    """
    return [arithmetic_key(sign, int(a), int(b)) for a, sign, b in _FACT.findall(text)]


def belongs(draft: Draft, split: Split) -> bool:
    """Say whether a draft may be part of `split`; some drafts are part of neither."""
    if split == "held_out":
        return held_out(draft.key)
    return not held_out(draft.key) and not any(map(held_out, facts(draft.answer)))


def _in_table(sign: str, a: int, b: int) -> bool:
    if sign in "+*":
        return a <= 9 and b <= 9
    if sign == "-":
        return b <= 9 and 0 <= a - b <= 9
    return 0 < b <= 9 and a <= 9 * b and a % b == 0
