"""What a reader asked the Waves view for."""

from dataclasses import dataclass

from marslab.systems.tars.clamp import ALL, GATES
from marslab.widgets.views.trained import names

MAX_QUESTION = 120  # characters
MAX_BYTES = 96  # of an answer
MODELS = names()
FREE = "free"
KINDS = (FREE, *GATES)
EVERY = 0  # in place of one wave
WAVES = list(range(7))  # EVERY, and the waves of the models that ship, counted from 1
VALUES = [step / 20 for step in range(21)]


@dataclass(frozen=True)
class WavesSetup:
    """One question to the Waves view; every field has the view's own default.

    Units:
        gate: "free", or which gate is held: "merge", "need" or "novelty"
        wave: in which wave, counted from 1; 0 is all of them
        value: 0 to 1, what the gate is held at

    Errors:
        ValueError: a value is out of its range

    >>> WavesSetup(gate="merge", wave=3).clamp
    ('waves.2.merge', 0.0)
    """

    question: str = "47+38=?"
    model: str = MODELS[0]
    gate: str = FREE
    wave: int = 1
    value: float = 0.0

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("The question is empty: type at least one visible character.")
        if len(self.question) > MAX_QUESTION:
            raise ValueError(f"the question must have at most {MAX_QUESTION} characters")
        for name, known in (("model", MODELS), ("gate", KINDS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}")
        if self.wave not in WAVES:
            raise ValueError(f"wave must be in {WAVES[0]}..{WAVES[-1]}, got {self.wave}")
        if not 0 <= self.value <= 1:
            raise ValueError(f"value must be from 0 to 1, got {self.value}")

    @property
    def clamp(self) -> tuple[str, float | None]:
        """The gate as `marslab.systems.tars.clamp` names it, and its value; None holds nothing."""
        which = ALL if self.wave == EVERY else self.wave - 1
        if self.gate == FREE:
            return f"waves.{which}.{GATES[0]}", None
        return f"waves.{which}.{self.gate}", self.value
