"""Train a language model by a plan; stop at any step, go on from there as if nothing had been."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import nn

from marslab.errors import UserError
from marslab.learning.language import state
from marslab.learning.language.ema import Average
from marslab.learning.language.graphs import Losses
from marslab.learning.language.log import Log
from marslab.learning.language.plan import LanguagePlan
from marslab.learning.language.ranks import Ranks
from marslab.learning.language.run import Run, Stepped
from marslab.learning.language.source import BatchSource
from marslab.learning.language.stopping import Stop, listening

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

Record = dict[str, Any]
Reason = Literal["finished", "steps", "seconds", "interrupted"]


@dataclass(frozen=True)
class Pace:
    """How often a training tells, saves and is examined. None of it changes what is learned.

    Units:
        log, save, evaluate: steps, 0 for never; save_seconds: seconds, 0 for never

    >>> Pace(log=-1)
    Traceback (most recent call last):
    ValueError: pace.log must not be negative, got -1
    """

    log: int = 10
    save: int = 0
    save_seconds: float = 300.0
    evaluate: int = 500

    def __post_init__(self) -> None:
        for name in ("log", "save", "save_seconds", "evaluate"):
            if getattr(self, name) < 0:
                raise ValueError(f"pace.{name} must not be negative, got {getattr(self, name)}")


class Outcome(NamedTuple):
    """Where a training stands: steps done, why it ended here, and the averaged weights if any."""

    step: int
    steps: int
    reason: Reason
    average: Average | None


def train_language(
    model: nn.Module,
    plan: LanguagePlan,
    source: BatchSource,
    folder: str | PathLike[str],
    *,
    pace: Pace | None = None,
    evaluate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    on_record: Callable[[Record], None] | None = None,
    seconds: float | None = None,
    steps: int | None = None,
    compile: Callable[[Losses], Losses] | None = None,
    graphs: bool = False,
    group: "ProcessGroup | None" = None,
) -> Outcome:
    """Train `model` on the device where it is, and keep the training in `folder`.

    `model.losses(ids, targets, **options)` gives a mapping whose "loss" is optimised; a gradient
    is that of the mean over all targets of the step's batch, however many pieces and processes
    share it (exact where the loss is such a mean). What `folder` holds of a training with this
    plan is carried on, on the CPU bit for bit as if it had never stopped, a kill included.
    Ctrl-C, `seconds` and `steps` (of this call) end it after a whole step and a checkpoint.

    The records of log.jsonl, also given to `on_record`, are of the event "step" (with step, phase,
    length, lr, losses, grad_norm, tokens_per_second, seconds), or "held_out" with the scores that
    `evaluate` gives to the averaged model in eval mode. `compile`, e.g. torch.compile, wraps
    `model.losses`; with `graphs` a GPU launches each step as one CUDA graph. In a `group` each
    process calls this alike, and the first one writes.

    Errors:
        UserError: the folder holds a training of another plan or model, a phase names parameters
            that are not there, or the loss is no longer finite
        ValueError: seconds or steps is not positive, or the plan or the device does not go with
            graphs
    """
    for name, value in (("seconds", seconds), ("steps", steps)):
        if value is not None and not value > 0:
            raise ValueError(f"train_language: {name} must be positive, got {value}")
    method: Any = model.losses
    losses = compile(method) if compile is not None else method
    run = Run(model, losses, plan, source, Ranks(group), graphs)
    found = state.newest(folder)
    if found is not None:
        run.restore(found, fspath(folder))
    run.ranks.share(model, run.step)
    log_position = found.header["log"] if found is not None else 0
    was_training = model.training
    cuda = [run.device] if run.device.type == "cuda" else []
    path = Path(folder) / "log.jsonl" if run.ranks.first else Path(os.devnull)
    try:
        with torch.random.fork_rng(cuda), listening() as stop, Log(path, log_position) as log:
            keeper = _Keeper(run, Path(folder), log, pace or Pace(), on_record)
            keeper.before = found.header["seconds"] if found is not None else 0.0
            reason = _loop(keeper, stop, evaluate, seconds, steps)
    finally:
        run.leave()
        model.train(was_training)
    return Outcome(run.step, plan.steps, reason, run.average)


def _loop(
    keeper: "_Keeper",
    stop: Stop,
    evaluate: Callable[[nn.Module], Mapping[str, float]] | None,
    seconds: float | None,
    steps: int | None,
) -> Reason:
    run = keeper.run
    begun, total = run.step, run.plan.steps
    reason: Reason = "finished"
    while run.step < total and reason == "finished":
        run.model.train()
        keeper.told(run.advance())
        if evaluate is not None and _due(run.step, keeper.pace.evaluate, total):
            keeper.examine(evaluate)
        if run.ranks.any(stop.asked, run.device):
            reason = "interrupted"
        elif steps is not None and run.step - begun >= steps and run.step < total:
            reason = "steps"
        elif seconds is not None and run.step < total:
            over = time.monotonic() - keeper.start >= seconds
            reason = "seconds" if run.ranks.any(over, run.device) else "finished"
        keeper.save(now=reason != "finished" or run.step == total)
    run.ranks.meet()
    return reason


def _due(step: int, every: int, total: int) -> bool:
    return every > 0 and (step % every == 0 or step == total)


class _Keeper:
    """Writes what a training leaves behind: records and checkpoints."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        log: Log,
        pace: Pace,
        on_record: Callable[[Record], None] | None,
    ) -> None:
        self.run, self.folder, self.log, self.pace = run, folder, log, pace
        self.on_record = on_record
        self.start = self.saved = self.logged = time.monotonic()
        self.before = 0.0  # seconds of the calls that came earlier
        self.tokens = 0
        self.last: Stepped | None = None

    def told(self, stepped: Stepped) -> None:
        """Log a step if it is its turn; reading the numbers waits for the device."""
        self.last = stepped
        self.tokens += stepped.tokens
        run = self.run
        if not _due(run.step, self.pace.log, run.plan.steps):
            return
        losses = {name: value.item() for name, value in stepped.losses.items()}
        now = time.monotonic()
        record = {
            "event": "step",
            "step": run.step,
            "phase": stepped.phase,
            "length": stepped.length,
            "lr": stepped.lr,
            "losses": losses,
            "grad_norm": stepped.norm.item(),
            "tokens_per_second": self.tokens / max(now - self.logged, 1e-9),
            "seconds": self.before + now - self.start,
        }
        self.tokens, self.logged = 0, now
        self._record(record)
        self._refuse_broken(losses.get("loss", 0.0))

    def examine(self, evaluate: Callable[[nn.Module], Mapping[str, float]]) -> None:
        """Ask for held-out scores, of the averaged weights where there are some."""
        run = self.run
        if not run.ranks.first:
            return
        run.model.eval()
        with torch.no_grad():
            if run.average is None:
                scores = evaluate(run.model)
            else:
                with run.average.applied():
                    scores = evaluate(run.model)
        self._record({"event": "held_out", "step": run.step, "scores": dict(scores)})

    def save(self, *, now: bool) -> None:
        """Write a checkpoint, if asked to or if it is time."""
        time_is_up = 0 < self.pace.save_seconds <= time.monotonic() - self.saved
        its_turn = self.pace.save > 0 and self.run.step % self.pace.save == 0
        if not (now or time_is_up or its_turn) or not self.run.ranks.first:
            return
        if self.last is not None and "loss" in self.last.losses:
            self._refuse_broken(self.last.losses["loss"].item())
        snapshot = self.run.snapshot()
        seconds = self.before + time.monotonic() - self.start
        header = {**snapshot.header, "log": self.log.position(), "seconds": seconds}
        state.write(self.folder, self.run.step, snapshot._replace(header=header))
        self.saved = time.monotonic()

    def _record(self, record: Record) -> None:
        self.log.add(record)
        if self.on_record is not None and self.run.ranks.first:
            self.on_record(record)

    def _refuse_broken(self, loss: float) -> None:
        """End a training whose loss is no number; with fp16 the scaler passes such steps over."""
        if not math.isfinite(loss) and not self.run.scaler.is_enabled():
            raise UserError(
                f"the loss of step {self.run.step} is {loss}: lower the learning rate or the clip; "
                f"what {self.folder} keeps is from before"
            )
