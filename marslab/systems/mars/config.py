"""All settings of MARS; every part can be switched off, every comparison with v3 is a field."""

from dataclasses import dataclass, field
from typing import Literal

from marslab.layers.block_config import positive
from marslab.layers.mars_block import MarsBlockConfig
from marslab.memory.hdc.quantization import FULL, WIDTHS
from marslab.thinking.recursion import ReasonerConfig


@dataclass(frozen=True)
class HdcConfig:
    """The memory of class-bound encodings.

    `encoder` "learned" trains the map into hypervectors and the classes' keys; "random" leaves
    both as they were drawn, a static VSA as in v3. The read-out back to d_model always learns.

    Units:
        dim: width of a hypervector
        banks: superpositions; 0 takes as many as theory asks for
        bits: of the stored superposition, 1, 2, 4, 8 or 32 (float)

    >>> HdcConfig(bits=3)
    Traceback (most recent call last):
    ValueError: hdc.bits must be one of [1, 2, 4, 8, 32], got 3
    """

    enabled: bool = True
    dim: int = 10_000
    banks: int = 0
    bits: int = FULL
    encoder: Literal["learned", "random"] = "learned"

    def __post_init__(self) -> None:
        positive(self, "hdc", "dim")
        if self.banks < 0:
            raise ValueError(f"hdc.banks must be at least 0, got {self.banks}")
        if self.bits not in WIDTHS:
            raise ValueError(f"hdc.bits must be one of {list(WIDTHS)}, got {self.bits}")


@dataclass(frozen=True)
class MarsConfig:
    """All settings of MarsModel; the defaults are the printed sizes.

    `input` "vectors" takes embeddings of `d_input` numbers a step, from an encoder of your choice
    (M44); "bytes" takes ids below 256, with 256 behind the end of a short row; "pixels" takes
    images, in scan order, in squares of `patch` by `patch` with `channels` numbers a pixel;
    "bytes+pixels" takes batches of either, ids as integers and images as floating point.

    >>> MarsConfig(d_model=500)
    Traceback (most recent call last):
    ValueError: block.heads must divide block.expand * d_model = 1000, got 16
    """

    d_model: int = 512
    layers: int = 6
    n_classes: int = 1000
    input: Literal["vectors", "bytes", "pixels", "bytes+pixels"] = "vectors"
    d_input: int = 768
    patch: int = 1
    channels: int = 1
    block: MarsBlockConfig = field(default_factory=lambda: MarsBlockConfig(heads=16))
    hdc: HdcConfig = field(default_factory=HdcConfig)
    reasoner: ReasonerConfig = field(default_factory=ReasonerConfig)

    def __post_init__(self) -> None:
        names = ("d_model", "layers", "n_classes", "d_input", "patch", "channels")
        positive(self, "config", *names)
        width, heads = self.block.expand * self.d_model, self.block.heads
        if self.block.core == "ssd" and width % heads:
            raise ValueError(
                f"block.heads must divide block.expand * d_model = {width}, got {heads}"
            )
        if self.block.core == "attention" and self.d_model % (2 * heads):
            raise ValueError(
                f"block.heads must cut d_model = {self.d_model} into parts of an even width, "
                f"got {heads}"
            )
