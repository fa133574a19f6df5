"""Bytes in, bytes out, and no input that crashes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.text import ByteTokenizer

FEW = settings(max_examples=100, deadline=None, derandomize=True)
TOKENS = ByteTokenizer()
CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]))  # Cs: halves of surrogate pairs


@FEW
@given(CHARACTERS)
def test_any_text_comes_back(text: str) -> None:
    ids = TOKENS.encode(text, bos=True, eos=True)
    assert TOKENS.decode(ids) == text
    assert bytes(ids[1:-1]) == text.encode("utf-8")
    assert (ids[0], ids[-1]) == (TOKENS.bos, TOKENS.eos)


@FEW
@given(st.text(st.characters(categories=["Cs", "L"])))
def test_half_a_surrogate_pair_becomes_the_replacement_character(text: str) -> None:
    back = TOKENS.decode(TOKENS.encode(text))
    back.encode("utf-8")
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert back == whole


def test_a_lone_surrogate_is_replaced_and_a_pair_is_joined() -> None:
    assert TOKENS.decode(TOKENS.encode("a\ud83d")) == "a\ufffd"
    assert TOKENS.decode(TOKENS.encode("\ud83d\ude00")) == "😀"


@FEW
@given(st.lists(st.integers(0, 258)))
def test_any_ids_decode_to_text_that_can_be_printed(ids: list[int]) -> None:
    TOKENS.decode(ids).encode("utf-8")


def test_bytes_that_are_not_utf8_become_the_replacement_character() -> None:
    assert TOKENS.decode([0x98, 104, 0xE2, 0x82]) == "\ufffdh\ufffd"


def test_specials_are_left_out_and_count_259() -> None:
    assert TOKENS.decode([256, 104, 258, 105, 257]) == "hi"
    assert {TOKENS.bos, TOKENS.eos, TOKENS.pad} == {256, 257, 258}
    assert TOKENS.vocabulary == 259


def test_a_tensor_of_ids_decodes() -> None:
    assert TOKENS.decode(torch.tensor([104, 105])) == "hi"
    assert TOKENS.decode(torch.zeros(0, dtype=torch.int64)) == ""


@pytest.mark.parametrize("text", [b"hi", 3, None, ["hi"]])
def test_only_text_is_encoded(text: object) -> None:
    with pytest.raises(TypeError, match="text must be a str, got " + type(text).__name__):
        TOKENS.encode(text)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("ids", "error", "sentence"),
    [
        ([104, 259], ValueError, "ids must be in 0..258, got 259 at position 1"),
        ([-1], ValueError, "ids must be in 0..258, got -1 at position 0"),
        ([1.0], TypeError, "ids must be ints, got float at position 0"),
        ("hi", TypeError, "ids must be ints, got str at position 0"),
        (None, TypeError, "ids must be a sequence of ints, got NoneType"),
        (torch.zeros(1, 2).long(), ValueError, r"ids must be \[L\], got \[1, 2\]; decode one row"),
        (torch.ones(2), TypeError, "ids must be ints, got float at position 0"),
    ],
)
def test_bad_ids_are_one_sentence(ids: object, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        TOKENS.decode(ids)  # pyright: ignore[reportArgumentType]
