"""What a reader asked the IDME view for."""

from dataclasses import dataclass

from marslab.thinking.auditor import IntegralAuditor
from marslab.thinking.idme_config import IdmeConfig
from marslab.widgets.views import trained

MODELS = tuple(trained.names())
SOURCES = ("question", "turning")
POOLS = ("trained", "fresh")
SCORES = ("value", "dp")
MAX_QUESTION = 200  # characters
ASKED = [0, 1, 2, 4, 8]
ANGLES = [0, 5, 10, 17, 30, 45, 60, 72, 90, 120, 150, 180]
SHRINKS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 1.0]
CENTRES = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
ROUNDS = [1, 2, 3, 5, 8, 12, 20, 40, 100]
CANDIDATES = [1, 2, 3, 4, 5, 6, 8]
PATIENCES = [1, 2, 3, 5, 8, 12]
STEPS = [0.0, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3]
EXPANDS = [1, 2, 4, 8, 16]
NEARS = [0.01, 0.02, 0.05, 0.1, 0.2]
SEEDS = range(1000)
NEVER = 10**9  # points that an auditor never gets to see


@dataclass(frozen=True)
class IdmeSetup:
    """One thought for the IDME view; every field has the view's own default.

    Units:
        source: "question", asked of the trained `model`, or "turning", a state that needs none
        asked: how often the question was asked before, the pool keeping what it earned
        pool: "trained", or "fresh" blocks in its place, drawn with `seed`
        angle: degrees a step; shrink: of the radius, a step; centre: distance from 0, in radii
        rounds, candidates, patience, min_step, score, grow, expand: see `IdmeConfig`
        auditor: whether it may end the rounds; near: of the loop detector, see `LoopDetector`

    Errors:
        ValueError: a value is out of its range

    >>> IdmeSetup(candidates=2).config.candidates
    2
    """

    source: str = "question"
    question: str = "3x+7=22"
    model: str = MODELS[0]
    asked: int = 0
    pool: str = "trained"
    angle: int = 30
    shrink: float = 1.0
    centre: float = 1.0
    seed: int = 0
    rounds: int = 40
    candidates: int = 3
    patience: int = 2
    min_step: float = 1e-3
    score: str = "value"
    grow: bool = True
    expand: int = 4
    auditor: bool = True
    near: float = 0.05

    def __post_init__(self) -> None:
        if len(self.question) > MAX_QUESTION:
            raise ValueError(f"the question must have at most {MAX_QUESTION} characters")
        if not self.question.strip():
            raise ValueError("The question is empty: type at least one visible character.")
        known = {"source": SOURCES, "model": MODELS, "pool": POOLS, "score": SCORES}
        for name, words in known.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                got = getattr(self, name)
                raise ValueError(f"{name} must be in {low:g}..{high:g}, got {got}")

    @property
    def config(self) -> IdmeConfig:
        """The settings of IDME."""
        return IdmeConfig(
            candidates=self.candidates,
            rounds=self.rounds,
            patience=self.patience,
            min_step=self.min_step,
            score="dp" if self.score == "dp" else "value",
            grow=self.grow,
            expand=self.expand,
        )

    @property
    def judge(self) -> IntegralAuditor:
        """The auditor that may end the rounds, or one that never has points enough to."""
        return IntegralAuditor() if self.auditor else IntegralAuditor(min_points=NEVER)


LIMITS = {
    name: (values[0], values[-1])
    for name, values in {
        "asked": ASKED,
        "angle": ANGLES,
        "shrink": SHRINKS,
        "centre": CENTRES,
        "seed": SEEDS,
        "rounds": ROUNDS,
        "candidates": CANDIDATES,
        "patience": PATIENCES,
        "min_step": STEPS,
        "expand": EXPANDS,
        "near": NEARS,
    }.items()
}
