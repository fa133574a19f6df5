"""Text as CP1251 bytes: 256 ids, one for each letter of Russian or English."""

from collections.abc import Iterable
from operator import index
from typing import NamedTuple

from torch import Tensor

from marslab.text.transliteration import Change, transliterate

_NO_CHARACTER = 0x98  # the one byte that CP1251 leaves undefined
_SPECIAL = bytes((0, 2, 3))
_LETTERS = "".join(
    "\ufffd" if byte == _NO_CHARACTER else bytes((byte,)).decode("cp1251") for byte in range(256)
)


class Encoded(NamedTuple):
    """The ids of a text, and what of it could not stay as it was."""

    ids: list[int]
    changes: tuple[Change, ...]


class Cp1251Tokenizer:
    """Turns text into the ids of its CP1251 bytes and back; one Cyrillic letter is one id.

    Characters outside CP1251 are transliterated (x² becomes x^2, see
    `marslab.text.transliteration`); `encode_reported` says which. The control characters U+0000,
    U+0002 and U+0003 in a text become `?`, so that no text can hold a PAD, BOS or EOS. Byte 0x98,
    which is no character of CP1251, is never written and decodes to U+FFFD.

    Units:
        ids: 0..255 are bytes; of them 0 fills a batch up, 2 begins a text, 3 ends it

    Source:
        design, the byte tokenizer; erratum T52 (it has no place for x², √2, x₁, PAD, BOS, EOS)

    >>> tokens = Cp1251Tokenizer()
    >>> tokens.encode("привет", bos=True)
    [2, 239, 240, 232, 226, 229, 242]
    >>> tokens.decode(tokens.encode("√2 < x²"))
    'sqrt(2) < x^2'
    """

    pad = 0
    bos = 2
    eos = 3
    vocabulary = 256

    def encode(self, text: str, *, bos: bool = False, eos: bool = False) -> list[int]:
        """Return the ids of `text`; use `encode_reported` to learn what was rewritten.

        Errors:
            TypeError: `text` is not a str

        >>> Cp1251Tokenizer().encode("hi", eos=True)
        [104, 105, 3]
        """
        return self.encode_reported(text, bos=bos, eos=eos).ids

    def encode_reported(self, text: str, *, bos: bool = False, eos: bool = False) -> Encoded:
        """Return the ids of `text` and the list of what CP1251 could not hold.

        Half a surrogate pair, which is no character, becomes U+FFFD first, and so `?`.

        Errors:
            TypeError: `text` is not a str

        >>> Cp1251Tokenizer().encode_reported("x²").changes
        (Change(at=1, before='²', after='^2'),)
        """
        if not isinstance(text, str):
            raise TypeError(
                f"Cp1251Tokenizer.encode: text must be a str, got {type(text).__name__}"
            )
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        plain, changes = transliterate(paired)
        ids = [self.bos] * bos + list(plain.encode("cp1251")) + [self.eos] * eos
        return Encoded(ids, changes)

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """Return the text of `ids`; PAD, BOS and EOS are left out, byte 0x98 becomes U+FFFD.

        Shapes (L length):
            ids: [L], a sequence of ints or an integer tensor

        Errors:
            TypeError: an id is not an int
            ValueError: an id is outside 0..255, or a tensor has more than one axis

        >>> Cp1251Tokenizer().decode([2, 239, 0x98, 3, 0])
        'п\ufffd'
        """
        if isinstance(ids, Tensor):
            if ids.ndim != 1:
                raise ValueError(
                    f"Cp1251Tokenizer.decode: ids must be [L], got {list(ids.shape)}; "
                    "decode one row of a batch at a time"
                )
            ids = ids.tolist()
        if not isinstance(ids, Iterable):
            raise TypeError(
                f"Cp1251Tokenizer.decode: ids must be a sequence of ints, got {type(ids).__name__}"
            )
        checked = (_checked(at, token) for at, token in enumerate(ids))
        return "".join(_LETTERS[token] for token in checked if token not in _SPECIAL)


def _checked(at: int, token: object) -> int:
    try:
        number = index(token)  # pyright: ignore[reportArgumentType]
    except TypeError:
        raise TypeError(
            f"Cp1251Tokenizer.decode: ids must be ints, got {type(token).__name__} at position {at}"
        ) from None
    if not 0 <= number < 256:
        raise ValueError(
            f"Cp1251Tokenizer.decode: ids must be in 0..255, got {number} at position {at}"
        )
    return number
