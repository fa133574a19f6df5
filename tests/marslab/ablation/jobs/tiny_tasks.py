"""A task of milliseconds that can fail in every way; a worker imports it by name."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.tasks import Outcome, Task, Trial, register

Act = Literal["score", "nan", "raise", "exit", "loop", "sleep", "kill", "die", "die_once"]


@dataclass(frozen=True)
class TinySettings:
    """How much to add up, how long to wait before, and what to do instead."""

    width: int = 1
    wait: float = 0.0
    act: Act = "score"
    folder: str = ""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width must be positive, got {self.width}")


def run(trial: Trial) -> Outcome:
    import torch  # by a worker; a process that only starts workers has no need of it

    plan: TinySettings = trial.settings
    time.sleep(plan.wait)
    misbehave(plan)
    draws = torch.randn(1000 * plan.width).cumsum(0).sin()  # by torch's global generator
    score = float("nan") if plan.act == "nan" else draws.mean().item()
    return Outcome({"score": score, "cost": 2.0 * plan.width}, [(1, 0.0), (2, score)])


def misbehave(plan: TinySettings) -> None:
    if plan.act == "raise":
        raise ArithmeticError("a sum that\nfails")
    if plan.act == "exit":
        sys.exit("enough")
    if plan.act == "sleep":
        time.sleep(600)
    if plan.act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.act == "die" or (plan.act == "die_once" and first(Path(plan.folder))):
        os._exit(3)
    while plan.act == "loop":
        pass


def first(folder: Path) -> bool:
    """Whether nobody was here before."""
    try:
        (folder / "was_here").mkdir()
    except FileExistsError:
        return False
    return True


TASK = register(
    Task(
        "tiny",
        "Add up random numbers",
        TinySettings,
        (Metric("score", "mean", True), Metric("cost", "time", False, "s")),
        run,
        needs_preset=False,
    )
)
