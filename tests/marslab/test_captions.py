"""The captions of digits: every digit as often, no phrasing both learned and scored."""

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest

from marslab.errors import UserError
from marslab.presets import read_yaml
from marslab.tasks.captions import load_captions, read_captions


def test_every_digit_is_named_in_every_language_and_as_often() -> None:
    found = load_captions()
    assert len(set(found.languages)) == 8
    for part, y in ((found.train, found.train_y), (found.test, found.test_y)):
        count = Counter(y)
        assert len(part) == len(y) == len(set(part)) and set(count) == set(range(10))
        assert min(count.values()) > 0.9 * max(count.values())


def test_no_phrasing_that_is_scored_is_learned_from() -> None:
    """The words must be known; what stands around them must not."""
    found = load_captions()
    assert not set(found.train) & set(found.test)
    label = dict(zip(found.test, found.test_y, strict=True))
    text = (files("marslab.data") / "texts" / "captions.yaml").read_text(encoding="utf-8")
    for told in read_yaml(text, "captions")["languages"]:
        words, learned, held_out = (
            told[k].strip().split("\n") for k in ("words", "train", "held_out")
        )
        assert not set(learned) & set(held_out) and len(held_out) >= 4
        for phrase in held_out:
            assert [label[phrase.replace("{n}", word)] for word in words] == list(range(10))


ONE = "kind: captions\nschema: 1\nlanguages:\n- language: x\n  words: |\n    {words}\n"
PHRASES = "  train: |\n    {train}\n  held_out: |\n    {held_out}\n"
WORDS = tuple("0123456789")


def read(
    train: str = "a {n}", held_out: str = "b {n}", words: Sequence[str] = WORDS
) -> dict[str, int]:
    text = ONE.format(words="\n    ".join(words)) + PHRASES.format(train=train, held_out=held_out)
    found = read_captions(text, "here")
    return dict(zip(found.train, found.train_y, strict=True))


def test_captions_are_read() -> None:
    assert read("{n}\n    a {n}")["a 4"] == 4


def test_a_caption_that_another_language_learns_from_is_not_scored() -> None:
    two = PHRASES.format(train="b {n}", held_out="c {n}")
    second = ONE.format(words="\n    ".join(WORDS)).partition("languages:\n")[2]
    one = ONE.format(words="\n    ".join(WORDS)) + PHRASES.format(train="a {n}", held_out="b {n}")
    found = read_captions(one + second + two, "here")
    assert len(found.train) == 20 and found.test == [f"c {digit}" for digit in WORDS]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"train": "a n"}, r"must hold \{n\} once, got 'a n'"),
        ({"held_out": "{n} {n}"}, r"must hold \{n\} once"),
        ({"held_out": "a {n}"}, "is for training and for scoring, or stands twice"),
        ({"words": WORDS[:9]}, "words must be 10 different lines"),
        ({"words": (*WORDS[:9], "8")}, "words must be 10 different lines"),
        ({"train": "a{n}\n    {n}", "words": ("0", "a0", *WORDS[2:])}, "'a0' names 1 and 0"),
    ],
    ids=str,
)
def test_a_wrong_file_is_refused_with_a_sentence(how: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        read(**how)
