"""The stage "brain" of the training of TARS: how the brain begins, and its phases in turn."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from marslab import checkpoint
from marslab.errors import UserError, unknown
from marslab.learning.language import BatchSource, Outcome, Pace, state, train_language
from marslab.learning.language.run import graphable
from marslab.learning.language.transfer import transfer_embedding
from marslab.learning.tars.embedding import MinGRULanguageModel
from marslab.learning.tars.plan import TarsTraining
from marslab.learning.tars.scoring import exact, held_out
from marslab.seeding import seed_everything
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.lm import TarsLM
from marslab.text import Cp1251Tokenizer

Tell = Callable[[dict[str, Any]], None]
Keep = Callable[[nn.Module], None]


@dataclass(frozen=True)
class BrainStage:
    """The brain of the training in `folder`; killed at any moment, it goes on at a checkpoint.

    `compiled` hands each wave to torch.compile (T63): a minute at the start, faster steps on a GPU.
    """

    folder: Path
    config: TarsConfig
    training: TarsTraining
    device: str
    seed: int
    pace: Pace
    tell: Tell
    compiled: bool

    def fresh(self) -> TarsLM:
        """The brain as it begins, on the device; the seed decides its weights."""
        seed_everything(self.seed)
        if self.on_gpu:
            torch.set_float32_matmul_precision("high")
        brain = TarsLM(self.config)
        if (self.folder / "mingru-lm.safetensors").exists():
            other = MinGRULanguageModel(self.training.embedding)
            checkpoint.load_into(self.folder / "mingru-lm.safetensors", other)
            transfer_embedding(other.embed.weight, brain.embed, seed=self.seed)
        brain = brain.to(self.device)
        if self.compiled:
            brain(torch.zeros(1, 2, dtype=torch.int64, device=self.device))  # loads the kernels
            for wave in brain.waves:  # the wave, not the loop over waves and losses
                wave.compile(dynamic=False)
        return brain

    def train(self, phase: str, left: float | None, source: BatchSource, keep: Keep) -> str:
        """Train up to the end of `phase` ("2", or "" for all); return why it ended there.

        `keep` gets the brain once it is finished.

        Units:
            left: seconds, None for no limit

        Errors:
            UserError: no such phase
        """
        until = None if left is None else time.monotonic() + left
        names = [each.name for each in self.training.brain.phases]
        last = f"brain.{phase}" if phase else names[-1]
        if last not in names:
            raise UserError(unknown("phase", last, names))
        model = self.fresh()
        # Where waves are compiled it is for the first phase: those that follow are short and train
        # other parts, and compiling them anew would not pay.
        for name in dict.fromkeys([names[0], last] if self.compiled else [last]):
            steps = None if name == names[-1] and not phase else self._steps_upto(name)
            if steps is not None and steps <= 0:
                continue
            spare = None if until is None else max(until - time.monotonic(), 1e-3)
            eager = self.compiled and name != names[0]
            with torch.compiler.set_stance("force_eager") if eager else nullcontext():
                outcome = self._train(model, source, steps, spare)
            if outcome.reason == "finished":
                with nullcontext() if outcome.average is None else outcome.average.applied():
                    keep(model)
            if outcome.reason != "steps":
                return outcome.reason
        return "steps"

    def _train(
        self, model: TarsLM, source: BatchSource, steps: int | None, left: float | None
    ) -> Outcome:
        return train_language(
            model,
            self.training.brain,
            source,
            self.folder / "brain",
            pace=self.pace,
            evaluate=self.quick_scores,
            on_record=self.tell,
            seconds=left,
            steps=steps,
            graphs=self.on_gpu and graphable(self.training.brain),
        )

    def quick_scores(self, model: nn.Module) -> Mapping[str, float]:
        """Problems answered byte for byte, by depth, while the brain learns: 500 held-out ones."""
        assert isinstance(model, TarsLM)
        asked = held_out(500, self.training.data.families or None)
        shares = exact(model, Cp1251Tokenizer(), asked)
        return {f"waves {depth}": share for depth, share in enumerate(shares, 1)}

    def _steps_upto(self, phase: str) -> int:
        """Steps that the brain still has to make until the end of a phase."""
        phases = self.training.brain.phases
        names = [each.name for each in phases]
        found = state.newest(self.folder / "brain")
        done = 0 if found is None else found.header["step"]
        return sum(each.steps for each in phases[: names.index(phase) + 1]) - done

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a CUDA one."""
        return torch.device(self.device).type == "cuda"
