"""What a reader asked the Continual learning view for."""

from dataclasses import dataclass

from marslab.learning.continual import Budget
from marslab.learning.continual.methods import METHODS
from marslab.tasks.continual import SCENARIOS

MAX_SEED = 9999
EPOCHS = [1, 2, 3, 5, 10, 20]
# The setting that is the strength of each method which has one, and what it may be.
STRENGTH_OF = {
    "ewc": "lam",
    "online-ewc": "lam",
    "ewc-sparse": "lam",
    "ewc-hdc-replay": "lam",
    "si": "c",
    "lwf": "alpha",
    "replay": "kept",
    "sparse": "share",
    "sparse-slots": "slots",
}
VALUES: dict[str, list[float]] = {
    "lam": [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000],
    "c": [0, 0.1, 0.3, 1, 3, 10, 30, 100],
    "alpha": [0, 0.1, 0.3, 1, 3, 10, 30],
    "kept": [5, 10, 20, 50, 100, 200, 500, 1000],
    "share": [0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1],
    "slots": [1, 4, 16, 64, 256],
}


@dataclass(frozen=True)
class ContinualSetup:
    """One sequence of tasks to be learned; every field has the view's own default.

    Units:
        lam: lambda of EWC; c: of SI; alpha: of LwF; kept: examples of replay
        share: of the weights that a sparse update moves; slots: of the memory, a step
        epochs: over each task

    Errors:
        ValueError: a value is out of its range

    >>> ContinualSetup(method="replay", kept=50).strength, ContinualSetup(method="joint").strength
    (50, None)
    """

    scenario: str = "split-digits-class"
    method: str = "ewc"
    lam: float = 1000
    c: float = 1
    alpha: float = 1
    kept: float = 200
    share: float = 0.0001
    slots: float = 16
    epochs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in {"scenario": SCENARIOS, "method": METHODS}.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}")
        spans = {name: (values[0], values[-1]) for name, values in VALUES.items()}
        spans |= {"epochs": (EPOCHS[0], EPOCHS[-1]), "seed": (0, MAX_SEED)}
        for name, (low, high) in spans.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {getattr(self, name)}")

    @property
    def strength(self) -> float | None:
        """What `make_method` takes as the strength of the method."""
        name = STRENGTH_OF.get(self.method)
        return None if name is None else getattr(self, name)

    @property
    def budget(self) -> Budget:
        """How each task is trained."""
        return Budget(epochs=self.epochs)

    @property
    def beside(self) -> tuple[str, int, int]:
        """All that naive and joint training depend on."""
        return self.scenario, self.epochs, self.seed
