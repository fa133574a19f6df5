"""Train a TARS brain on problems of the generator, and count the held-out ones it solves."""

import tempfile
from dataclasses import dataclass
from typing import Literal

import torch

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.tasks import Outcome, Task, Trial
from marslab.learning.language import Pace, train_language
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.learning.tars.data import DataConfig, build_table
from marslab.learning.tars.each_wave import flawless, flawless_pooled, worked
from marslab.learning.tars.scoring import held_out
from marslab.learning.tars.table import TableSource
from marslab.systems.tars.system import Tars
from marslab.text import Cp1251Tokenizer


@dataclass(frozen=True)
class ProblemsSettings:
    """How the brain is trained, on which families of problems, and how many it is asked.

    `device` "auto" takes a GPU where there is one. `rounds` of the matrix pool are trained with
    the rest, and asked behind the waves.

    Units:
        tokens: of one step; length: bytes of a row

    >>> ProblemsSettings(steps=0)
    Traceback (most recent call last):
    ValueError: steps must be positive, got 0
    """

    steps: int = 1500
    lr: float = 2e-3
    tokens: int = 8192
    length: int = 96
    optimizer: Literal["muon", "adamw"] = "muon"
    families: tuple[str, ...] = ("add", "sub")
    count: int = 20_000
    asked: int = 300
    rounds: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for name in ("steps", "lr", "tokens", "length", "count", "asked"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


def run(trial: Trial) -> Outcome:
    """Train the brain of `trial.model`; data and held-out problems are the same for every seed."""
    assert isinstance(trial.model, Tars)
    plan: ProblemsSettings = trial.settings
    families = dict.fromkeys(plan.families, 1.0)
    lm = trial.model.lm.to(_place(plan.device))
    table = build_table(DataConfig(plan.count, 0, families), lm.config.thought.memory_dim)
    phase = Phase(
        "problems",
        plan.steps,
        plan.lr,
        lengths=(plan.length,),
        tokens=plan.tokens,
        optimizer=plan.optimizer,
        label_smoothing=0.0,
        mixture=families,
        loss={"rounds": plan.rounds} if plan.rounds else {},
    )
    losses: list[tuple[float, float]] = []

    def tell(record: dict) -> None:
        if record["event"] == "step":
            losses.append((float(record["step"]), record["losses"]["next_byte"]))

    pace = Pace(log=max(1, plan.steps // 20), save_seconds=0, evaluate=0)
    with tempfile.TemporaryDirectory() as folder:
        train_language(
            lm,
            LanguagePlan((phase,), trial.seed, weight_decay=0.05),
            TableSource(table),
            folder,
            pace=pace,
            on_record=tell,
            graphs=lm.embed.weight.is_cuda,
        )
    lm.eval()
    rows = worked(Cp1251Tokenizer(), held_out(plan.asked, families))
    waves = pool = _share(flawless(lm, rows)[-1])
    if plan.rounds and lm.idme is not None:
        pool = _share(flawless_pooled(lm, rows, plan.rounds))
    return Outcome({"held_out": waves, "pooled": pool, "loss": losses[-1][1]}, losses)


def _share(right: torch.Tensor) -> float:
    return right.double().mean().item()


def _place(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


TASK = Task(
    "problems",
    "Solve problems that training never showed",
    ProblemsSettings,
    (
        Metric("held_out", "held-out problems solved", more_is_better=True, unit="share"),
        Metric("pooled", "the same behind the pool's rounds", more_is_better=True, unit="share"),
        Metric("loss", "training loss of the next byte", more_is_better=False, unit="nats"),
    ),
    run,
)
