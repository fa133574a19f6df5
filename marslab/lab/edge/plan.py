"""What the edge table measures: which model, made smaller how, trained how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class EdgePlan:
    """A preset that reads digits, a smaller student of its kind, and how each is made.

    The student is the preset with `student` on top of `overrides`. Pruning and training through
    the rounding start from the trained model, with `fine_lr`.

    Units:
        epochs: of the model; student_epochs: of the student; fine_epochs: after pruning;
            qat_epochs: rounded
        share: of weights, or of rows, that are pruned
        T, alpha: temperature and share of the teacher
        calibration: examples by which the ranges of the inputs are found
        repeats: timed calls of each variant

    Errors:
        ValueError: a number is out of its range

    >>> EdgePlan(repeats=0)
    Traceback (most recent call last):
    ValueError: repeats must be positive, got 0
    """

    preset: str = "digits-scan"
    overrides: Mapping[str, Any] = field(
        default_factory=lambda: {"d_model": 192, "blocks": 2, "ssm.op": "ssd"}
    )
    student: Mapping[str, Any] = field(default_factory=lambda: {"d_model": 96, "blocks": 1})
    epochs: int = 12
    student_epochs: int = 12
    fine_epochs: int = 4
    qat_epochs: int = 4
    lr: float = 4e-3
    fine_lr: float = 1e-3
    share: float = 0.5
    T: float = 3.0
    alpha: float = 0.5
    seeds: tuple[int, ...] = (0, 1, 2)
    calibration: int = 512
    repeats: int = 1000

    def __post_init__(self) -> None:
        positive = ("epochs", "student_epochs", "fine_epochs", "qat_epochs", "lr", "fine_lr")
        for name in (*positive, "calibration", "repeats"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 < self.share < 1:
            raise ValueError(f"share must be between 0 and 1, got {self.share}")
        if not self.seeds:
            raise ValueError("seeds must name at least one seed")


# What `marslab edge --run` measures, by the preset. A MARS makes one refinement: the trained
# mars-mini stops after 1.0 in the mean, and more of them change nothing. Its student, which learns
# without deep supervision, has four times the epochs: the same number of steps.
PLANS = {
    "digits-scan": EdgePlan(),
    "mars-mini": EdgePlan(
        preset="mars-mini",
        overrides={},
        student={"d_model": 32, "layers": 1, "hdc.enabled": False},
        student_epochs=48,
        lr=1.5e-3,
        fine_lr=5e-4,
    ),
}
