"""What a reader asked the Integral auditor view for."""

from dataclasses import dataclass, field

from marslab.widgets.views import trained

SOURCES = ("question", "curve", "batch")
RULES = ("ours", "printed")
LAWS = ("power", "factor")
MODELS = trained.names()
MAX_QUESTION = 300  # characters
MAX_SEED = 9999
THRESHOLDS = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5]
THRESHOLDS += [1.6, 1.7, 1.8, 1.9, 2.0, 2.25, 2.5, 3.0]
POWERS = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0, 2.5]
FACTORS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0]
NOISES = [0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0]
LENGTHS = [5, 6, 7, 8, 10, 12, 16, 20, 24]
SIZES = [20, 50, 100, 200, 400]


@dataclass(frozen=True)
class AuditorSetup:
    """One question to the Integral auditor view; every field has the view's own default.

    Units:
        source: "question", one thought of a trained model; "curve", a made-up one; or "batch",
            thoughts about problems that training never showed
        model: a trained TARS; rule: "ours", the repaired auditor, or "printed"
        law: of the curve, "power" t^-p or "factor" q^t; noise: standard deviation of ln f
        length: waves of the curve; size: problems of the batch
        seed: of the noise, and of the batch

    Errors:
        ValueError: a value is out of its range

    >>> AuditorSetup(source="curve", p=1.2).law
    'power'
    """

    source: str = "question"
    model: str = field(default=MODELS[0])
    question: str = "37+48=?"
    rule: str = "ours"
    law: str = "power"
    p: float = 1.5
    q: float = 0.7
    noise: float = 0.1
    length: int = 12
    size: int = 50
    seed: int = 1

    def __post_init__(self) -> None:
        known = {"source": SOURCES, "model": MODELS, "rule": RULES, "law": LAWS}
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}")
        if len(self.question) > MAX_QUESTION:
            raise ValueError(f"the question must have at most {MAX_QUESTION} characters")
        if not self.question.strip():
            raise ValueError("The question is empty: type at least one visible character.")
        for name, span in {
            "p": (POWERS[0], POWERS[-1]),
            "q": (FACTORS[0], FACTORS[-1]),
            "noise": (NOISES[0], NOISES[-1]),
            "length": (LENGTHS[0], LENGTHS[-1]),
            "size": (SIZES[0], SIZES[-1]),
            "seed": (0, MAX_SEED),
        }.items():
            if not span[0] <= getattr(self, name) <= span[1]:
                got = getattr(self, name)
                raise ValueError(f"{name} must be in {span[0]}..{span[1]}, got {got}")
