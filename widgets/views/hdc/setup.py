"""What a reader asked the HDC retrieval view for."""

from dataclasses import dataclass

from marslab.memory.hdc.capacity import ALGEBRAS, Vsa
from marslab.memory.hdc.quantization import WIDTHS

MAX_PAIRS, MAX_TEXT, MAX_ASK = 12, 600, 60  # pairs that are typed; characters
DIMS = [64, 128, 256, 512, 1024, 2048, 4096, 10_000]
BITS = list(WIDTHS)
OTHERS = [0, 10, 20, 50, 100, 200, 500, 1000]
CODES = [20, 50, 100, 200, 500, 1000]
FLIPS = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
MAX_SEED = 999
PAIRS = """\
France: Paris
Japan: Tokyo
Kenya: Nairobi
Peru: Lima
Egypt: Cairo
Norway: Oslo
Cuba: Havana
Samoa: Apia
"""


@dataclass(frozen=True)
class HdcSetup:
    """One memory and one question to it; every field has the view's own default.

    Units:
        pairs: what to store, one "key: value" a line, 1 to 12 of them
        ask: a key; one that is not stored is drawn too, and should be rejected
        vsa: MAP, BSC, HRR or FHRR; dim: width; bits: of the stored vector, 1 with BSC in any case
        others: random pairs in the same vector; codes: codebook, typed values included
        flipped: share of the stored numbers that change their sign

    Errors:
        ValueError: a value is out of its range, or a line is no pair

    >>> HdcSetup(pairs="a: x\\n\\nb : y").typed
    [('a', 'x'), ('b', 'y')]
    """

    pairs: str = PAIRS
    ask: str = "Japan"
    vsa: Vsa = "HRR"
    dim: int = 1024
    bits: int = 8
    others: int = 20
    codes: int = 200
    flipped: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, most in (("pairs", MAX_TEXT), ("ask", MAX_ASK)):
            if len(getattr(self, name)) > most:
                raise ValueError(f"{name} must have at most {most} characters")
        for name, known in KNOWN.items():
            if getattr(self, name) not in known:
                words = ", ".join(map(str, known))
                raise ValueError(f"{name} must be one of {words}, got {getattr(self, name)!r}")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed must be in 0..{MAX_SEED}, got {self.seed}")
        if not self.ask.strip():
            raise ValueError("Nothing is asked: type a key, stored or not.")
        keys = [key for key, _ in self.typed]
        if not 0 < len(keys) <= MAX_PAIRS:
            raise ValueError(f"Store 1 to {MAX_PAIRS} pairs, one a line; there are {len(keys)}.")
        twice = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
        if twice is not None:
            raise ValueError(f"The key {twice!r} stands in two lines: give each its own.")

    @property
    def typed(self) -> list[tuple[str, str]]:
        """Key and value of each line that is not empty."""
        found = []
        for line in filter(str.strip, self.pairs.splitlines()):
            key, colon, value = (part.strip() for part in line.partition(":"))
            if not (key and colon and value):
                raise ValueError(f"The line {line.strip()!r} is no pair: write it as key: value.")
            found.append((key, value))
        return found

    @property
    def precision(self) -> int:
        """Bits of the stored vector: BSC keeps a majority, which is 1 bit."""
        return 1 if self.vsa == "BSC" else self.bits

    @property
    def stored(self) -> int:
        """How many pairs are in the vector."""
        return len(self.typed) + self.others


KNOWN = {
    "vsa": ALGEBRAS,
    "dim": DIMS,
    "bits": BITS,
    "others": OTHERS,
    "codes": CODES,
    "flipped": FLIPS,
}
