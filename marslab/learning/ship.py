"""Make a shipped checkpoint again from its preset: `python -m marslab.learning.ship NAME`.

Trains once per seed, each in a process of its own, keeps the model of the first seed (not of the
best one), and writes how all of them did on the held-out data into the header.
"""

import argparse
import sys
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from marslab import checkpoint, workers
from marslab.config import read, read_preset
from marslab.errors import UserError
from marslab.learning.fit import EpochRecord, fit
from marslab.seeding import seed_everything
from marslab.systems import build
from marslab.tasks import load_digits_sequences

DATA = (
    "scikit-learn's copy of the UCI optical digits (Alpaydin & Kaynak 1998, CC BY 4.0): "
    "1,437 to train on, 360 held out"
)


@dataclass(frozen=True)
class Training:
    """How a preset's model is trained.

    Units:
        lr: learning rate at the start
        batch: examples a step

    >>> Training(epochs=0)
    Traceback (most recent call last):
    ValueError: training.epochs must be positive, got 0
    """

    epochs: int = 30
    lr: float = 1e-2
    batch: int = 64
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        for name in ("epochs", "lr", "batch"):
            if not getattr(self, name) > 0:
                raise ValueError(f"training.{name} must be positive, got {getattr(self, name)}")
        if not self.seeds:
            raise ValueError("training.seeds must name at least one seed")


@dataclass(frozen=True)
class Job:
    """One training, as it travels to a worker."""

    preset: str
    training: Training
    seed: int


@dataclass(frozen=True)
class Trained:
    """What comes back from a worker."""

    weights: dict[str, np.ndarray]
    records: list[EpochRecord]


def train(job: Job) -> Trained:
    """Train one model from its seed; same seed, same machine, same weights."""
    seed_everything(job.seed)
    model = build(job.preset)
    plan = job.training
    records = fit(
        model,
        load_digits_sequences(),
        epochs=plan.epochs,
        lr=plan.lr,
        batch=plan.batch,
        seed=job.seed,
    )
    weights = {name: x.numpy() for name, x in model.state_dict().items()}
    return Trained(weights, records)


def ship(name: str, out: Path) -> dict[str, Any]:
    """Train the preset `name` with each of its seeds, write the checkpoint, return its header.

    Errors:
        UserError: no such preset
        WorkerError: a training failed
    """
    preset = read_preset(name)
    training = read(Training, preset["training"])

    def told(at: int, trained: Trained) -> None:
        score = trained.records[-1].held_out
        print(f"seed {training.seeds[at]}: held-out accuracy {score:.4f}", file=sys.stderr)

    jobs = [Job(name, training, seed) for seed in training.seeds]
    trained = workers.run(train, jobs, on_result=told)
    model: Any = build(name)
    model.load_state_dict({k: torch.from_numpy(x) for k, x in trained[0].weights.items()})
    scores = [t.records[-1].held_out for t in trained]
    return checkpoint.save(
        out,
        model,
        system=preset["system"],
        preset=name,
        config=model.config,
        extra={
            "seed": training.seeds[0],
            "training": asdict(training),
            "data": DATA,
            "scores": {
                "held_out": round(scores[0], 4),
                "held_out_worst": round(min(scores), 4),
                "held_out_mean": round(sum(scores) / len(scores), 4),
            },
            "licence": "MIT",
        },
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m marslab.learning.ship", description=__doc__)
    parser.add_argument("name", help="a preset, e.g. digits-recurrence")
    parser.add_argument("--out", type=Path, help="the file to write, instead of the shipped one")
    given = parser.parse_args(arguments)
    out = given.out
    if out is None:
        folder = Path(str(files("marslab.data") / "checkpoints"))
        out = folder / f"{given.name}.safetensors"
    try:
        header = ship(given.name, out)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{out}: {header['parameters']:,} parameters, {header['scores']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
