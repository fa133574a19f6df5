"""Characters that CP1251 lacks, written with characters that it has, and a report of each change.

What becomes of a piece of text, first rule that fits:

1. characters of CP1251 stay as they are (typographic dashes, quotes, the ellipsis, №, ±, µ too);
2. a run of raised digits becomes `^` and the digits, of lowered digits `_` and the digits;
3. a root becomes `sqrt(...)` around the number or letter that follows it;
4. a letter with combining marks is composed where CP1251 has the whole (и + breve = й);
5. signs, dashes, spaces, Greek and some Latin letters are in the table below;
6. what is left is decomposed (NFKD) and loses its accents: é becomes e, ½ becomes 1/2;
7. else `?`; so do the three control characters that are PAD, BOS and EOS here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

RESERVED = frozenset("\x00\x02\x03")  # the bytes 0, 2 and 3 are PAD, BOS and EOS

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+-=()")
_ROOTS = {"√": "sqrt", "∛": "cbrt", "∜": "root4"}
_SIGNS = {
    "×": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "⁄": "/", "∕": "/", "−": "-", "∓": "-+",
    "≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "≠": "!=", "≈": "~=", "≡": "==", "≪": "<<",
    "≫": ">>", "→": "->", "←": "<-", "↔": "<->", "⇒": "=>", "⇐": "<=", "⇔": "<=>", "↦": "->",
    "∞": "inf", "∈": " in ", "∉": " not in ", "∑": "sum", "∏": "prod", "∫": "int", "∂": "d",
    "∇": "grad", "∀": "for all ", "∃": "exists ", "∧": " and ", "∨": " or ", "∅": "{}",
    "⊂": " subset ", "∪": " union ", "∩": " intersect ", "′": "'", "″": '"', "‴": "'''",
    "‐": "-", "‑": "-", "‒": "-", "―": "-", "⁃": "-", "‛": "'", "‟": '"', "¿": "?", "¡": "!",
    "¢": "c", "£": "GBP", "¥": "JPY", "₽": "руб.", "₴": "грн", "✓": "+", "✔": "+", "✗": "x",
    "\u2028": "\n", "\u2029": "\n", "\u1680": " ", "\u00ad": "", "\u200b": "", "\u200c": "",
    "\u200d": "", "\u2060": "", "\ufeff": "", "\ufe0e": "", "\ufe0f": "",
}  # fmt: skip
_LATIN = {
    "æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i",
    "ħ": "h", "ŋ": "ng", "ĸ": "k",
}  # fmt: skip
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρςστυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
        "sigma sigma tau upsilon phi chi psi omega".split(),
        strict=True,
    )
)
_TABLE = _SIGNS | {
    form: text
    for letter, name in (_LATIN | _GREEK).items()
    for form, text in ((letter, name), (letter.upper(), name.capitalize()))
    if len(form) == 1
}
_PIECE = re.compile(
    "(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ]+)|(?P<lowered>[₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎]+)"
    r"|(?P<root>[√∛∜])(?P<under>\d+(?:[.,]\d+)?|[^\W\d_])?"
    "|(?P<marked>[^\u0300-\u036f][\u0300-\u036f]+)|(?P<one>.)",
    re.DOTALL,
)


class Change(NamedTuple):
    """One piece of a text that could not stay as it was.

    Units:
        at: its place in the text, in characters from 0
    """

    at: int
    before: str
    after: str


def fits(text: str) -> bool:
    """Say whether CP1251 holds `text` as it is, without the bytes that have another meaning here.

    >>> fits("№ 5 – привет…"), fits("x²"), fits("\\x00")
    (True, False, False)
    """
    try:
        text.encode("cp1251")
    except UnicodeEncodeError:
        return False
    return RESERVED.isdisjoint(text)


def transliterate(text: str) -> tuple[str, tuple[Change, ...]]:
    """Return `text` in the characters of CP1251, and what was changed where.

    Source:
        erratum T52; the rules and their order stand at the top of this module

    >>> transliterate("√2 и x₁² ≤ π")[0]
    'sqrt(2) и x_1^2 <= pi'
    >>> transliterate("кофе ☕")
    ('кофе ?', (Change(at=5, before='☕', after='?'),))
    """
    if fits(text):
        return text, ()
    pieces, changes = [], []
    for found in _PIECE.finditer(text):
        before, after = found.group(), _piece(found)
        pieces.append(after)
        if after != before:
            changes.append(Change(found.start(), before, after))
    return "".join(pieces), tuple(changes)


def describe(changes: Iterable[Change]) -> str:
    """Return one sentence about the changes, the most frequent first, or "" if there are none.

    >>> describe(transliterate("a² + b² = π")[1])
    '3 places outside CP1251 were rewritten: ² -> ^2 (2), π -> pi (1).'
    """
    counted = Counter((change.before, change.after) for change in changes)
    if not counted:
        return ""
    told = ", ".join(
        f"{_seen(before)} -> {_seen(after) or 'nothing'} ({times})"
        for (before, after), times in counted.most_common(12)
    )
    more = ", ..." if len(counted) > 12 else ""
    total = counted.total()
    places = "place" if total == 1 else "places"
    verb = "was" if total == 1 else "were"
    return f"{total} {places} outside CP1251 {verb} rewritten: {told}{more}."


def _seen(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _piece(found: re.Match[str]) -> str:
    whole = found.group()
    if fits(whole):
        return whole
    if found["raised"]:
        return "^" + whole.translate(_RAISED)
    if found["lowered"]:
        return "_" + whole.translate(_LOWERED)
    if found["root"]:
        name, under = _ROOTS[found["root"]], found["under"]
        return f"{name}({''.join(map(_character, under))})" if under else name
    if found["marked"]:
        composed = unicodedata.normalize("NFC", whole)
        return composed if fits(composed) else _character(whole[0])
    return _character(whole)


def _character(character: str) -> str:
    if fits(character):
        return character
    if character in _TABLE:
        return _TABLE[character]
    if unicodedata.combining(character):
        return ""
    plain = "".join(
        _TABLE.get(part, part)
        for part in unicodedata.normalize("NFKD", character)
        if not unicodedata.combining(part)
    )
    return plain if plain and fits(plain) else "?"
