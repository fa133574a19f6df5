"""One byte a letter, no text that crashes, and no change that is not told."""

import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marslab.text.cp1251_tokenizer import Cp1251Tokenizer
from marslab.text.transliteration import describe, fits, transliterate

FEW = settings(max_examples=200, deadline=None, derandomize=True)
TOKENS = Cp1251Tokenizer()
# Written out by byte, not through the tokenizer's own table.
ALPHABET = "".join(bytes([b]).decode("cp1251") for b in range(256) if b not in (0, 2, 3, 0x98))


def test_the_word_of_the_design() -> None:
    assert TOKENS.encode("привет") == [239, 240, 232, 226, 229, 242]
    assert (TOKENS.pad, TOKENS.bos, TOKENS.eos, TOKENS.vocabulary) == (0, 2, 3, 256)
    assert TOKENS.encode("да", bos=True, eos=True) == [2, 228, 224, 3]


@FEW
@given(st.text(ALPHABET))
def test_text_of_cp1251_comes_back_byte_for_byte(text: str) -> None:
    ids, changes = TOKENS.encode_reported(text)
    assert bytes(ids) == text.encode("cp1251") and changes == ()
    assert TOKENS.decode(ids) == text


@FEW
@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_crashes_and_every_change_is_told(text: str) -> None:
    ids, changes = TOKENS.encode_reported(text, bos=True, eos=True)
    assert all(0 <= token < 256 for token in ids)
    assert not {0, 2, 3, 0x98} & set(ids[1:-1])
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    rebuilt, at = "", 0
    for change in changes:
        assert paired[change.at : change.at + len(change.before)] == change.before
        rebuilt += paired[at : change.at] + change.after
        at = change.at + len(change.before)
    assert TOKENS.decode(ids) == rebuilt + paired[at:]
    assert describe(changes) == "" or describe(changes).isprintable()


@FEW
@given(st.lists(st.integers(0, 255)))
def test_any_ids_decode(ids: list[int]) -> None:
    text = TOKENS.decode(ids)
    assert len(text) == sum(token not in (0, 2, 3) for token in ids)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("3x² - 12x + 9 = 0", "3x^2 - 12x + 9 = 0"),
        ("√2 = p/q", "sqrt(2) = p/q"),
        ("√(a+b), √x², ∛27, √", "sqrt(a+b), sqrt(x)^2, cbrt(27), sqrt"),
        ("√π", "sqrt(pi)"),
        ("x₁ = 3, x₁₂", "x_1 = 3, x_12"),
        ("2¹⁰, x⁻¹", "2^10, x^-1"),
        ("a ≤ b ≠ c × d − e", "a <= b != c * d - e"),
        ("½ + ⅓", "1/2 + 1/3"),
        ("café, Ångström, naïve, Straße, Øre", "cafe, Angstrom, naive, Strasse, Ore"),
        ("и\u0306од, за\u0301мок", "йод, замок"),
        ("Σ α", "Sigma alpha"),
        ("“№5” – ‘да’… 50€ ±1°", "“№5” – ‘да’… 50€ ±1°"),
        ("a\u200bb\u2009c", "ab c"),
        ("猫😀", "??"),
        ("\x00\x02\x03\x01", "???\x01"),
        ("a\ud83d", "a?"),
        ("\u0098\ufffd", "??"),
    ],
)
def test_what_becomes_of_other_characters(text: str, plain: str) -> None:
    assert TOKENS.decode(TOKENS.encode(text)) == plain


def test_whatever_the_table_writes_fits() -> None:
    for code in range(0x3000):
        character = chr(code)
        plain, _ = transliterate(f"a{character}")
        assert fits(plain), unicodedata.name(character, hex(code))


def test_a_report_counts_what_was_rewritten() -> None:
    assert describe(TOKENS.encode_reported("x² + y² ☕").changes) == (
        "3 places outside CP1251 were rewritten: ² -> ^2 (2), ☕ -> ? (1)."
    )
    assert describe(TOKENS.encode_reported("\u200b").changes) == (
        "1 place outside CP1251 was rewritten: '\\u200b' -> nothing (1)."
    )
    assert describe(()) == ""


def test_byte_0x98_is_no_character_and_a_tensor_decodes() -> None:
    assert TOKENS.decode([0x98, 104]) == "\ufffdh"
    assert TOKENS.decode(torch.tensor([2, 104, 3, 0])) == "h"


@pytest.mark.parametrize("text", [b"hi", 3, None])
def test_only_text_is_encoded(text: object) -> None:
    with pytest.raises(TypeError, match="text must be a str, got " + type(text).__name__):
        TOKENS.encode(text)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("ids", "error", "sentence"),
    [
        ([104, 256], ValueError, "ids must be in 0..255, got 256 at position 1"),
        ([-1], ValueError, "ids must be in 0..255, got -1 at position 0"),
        ([1.0], TypeError, "ids must be ints, got float at position 0"),
        (None, TypeError, "ids must be a sequence of ints, got NoneType"),
        (torch.zeros(1, 2).long(), ValueError, r"ids must be \[L\], got \[1, 2\]; decode one row"),
    ],
)
def test_bad_ids_are_one_sentence(ids: object, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        TOKENS.decode(ids)  # pyright: ignore[reportArgumentType]
