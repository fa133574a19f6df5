"""`marslab train tars`: every stage in turn, each resumable, from nothing to a checked model."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from marslab import checkpoint, files
from marslab.compress.ternary import pack, to_ternary
from marslab.config import to_json
from marslab.errors import UserError, unknown
from marslab.learning.language import Pace, read_log, train_language
from marslab.learning.reflex import train as train_reflex
from marslab.learning.tars.brain import BrainStage, Tell
from marslab.learning.tars.data import build_table
from marslab.learning.tars.embedding import MinGRULanguageModel, embedding_plan
from marslab.learning.tars.plan import STAGES, ternary_plan, training_of
from marslab.learning.tars.table import ExampleTable, TableSource
from marslab.learning.tars.validation import validate
from marslab.seeding import seed_everything
from marslab.systems.registry import load_file
from marslab.systems.tars.system import Tars

SCORED = ("held_out", "two_digits", "quadratics")
DATA = "problems of marslab's generator, dialogues and facts of our own (MIT)"


@dataclass(frozen=True)
class Progress:
    """Which stages are done, and why the pipeline ended here: "finished", "seconds", ..."""

    done: tuple[str, ...]
    reason: str


class Pipeline:
    """The training of one preset in one folder; what is done there is not done again.

    Stages: data, reflex, mingru-lm (only for a brain of 512 and wider), brain with its phases,
    ternary (only where the plan gives it steps), assemble, validate. Killed at any moment, the
    same call goes on; a brain goes on at its last checkpoint.

    `compiled` is for the stage of the brain: BrainStage says what it does.

    Errors:
        UserError: no such preset or stage, or the folder holds the training of another plan
    """

    def __init__(
        self,
        preset: str,
        folder: Path,
        *,
        device: str = "cpu",
        seed: int | None = None,
        tell: Tell = lambda record: None,
        pace: Pace | None = None,
        compiled: bool = False,
    ) -> None:
        self.preset, self.folder, self.device, self.tell = preset, folder, device, tell
        self.config, self.training = training_of(preset)
        self.seed = self.training.brain.seed if seed is None else seed
        self.pace = pace or Pace(log=50, save_seconds=120.0, evaluate=1000)
        self.brain = BrainStage(
            folder, self.config, self.training, device, self.seed, self.pace, tell, compiled
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._check_plan()

    def run(self, only: str | None = None, seconds: float | None = None) -> Progress:
        """Do what is left: all stages, or `only` one ("brain.2": the brain up to there)."""
        stage, _, phase = (only or "").partition(".")
        if only is not None and stage not in STAGES:
            raise UserError(unknown("stage", only, STAGES))
        until = None if seconds is None else time.monotonic() + seconds
        for name in [stage] if only else STAGES:
            if (self.folder / f"{name}.done").exists():
                continue
            began = time.monotonic()
            left = None if until is None else until - began
            if left is not None and left <= 0:
                return Progress(self.done, "seconds")
            self.tell({"event": "stage", "stage": name})
            reason = getattr(self, "_" + name.replace("-", "_"))(phase, left)
            if reason != "finished":
                return Progress(self.done, "finished" if phase and reason == "steps" else reason)
            took = {"seconds": round(time.monotonic() - began, 1)}
            files.write_text(self.folder / f"{name}.done", json.dumps(took))
        return Progress(self.done, "finished")

    @property
    def done(self) -> tuple[str, ...]:
        """The stages that are done."""
        return tuple(name for name in STAGES if (self.folder / f"{name}.done").exists())

    def _check_plan(self) -> None:
        """The folder belongs to one plan: what differs is told before anything is done."""
        mine = {
            "preset": self.preset,
            "seed": self.seed,
            "config": json.loads(to_json(self.config)),
            "training": json.loads(to_json(self.training)),
        }
        path = self.folder / "plan.json"
        if not path.exists():
            files.write_text(path, json.dumps(mine, indent=1))
            return
        kept = json.loads(path.read_text(encoding="utf-8"))
        differs = [name for name in mine if kept.get(name) != mine[name]]
        if differs:
            raise UserError(
                f"{self.folder} holds a training with another {' and '.join(differs)}: go on with "
                "that one, or name another folder with --out"
            )

    def _data(self, phase: str, left: float | None) -> str:
        table = build_table(self.training.data, self.config.thought.memory_dim)
        table.save(self.folder / "examples.safetensors")
        self.tell({"event": "data", "examples": len(table), "parts": len(table.parts)})
        return "finished"

    def _reflex(self, phase: str, left: float | None) -> str:
        core, scores = train_reflex(self.seed, config=self.config.reflex)
        self._keep("reflex", core, scores._asdict())
        return "finished"

    def _mingru_lm(self, phase: str, left: float | None) -> str:
        if self.config.d_model < self.training.embedding.width:
            self.tell({"event": "skipped", "stage": "mingru-lm", "why": "the brain is narrower"})
            return "finished"
        plan = embedding_plan(self.training.embedding, self.seed)
        seed_everything(self.seed)
        model = MinGRULanguageModel(self.training.embedding).to(self.device)
        source, folder = TableSource(self.table()), self.folder / "mingru-lm"
        outcome = train_language(
            model, plan, source, folder, pace=self.pace, on_record=self.tell, seconds=left
        )
        if outcome.reason == "finished":
            self._keep("mingru-lm", model, {})
        return outcome.reason

    def _brain(self, phase: str, left: float | None) -> str:
        source = TableSource(self.table(), facts_in=self.training.facts)
        return self.brain.train(phase, left, source, lambda brain: self._keep("brain", brain, {}))

    def _ternary(self, phase: str, left: float | None) -> str:
        plan = self.training.ternary
        if not plan.steps:
            self.tell({"event": "skipped", "stage": "ternary", "why": "the plan gives it no steps"})
            return "finished"
        model = self.brain.fresh()
        checkpoint.load_into(self.folder / "brain.safetensors", model)
        to_ternary(model)
        outcome = train_language(
            model,
            ternary_plan(plan, self.training.brain),
            TableSource(self.table()),
            self.folder / "ternary",
            pace=self.pace,
            on_record=self.tell,
            seconds=left,
        )
        if outcome.reason == "finished":
            self._keep("ternary", pack(model), {})
        return outcome.reason

    def _assemble(self, phase: str, left: float | None) -> str:
        tars = Tars(self.config)
        checkpoint.load_into(self.folder / "brain.safetensors", tars.lm)
        checkpoint.load_into(self.folder / "reflex.safetensors", tars.reflex)
        self._keep(self.preset, tars.to(torch.bfloat16), {}, stored="bfloat16")
        return "finished"

    def _validate(self, phase: str, left: float | None) -> str:
        tars = load_file(self.folder / f"{self.preset}.safetensors", device=self.device)
        assert isinstance(tars, Tars)
        found = validate(tars, self.training.validation, self.training.data.families or None)
        reflex = checkpoint.read_header(self.folder / "reflex.safetensors")["scores"]
        card = found | {"reflex": reflex, "log": read_log(self.folder / "brain" / "log.jsonl")}
        files.write_text(self.folder / f"{self.preset}.json", json.dumps(card, indent=1))
        scores = {name: round(found[name]["all"], 4) for name in SCORED if name in found}
        scores |= {"reflex_intent": reflex["intent"]}
        self._keep(self.preset, tars.cpu().to(torch.bfloat16), scores, stored="bfloat16")
        self.tell({"event": "scores", **scores})
        return "finished"

    def table(self) -> ExampleTable:
        """The examples that the stage "data" made."""
        return ExampleTable.load(self.folder / "examples.safetensors")

    def _keep(
        self, name: str, model: nn.Module, scores: Mapping[str, float], stored: str = "float32"
    ) -> None:
        checkpoint.save(
            self.folder / f"{name}.safetensors",
            model,
            system="tars-reflex" if name == "reflex" else "tars",
            preset=self.preset,
            config=getattr(model, "config", self.config),
            extra={
                "stored": stored,
                "seed": self.seed,
                "data": DATA,
                "licence": "MIT",
                "scores": dict(scores),
            },
        )
