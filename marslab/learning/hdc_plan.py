"""What a hyperdimensional classifier is trained on, by which method, how wide and how long."""

from dataclasses import dataclass
from typing import Literal, get_args

from marslab.memory.hdc.quantization import FULL, WIDTHS
from marslab.tasks.tables import Table

Data = Literal[Table, "languages"]
Method = Literal[
    "centroid", "online", "prototypes", "trainable", "torchhd-centroid", "torchhd-online"
]
Encoder = Literal["projection", "record", "ngram"]
OURS: tuple[Method, ...] = get_args(Method)[:4]
TORCHHD: tuple[Method, ...] = get_args(Method)[4:]
DATA: tuple[Data, ...] = (*get_args(Table), "languages")
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)


@dataclass(frozen=True)
class HdcTraining:
    """Which data, which classifier, how wide, in how many bits, and how long it learns.

    Methods, from the least to the most that is learned: "centroid" adds up examples, "online"
    corrects mistakes, "prototypes" trains class hypervectors by gradient over a random encoder,
    "trainable" the encoder too. "torchhd-centroid" and "torchhd-online" are torchhd's, over its
    sinusoid encoder, always in 32 bits.

    Units:
        bits: of hypervectors and class hypervectors
        epochs, lr, batch: of "online" (its lr apart), "prototypes" and "trainable"

    Errors:
        ValueError: a size that is not positive, no such name, or a pair that does not go together

    >>> HdcTraining(dim=0)
    Traceback (most recent call last):
    ValueError: dim must be positive, got 0
    """

    data: Data = "digits"
    method: Method = "trainable"
    encoder: Encoder = "projection"
    dim: int = 1024
    bits: int = FULL
    epochs: int = 20
    lr: float = 4e-3
    batch: int = 64

    def __post_init__(self) -> None:
        for name in ("dim", "epochs", "lr", "batch"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name, known in (("data", DATA), ("method", OURS + TORCHHD), ("encoder", ENCODERS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {list(known)}, got {getattr(self, name)}")
        if self.bits not in WIDTHS or self.method in TORCHHD and self.bits != FULL:
            raise ValueError(f"bits must be one of {WIDTHS}, 32 with torchhd, got {self.bits}")
        fixed = self.method in ("trainable", *TORCHHD)
        if self.encoder != "projection" and fixed:
            raise ValueError(f"{self.method} has an encoder of its own, got {self.encoder!r}")
        if (self.encoder == "ngram") > (self.data == "languages"):
            raise ValueError(f"the ngram encoder reads texts, and {self.data} has none")
