"""What a reader asked the Scans view for, and which backends can serve it."""

from dataclasses import dataclass
from math import prod
from typing import Any, cast

import torch

from marslab.kernels import available
from marslab.widgets.views.scans.registry import OPS

SOURCES = ("random", "text", "digit")
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
MAX_ELEMENTS = 8 * 2**20
MAX_TEXT = 1000  # characters
DIGITS = 1797  # images in scikit-learn's set
NAIVE_STEPS = 16_384
INTERPRETED_ELEMENTS, INTERPRETED_STEPS = 4096, 64


@dataclass(frozen=True)
class ScanSetup:
    """One question to the Scans view; every field has the view's own default.

    An op looks at the fields that its `controls` name, and at source, dtype, device and backend.

    Units:
        tau: the longest time constant, in steps; a = exp(-1 / tau)
        B, L, D: sequences, steps, channels; text and digits bring their own L, digits their own D
        digit: the index of the first image
        H, P, N, K, V: heads, their width, states, width of keys and of values
        chunk, step: steps; radius: the largest singular value of W
        dim: numbers or bits of a hypervector; pairs, items: how many; flips: % of the bits
        rows, columns: of a weight matrix

    Errors:
        ValueError: more than 8,388,608 elements, no text, or a value out of its range
    """

    op: str = "linear_scan"
    source: str = "random"
    text: str = "To be, or not to be, that is the question"
    digit: int = 0
    B: int = 1
    L: int = 256
    D: int = 8
    tau: float = 32.0
    reverse: bool = False
    dtype: str = "float32"
    seed: int = 0
    device: str = "cpu"
    backend: str = "auto"
    H: int = 2
    P: int = 4
    N: int = 16
    K: int = 8
    V: int = 8
    chunk: int = 16
    step: int = 32
    discretisation: str = "zoh"
    reduction: str = "mean"
    method: str = "sequential"
    radius: float = 1.0
    dim: int = 1024
    pairs: int = 8
    items: int = 64
    flips: int = 20
    k: int = 5
    packing: str = "2bit"
    rows: int = 64
    columns: int = 256

    def __post_init__(self) -> None:
        if self.op not in OPS:
            raise ValueError(f"Scans: unknown op {self.op!r}; choose from {list(OPS)}")
        if self.source not in SOURCES:
            raise ValueError(f"Scans: unknown source {self.source!r}; choose from {list(SOURCES)}")
        if self.dtype not in DTYPES:
            raise ValueError(f"Scans: unknown dtype {self.dtype!r}; choose from {list(DTYPES)}")
        if self.input == "text" and not self.text:
            raise ValueError("There is no text to scan: type at least one character.")
        if len(self.text) > MAX_TEXT:
            raise ValueError(
                f"The text has {len(self.text):,} characters; the view takes up to {MAX_TEXT:,}."
            )
        self._check_sizes()

    def _check_sizes(self) -> None:
        if min(self.B, self.L, self.D) < 1 or not self.tau > 0:
            raise ValueError(
                f"Scans: B, L, D and tau must be positive, got {self.B}, {self.L}, {self.D}"
                f" and {self.tau}."
            )
        op = OPS[self.op]
        least = {name: getattr(self, name) for name in op.controls if name not in OFFSETS}
        small = [n for n, x in least.items() if type(x) in (int, float) and not x > 0]
        if small:
            raise ValueError(f"Scans: {small[0]} must be positive, got {least[small[0]]}.")
        if self.elements > MAX_ELEMENTS:
            raise ValueError(
                f"{' × '.join(op.volume)} = {self.elements:,} elements; the view takes up to"
                f" {MAX_ELEMENTS:,}: choose a smaller size."
            )

    @property
    def input(self) -> str:
        """The source that the op's operands are made from: `source`, where the op takes it."""
        return self.source if self.source in OPS[self.op].sources else "random"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(B, L, D) of the input."""
        if self.input == "digit":
            return self.B, 8, 8
        if self.input == "text":
            return self.B, len(self.text.encode("utf-8")), self.D
        return self.B, self.L, self.D

    @property
    def sizes(self) -> dict[str, int]:
        """The op's size letters, each with its number."""
        op, asked = OPS[self.op], cast(Any, self)  # a class inside its own module, to pyright
        return dict(zip(op.letters, op.sizes(asked), strict=True))

    @property
    def elements(self) -> int:
        """How much there is to work out: the product of the op's `volume`."""
        sizes = self.sizes
        return prod(sizes[letter] for letter in OPS[self.op].volume)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return DTYPES[self.dtype].itemsize


OFFSETS = ("digit", "seed", "flips")  # numbers that may be 0


def obstacles(setup: ScanSetup, names: tuple[str, ...]) -> dict[str, str]:
    """Tell for each backend why it cannot serve `setup` here; an empty reason means that it can.

    >>> obstacles(ScanSetup(), ("naive",))
    {'naive': ''}
    """
    return {name: _obstacle(setup, name) for name in names}


def _obstacle(setup: ScanSetup, name: str) -> str:
    backend = available()[name]
    if not backend.ok:
        return backend.reason
    if backend.device not in ("any", setup.device):
        return f"it runs on {backend.device}, the operands are on {setup.device}"
    op, sizes = OPS[setup.op], setup.sizes
    if name == "naive" and sizes.get(op.loop, 0) > NAIVE_STEPS:
        steps, limit = sizes[op.loop], f"{op.loop} ≤ {NAIVE_STEPS:,}"
        return f"a Python loop of {steps:,} steps is too slow for a page; {limit}"
    if name == "triton" and setup.device == "cpu":
        return _interpreted(setup.elements, sizes.get("L", 1), " × ".join(op.volume))
    return ""


def _interpreted(elements: int, length: int, volume: str) -> str:
    if elements <= INTERPRETED_ELEMENTS and length <= INTERPRETED_STEPS:
        return ""
    return (
        f"Triton's interpreter is slow; L ≤ {INTERPRETED_STEPS}"
        f" and {volume} ≤ {INTERPRETED_ELEMENTS:,}"
    )
