"""Which language is this name in? Names of languages, countries and scripts, from the CLDR."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from marslab.errors import UserError

# Latin script throughout, so that letters alone do not tell; with the most names among such.
LANGUAGES = (
    "ca", "cs", "da", "de", "en", "es", "et", "eu", "fi", "fr", "hr", "hu", "id", "is", "it",
    "lt", "lv", "nl", "pl", "pt", "ro", "sq", "sv", "tr", "vi",
)  # fmt: skip


class NamedSplit(NamedTuple):
    """Names to train on and names held out; a label is the place of a language in `languages`."""

    train: list[str]
    train_y: list[int]
    test: list[str]
    test_y: list[int]
    languages: tuple[str, ...]


def load_language_names(languages: Sequence[str] = LANGUAGES, seed: int = 0) -> NamedSplit:
    """Return how each language calls languages, territories and scripts; a fifth is held out.

    What is held out is a thing, in all languages at once: no model sees "Abkhazian" in one language
    and is asked "abkhaze". Names that two of the languages share are left out, since nobody could
    tell; so are names of fewer than 4 letters. All are casefolded.

    Errors:
        UserError: the CLDR of Babel has no such language, or fewer than two are asked for

    Source:
        Unicode Common Locale Data Repository (Unicode licence v3), the copy in Babel.

    >>> split = load_language_names(("en", "fr"))
    >>> split.languages, set(split.train) & set(split.test)
    (('en', 'fr'), set())
    """
    languages = tuple(languages)
    if len(set(languages)) < 2:
        raise UserError(f"load_language_names: name at least two languages, got {list(languages)}")
    names = [_names(code) for code in languages]
    used = Counter(name for table in names for name in set(table.values()))
    things = sorted({thing for table in names for thing in table})
    random.Random(seed).shuffle(things)
    held_out = set(things[: -(-len(things) // 5)])
    parts: tuple[dict, dict] = {}, {}
    for label, table in enumerate(names):
        for thing in sorted(table):
            if used[table[thing]] == 1:
                parts[thing in held_out].setdefault(table[thing], label)
    train, test = parts
    test = {name: label for name, label in test.items() if name not in train}
    return NamedSplit(list(train), list(train.values()), list(test), list(test.values()), languages)


def _names(code: str) -> dict[tuple[str, str], str]:
    """(kind, code of the thing) -> its name in the language."""
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(code)
    except (UnknownLocaleError, ValueError) as error:
        raise UserError(
            f"Babel's CLDR has no language {code!r}: name one by its code, as 'fr'"
        ) from error
    kinds = ("languages", "territories", "scripts")
    tables = {kind: getattr(locale, kind) for kind in kinds}
    return {
        (kind, thing): name.casefold()
        for kind, table in tables.items()
        for thing, name in table.items()
        if sum(letter.isalpha() for letter in name) >= 4
    }
