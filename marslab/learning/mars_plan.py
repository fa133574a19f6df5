"""How a MARS is trained: a small plan, and the data that its preset names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from marslab.errors import UserError
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.systems.mars.config import MarsConfig
from marslab.systems.mars.inputs import byte_rows
from marslab.tasks import Split, load_digits_sequences
from marslab.tasks.arc_cells import cell_split, load_arc
from marslab.tasks.captions import load_captions
from marslab.tasks.image_folder import load_image_folder
from marslab.tasks.language_names import load_language_names


@dataclass(frozen=True)
class MarsTraining:
    """All settings of a training.

    The memory is empty before epoch `memory_from`; from then on it is cleared and written anew,
    from all training examples, at the start of each epoch and once at the end.

    `task` names the data: "captioned" are digits and captions together, a batch of either; "arc"
    are cells of small grids; "folder" are images of your own.

    Units:
        copies: "arc": how often each demonstration is asked for, once as it is, then varied
        side: "folder": rows and columns of an image
        depth: supervised refinements a batch, a step of the optimizer each
        lr: largest learning rate; warmup: share of the steps in which it is reached
        halting: weight of the halting loss
        clip: largest norm of the gradient

    >>> MarsTraining(epochs=0)
    Traceback (most recent call last):
    ValueError: training.epochs must be positive, got 0
    """

    task: Literal["digits", "names", "captions", "captioned", "arc", "folder", "none"] = "digits"
    copies: int = 16
    side: int = 224
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
        for name in ("epochs", "lr", "batch", "depth", "clip", "copies", "side"):
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


def load_parts(
    training: MarsTraining, config: MarsConfig, folder: Path | None = None
) -> dict[str, Split]:
    """The data that the preset names, in the form that the model reads: a Split for each form.

    "captioned" has two parts, "digits" and "captions", with the same ten classes; every other task
    has one, of its own name. `folder` holds the images of the task "folder".

    Errors:
        UserError: the preset has no task of its own, or the task does not fit the model

    >>> config = MarsConfig(n_classes=10, input="bytes+pixels")
    >>> sorted(load_parts(MarsTraining("captioned"), config))
    ['captions', 'digits']
    """
    parts, classes, form = _loaded(training, folder)
    if (config.n_classes, config.input) != (classes, form):
        raise UserError(
            f"the task {training.task!r} has {classes} classes and {form}; the preset has "
            f"n_classes {config.n_classes} and input {config.input!r}: make them alike"
        )
    return parts


def load_task(training: MarsTraining, config: MarsConfig) -> Split:
    """The data of a task that has one part.

    "digits" are images, read in scan order; "names" are bytes, and the class is their language;
    "captions" are bytes, and the class is the digit that they name.

    Errors:
        UserError: as in `load_parts`, or the task has two parts

    >>> load_task(MarsTraining(), MarsConfig(n_classes=10, input="pixels")).test_x.shape
    torch.Size([360, 8, 8])
    """
    parts = load_parts(training, config)
    if training.task not in parts:
        raise UserError(f"the task {training.task!r} has the parts {', '.join(parts)}: load_parts")
    return parts[training.task]


def _loaded(training: MarsTraining, folder: Path | None) -> tuple[dict[str, Split], int, str]:
    """The parts of a task, how many classes it has, and what the model must read."""
    task = training.task
    if task == "digits":
        return {task: load_digits_sequences()}, 10, "pixels"
    if task == "names":
        names = load_language_names()
        return {task: _bytes(*names[:4])}, len(names.languages), "bytes"
    if task == "captions":
        return {task: _bytes(*load_captions()[:4])}, 10, "bytes"
    if task == "captioned":
        captions = _bytes(*load_captions()[:4])
        return {"digits": load_digits_sequences(), "captions": captions}, 10, "bytes+pixels"
    if task == "arc":
        return {task: cell_split(load_arc().learned, copies=training.copies)}, 10, "bytes"
    if task == "folder" and folder is not None:
        images = load_image_folder(folder, training.side)
        return {task: images}, int(images.train_y.max()) + 1, "pixels"
    raise UserError(
        "this preset reads images of your own: name their folder with --data"
        if task == "folder"
        else "this preset has no data of its own (training.task is 'none'): its sizes can be "
        "built and counted; to train, take mars-mini or bring your own loop"
    )


def _bytes(
    train: Sequence[str], train_y: Sequence[int], test: Sequence[str], test_y: Sequence[int]
) -> Split:
    rows = byte_rows([*train, *test])
    at = len(train)
    return Split(rows[:at], torch.tensor(train_y), rows[at:], torch.tensor(test_y))
