"""How a MARS is trained: a small plan, and the data that its preset names."""

from dataclasses import dataclass
from typing import Literal

import torch

from marslab.errors import UserError
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.systems.mars.config import MarsConfig
from marslab.systems.mars.inputs import byte_rows
from marslab.tasks import Split, load_digits_sequences
from marslab.tasks.language_names import load_language_names


@dataclass(frozen=True)
class MarsTraining:
    """All settings of a training.

    The memory is empty before epoch `memory_from`; from then on it is cleared and written anew,
    from all training examples, at the start of each epoch and once at the end.

    Units:
        depth: supervised refinements a batch, a step of the optimizer each
        lr: largest learning rate; warmup: share of the steps in which it is reached
        halting: weight of the halting loss
        clip: largest norm of the gradient

    >>> MarsTraining(epochs=0)
    Traceback (most recent call last):
    ValueError: training.epochs must be positive, got 0
    """

    task: Literal["digits", "names", "none"] = "digits"
    epochs: int = 12
    lr: float = 1.5e-3
    batch: int = 64
    depth: int = 4
    memory_from: int = 3
    warmup: float = 0.05
    weight_decay: float = 0.05
    halting: float = 0.5
    label_smoothing: float = 0.0
    clip: float = 1.0

    def __post_init__(self) -> None:
        for name in ("epochs", "lr", "batch", "depth", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"training.{name} must be positive, got {getattr(self, name)}")
        if self.memory_from < 0 or self.halting < 0:
            raise ValueError(
                "training.memory_from and training.halting must not be negative, "
                f"got {self.memory_from} and {self.halting}"
            )

    def language_plan(self, steps: int, seed: int) -> LanguagePlan:
        """The same as one phase of so many steps: its rates and its optimizer are shared."""
        phase = Phase(
            "mars", steps, self.lr, warmup=self.warmup, label_smoothing=self.label_smoothing
        )
        return LanguagePlan(
            (phase,), seed=seed, clip=self.clip, weight_decay=self.weight_decay, betas=(0.9, 0.99)
        )


def load_task(training: MarsTraining, config: MarsConfig) -> Split:
    """The data that the preset names, in the form that the model reads.

    "digits" are images, read in scan order; "names" are bytes, and the class is their language.

    Errors:
        UserError: the preset has no task of its own, or the task does not fit the model

    >>> load_task(MarsTraining(), MarsConfig(n_classes=10, input="pixels")).test_x.shape
    torch.Size([360, 8, 8])
    """
    if training.task == "digits":
        split, classes, form = load_digits_sequences(), 10, "pixels"
    elif training.task == "names":
        split, classes, form = *_names(), "bytes"
    else:
        raise UserError(
            "this preset has no data of its own (training.task is 'none'): its sizes can be "
            "built and counted; to train, take mars-mini or bring your own loop"
        )
    if (config.n_classes, config.input) != (classes, form):
        raise UserError(
            f"the task {training.task!r} has {classes} classes and {form}; the preset has "
            f"n_classes {config.n_classes} and input {config.input!r}: make them alike"
        )
    return split


def _names() -> tuple[Split, int]:
    found = load_language_names()
    rows = byte_rows([*found.train, *found.test])
    at = len(found.train)
    y, test_y = torch.tensor(found.train_y), torch.tensor(found.test_y)
    return Split(rows[:at], y, rows[at:], test_y), len(found.languages)
