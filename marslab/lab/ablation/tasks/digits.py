"""Train the preset's model to tell handwritten digits, and count the held-out ones it gets."""

from dataclasses import dataclass
from typing import Literal

from torch.nn.functional import cross_entropy

from marslab.kernels import backends
from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.tasks import Outcome, Task, Trial
from marslab.learning import fit
from marslab.tasks import load_digits_sequences


@dataclass(frozen=True)
class DigitsSettings:
    """How the model is trained; what is not given is taken from the preset's `training`.

    Units:
        lr: learning rate at the start
        batch: examples a step

    >>> DigitsSettings(epochs=0)
    Traceback (most recent call last):
    ValueError: epochs must be positive, got 0
    """

    epochs: int = 12
    lr: float = 1e-2
    batch: int = 64
    backend: Literal["auto", "naive", "torch", "numba"] = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "lr", "batch"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def prepare(trial: Trial) -> None:
    """Load the data and compile the kernels, by one step on two examples."""
    assert trial.model is not None
    split = load_digits_sequences()
    with backends.use(trial.settings.backend):
        cross_entropy(trial.model(split.train_x[:2]), split.train_y[:2]).backward()


def run(trial: Trial) -> Outcome:
    """Train `trial.model`. The 360 held-out digits are the same ones for every seed."""
    assert trial.model is not None
    plan: DigitsSettings = trial.settings
    with backends.use(plan.backend):
        records = fit(
            trial.model,
            load_digits_sequences(),
            epochs=plan.epochs,
            lr=plan.lr,
            batch=plan.batch,
            seed=trial.seed,
        )
    last = records[-1]
    curve = [(record.epoch + 1, record.held_out) for record in records]
    return Outcome({"held_out": last.held_out, "loss": last.loss}, curve)


TASK = Task(
    "digits",
    "Tell handwritten digits, read row by row",
    DigitsSettings,
    (
        Metric("held_out", "held-out accuracy", more_is_better=True, unit="share"),
        Metric("loss", "training loss of the last epoch", more_is_better=False, unit="nats"),
    ),
    run,
    prepare,
)
