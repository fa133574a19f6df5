"""The settings of IDME."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class IdmeConfig:
    """How IDME competes and when it stops.

    `score` "value" asks a learned head, "dp" is the design's: by how much p rises.

    Units:
        candidates: k, blocks tried a round
        patience: rounds without a winner
        min_step: relative step below which a candidate cannot win; 0 lets a no-op win (T11)
        expand: blocks that a pool grows by when fewer than k are unused
    """

    candidates: int = 3
    rounds: int = 100
    patience: int = 2
    min_step: float = 1e-3
    score: Literal["value", "dp"] = "value"
    grow: bool = True
    expand: int = 4
    value_width: int = 64

    def __post_init__(self) -> None:
        for name in ("candidates", "rounds", "patience", "expand", "value_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"idme.{name} must be positive, got {getattr(self, name)}")
        if self.score not in ("value", "dp"):
            raise ValueError(f"idme.score must be 'value' or 'dp', got {self.score!r}")
