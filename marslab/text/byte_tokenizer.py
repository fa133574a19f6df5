"""Text as UTF-8 bytes: 256 ids for the bytes and three more for begin, end and padding."""

from collections.abc import Iterable
from operator import index

from torch import Tensor


class ByteTokenizer:
    """Turns any text into the ids of its UTF-8 bytes and back.

    Units:
        ids: 0..255 are bytes; 256 begins a text, 257 ends it, 258 fills a batch up

    >>> tokens = ByteTokenizer()
    >>> tokens.encode("2π", bos=True)
    [256, 50, 207, 128]
    >>> tokens.decode([50, 207, 128, 257, 258])
    '2π'
    """

    bos = 256
    eos = 257
    pad = 258
    vocabulary = 259

    def encode(self, text: str, *, bos: bool = False, eos: bool = False) -> list[int]:
        """Return the ids of `text`; half a surrogate pair, which is no character, becomes U+FFFD.

        Errors:
            TypeError: `text` is not a str

        >>> ByteTokenizer().encode("hi", eos=True)
        [104, 105, 257]
        """
        if not isinstance(text, str):
            raise TypeError(f"ByteTokenizer.encode: text must be a str, got {type(text).__name__}")
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return [self.bos] * bos + list(paired.encode("utf-8")) + [self.eos] * eos

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """Return the text of `ids`; bytes that are not UTF-8 become U+FFFD, specials are left out.

        Shapes (L length):
            ids: [L], a sequence of ints or an integer tensor

        Errors:
            TypeError: an id is not an int
            ValueError: an id is outside 0..258, or a tensor has more than one axis

        >>> ByteTokenizer().decode([104, 255, 105])
        'h\ufffdi'
        """
        if isinstance(ids, Tensor):
            if ids.ndim != 1:
                raise ValueError(
                    f"ByteTokenizer.decode: ids must be [L], got {list(ids.shape)}; "
                    "decode one row of a batch at a time"
                )
            ids = ids.tolist()
        if not isinstance(ids, Iterable):
            raise TypeError(
                f"ByteTokenizer.decode: ids must be a sequence of ints, got {type(ids).__name__}"
            )
        checked = (self._checked(at, token) for at, token in enumerate(ids))
        return bytes(token for token in checked if token < 256).decode("utf-8", "replace")

    def _checked(self, at: int, token: object) -> int:
        try:
            number = index(token)  # pyright: ignore[reportArgumentType]
        except TypeError:
            raise TypeError(
                f"ByteTokenizer.decode: ids must be ints, got {type(token).__name__} "
                f"at position {at}"
            ) from None
        if not 0 <= number < self.vocabulary:
            raise ValueError(
                f"ByteTokenizer.decode: ids must be in 0..{self.vocabulary - 1}, "
                f"got {number} at position {at}"
            )
        return number
