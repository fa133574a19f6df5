"""What a reader asked the Scans view for, and which backends can serve it."""

from dataclasses import dataclass

import torch

from marslab.kernels import available

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

    Units:
        tau: the longest time constant, in steps; a = exp(-1 / tau)
        B, L, D: sequences, steps, channels; text and digits bring their own L, digits their own D
        digit: the index of the first image

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

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"Scans: unknown source {self.source!r}; choose from {list(SOURCES)}")
        if self.dtype not in DTYPES:
            raise ValueError(f"Scans: unknown dtype {self.dtype!r}; choose from {list(DTYPES)}")
        if self.source == "text" and not self.text:
            raise ValueError("There is no text to scan: type at least one character.")
        if len(self.text) > MAX_TEXT:
            raise ValueError(
                f"The text has {len(self.text):,} characters; the view takes up to {MAX_TEXT:,}."
            )
        if min(self.B, self.L, self.D) < 1 or not self.tau > 0:
            raise ValueError(
                f"Scans: B, L, D and tau must be positive, got {self.B}, {self.L}, {self.D}"
                f" and {self.tau}."
            )
        if self.elements > MAX_ELEMENTS:
            raise ValueError(
                f"B × L × D = {self.elements:,} elements; the view takes up to"
                f" {MAX_ELEMENTS:,}: choose a smaller size."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(B, L, D) of the operands."""
        if self.source == "digit":
            return self.B, 8, 8
        if self.source == "text":
            return self.B, len(self.text.encode("utf-8")), self.D
        return self.B, self.L, self.D

    @property
    def elements(self) -> int:
        """B × L × D."""
        batch, length, width = self.shape
        return batch * length * width

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return DTYPES[self.dtype].itemsize


def obstacles(setup: ScanSetup, names: tuple[str, ...]) -> dict[str, str]:
    """Tell for each backend why it cannot serve `setup` here; an empty reason means that it can.

    >>> obstacles(ScanSetup(), ("naive",))
    {'naive': ''}
    """
    return {name: _obstacle(setup, name) for name in names}


def _obstacle(setup: ScanSetup, name: str) -> str:
    backend = available()[name]
    length = setup.shape[1]
    if not backend.ok:
        return backend.reason
    if backend.device not in ("any", setup.device):
        return f"it runs on {backend.device}, the operands are on {setup.device}"
    if name == "naive" and length > NAIVE_STEPS:
        return f"a Python loop of {length:,} steps is too slow for a page; L ≤ {NAIVE_STEPS:,}"
    slow = setup.elements > INTERPRETED_ELEMENTS or length > INTERPRETED_STEPS
    if name == "triton" and setup.device == "cpu" and slow:
        return (
            f"Triton's interpreter is slow; L ≤ {INTERPRETED_STEPS}"
            f" and B × L × D ≤ {INTERPRETED_ELEMENTS:,}"
        )
    return ""
