"""Which digit does this caption name? Authored phrases in eight languages, with phrasings held out.

The classes are those of the images of `load_digits_sequences`: a caption names what an image shows.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from marslab.errors import UserError
from marslab.tasks.authored_fields import head, items, lines, string

PLACE = "{n}"  # where the number word goes
DIGITS = 10


class Captions(NamedTuple):
    """Captions to learn from and captions with other phrasings; a label is the digit, 0..9."""

    train: list[str]
    train_y: list[int]
    test: list[str]
    test_y: list[int]
    languages: tuple[str, ...]


def load_captions() -> Captions:
    """Return the authored captions: every number word in every phrasing of its language.

    Errors:
        UserError: the file is damaged

    >>> captions = load_captions()
    >>> len(captions.languages), len(captions.train), len(captions.test)
    (8, 956, 320)
    >>> captions.train[17], captions.train_y[17]
    ('a handwritten seven', 7)
    """
    text = (files("marslab.data") / "texts" / "captions.yaml").read_text(encoding="utf-8")
    return read_captions(text, "texts/captions.yaml")


def read_captions(text: str, where: str) -> Captions:
    """Return the captions of a YAML text; one that two languages share is taken once.

    Errors:
        UserError: a field is missing, a language has not ten words, a phrase has not one place for
            the word or stands twice, or a caption names two digits
    """
    train: dict[str, int] = {}
    test: dict[str, int] = {}
    languages = []
    for at, item in items(head(text, where, "captions"), "languages", where):
        here = f"{where}: language {at}"
        languages.append(string(item, "language", here))
        words = lines(item.get("words"), f"{here}: words")
        if len(set(words)) != DIGITS:
            raise UserError(f"{here}: words must be {DIGITS} different lines, got {list(words)}")
        learned, apart = _phrases(item, here)
        for part, phrases in ((train, learned), (test, apart)):
            for phrase in phrases:
                _fill(part, phrase, words, here)
    test = {caption: digit for caption, digit in test.items() if caption not in train}
    return Captions(
        list(train), list(train.values()), list(test), list(test.values()), tuple(languages)
    )


def _phrases(item: dict[str, Any], where: str) -> list[tuple[str, ...]]:
    """Phrases to learn from, and phrases that are held out."""
    parts = [lines(item.get(name), f"{where}: {name}") for name in ("train", "held_out")]
    every = [phrase for part in parts for phrase in part]
    for at, phrase in enumerate(every):
        if phrase.count(PLACE) != 1:
            raise UserError(f"{where}: a phrase must hold {PLACE} once, got {phrase!r}")
        if phrase in every[:at]:
            raise UserError(f"{where}: {phrase!r} is for training and for scoring, or stands twice")
    return parts


def _fill(part: dict[str, int], phrase: str, words: Sequence[str], where: str) -> None:
    for digit, word in enumerate(words):
        caption = phrase.replace(PLACE, word)
        if part.setdefault(caption, digit) != digit:
            raise UserError(f"{where}: {caption!r} names {digit} and {part[caption]}")
