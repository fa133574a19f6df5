"""A training between two steps: what it is made of, one step of it, its snapshot."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from marslab.config import to_json
from marslab.errors import UserError
from marslab.learning.language.ema import Average
from marslab.learning.language.freezing import trained
from marslab.learning.language.graphs import Losses, StepGraphs
from marslab.learning.language.optimizers import PhaseOptimizer
from marslab.learning.language.plan import LanguagePlan, Phase, same_plan
from marslab.learning.language.ranks import Ranks
from marslab.learning.language.schedule import learning_rate, rows, sequence_length, step_seed
from marslab.learning.language.source import Batch, BatchSource, checked
from marslab.learning.language.state import Snapshot, compare, under
from marslab.learning.losses import IGNORED

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Stepped(NamedTuple):
    """What one step was.

    Units:
        losses: by name, the mean over this process's rows
        norm: of the gradient before it was clipped
        tokens: in the whole batch
    """

    phase: str
    length: int
    lr: float
    losses: dict[str, Tensor]
    norm: Tensor
    tokens: int


class Run:
    """A model under a plan: `advance` makes one step, `snapshot` and `restore` carry it on.

    A step depends on its number, the weights, the average and the optimizer's state alone; all of
    them are in the snapshot. Noise that a model draws in training comes from torch's generators,
    which are seeded anew for every step.
    """

    def __init__(
        self,
        model: nn.Module,
        losses: Losses,
        plan: LanguagePlan,
        source: BatchSource,
        ranks: Ranks,
        graphs: bool = False,
    ) -> None:
        self.model, self.losses, self.plan = model, losses, plan
        self.source, self.ranks = source, ranks
        self.step = 0
        self.learnable = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self.learnable:
            raise ValueError("the model has no parameter that requires a gradient")
        self.device = next(iter(self.learnable.values())).device
        for phase in plan.phases:
            self._moving(phase)  # a glob that matches nothing is told now, not hours later
        self.graphs = _graphs(model, losses, plan) if graphs else None
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=plan.precision == "fp16")
        self.average = Average(model, plan.ema) if plan.ema else None
        self.optimizer: PhaseOptimizer | None = None
        self.moving: list[str] = []

    def enter(self) -> PhaseOptimizer:
        """Begin the phase of the current step: freeze, thaw, and start its optimizer."""
        phase = self.plan.at(self.step).phase
        self.moving = self._moving(phase)
        for name, p in self.learnable.items():
            p.requires_grad_(name in self.moving)
            p.grad = None
        if self.average is not None:
            self.average.settle(self.moving)
        self.optimizer = PhaseOptimizer(self.model, self.plan, phase)
        return self.optimizer

    def leave(self) -> None:
        """Give the model back as it came: what was learnable is so again, without gradients."""
        for p in self.learnable.values():
            p.requires_grad_(True)
            p.grad = None

    def advance(self) -> Stepped:
        """Make one step of the plan."""
        _, phase, at = self.plan.at(self.step)
        optimizer = self.enter() if at == 0 or self.optimizer is None else self.optimizer
        lr, length = learning_rate(phase, at), sequence_length(phase, at)
        number = rows(phase, length)
        batch = self.source.batch(self.plan.seed, self.step, length, number, phase)
        optimizer.set_rate(lr)
        told = self._gradients(checked(batch), phase)
        parameters = optimizer.parameters()
        self.ranks.add_gradients(parameters)
        norm = self._move(optimizer, parameters)
        if self.average is not None:
            self.average.update(self.moving)
        self.step += 1
        return Stepped(phase.name, length, lr, told, norm, batch[0].numel())

    def snapshot(self) -> Snapshot:
        """What is needed to go on from here, bit for bit."""
        tensors = {f"model/{name}": x for name, x in self.model.state_dict().items()}
        numbers: dict[str, float] = {}
        if self.optimizer is not None:
            packed, numbers = self.optimizer.pack()
            tensors |= {f"optimizer/{name}": x for name, x in packed.items()}
        if self.average is not None:
            tensors |= {f"average/{name}": x for name, x in self.average.tensors.items()}
        header: dict[str, Any] = {
            "plan": json.loads(to_json(self.plan)),
            "optimizer": numbers,
            "scaler": self.scaler.state_dict(),
            "averaged": 0 if self.average is None else self.average.updates,
        }
        return Snapshot(tensors, header)

    @torch.no_grad()
    def restore(self, snapshot: Snapshot, where: str) -> None:
        """Go on from a snapshot; nothing is changed if it does not fit.

        Errors:
            UserError: it is of another plan or another model
        """
        tensors, header = snapshot
        same_plan(json.dumps(header["plan"]), self.plan, where)
        pairs = [(under(tensors, "model"), self.model.state_dict())]
        if self.average is not None:
            pairs.append((under(tensors, "average"), self.average.tensors))
        for found, wanted in pairs:
            compare(found, wanted, where)
        for found, wanted in pairs:
            for name, x in wanted.items():
                x.copy_(found[name])
        self.step = header["step"]
        self.scaler.load_state_dict(header["scaler"])
        if self.average is not None:
            self.average.updates = header["averaged"]
        if self.step < self.plan.steps and self.plan.at(self.step).step > 0:
            self.enter().unpack(under(tensors, "optimizer") | header["optimizer"])

    def _moving(self, phase: Phase) -> list[str]:
        """The parameters that the phase moves, in the model's order."""
        chosen = trained(self.model, phase)
        moving = [name for name in self.learnable if name in chosen]
        if not moving:
            raise UserError(f"phase {phase.name!r} trains only what requires no gradient")
        return moving

    def _move(self, optimizer: PhaseOptimizer, parameters: list[Tensor]) -> Tensor:
        """Clip the gradients and follow them; returns their norm."""
        like: Any = optimizer  # a GradScaler reads param_groups and calls step, no more
        learned = any(p.grad is not None for p in parameters)
        if learned:
            self.scaler.unscale_(like)
        norm = nn.utils.clip_grad_norm_(parameters, self.plan.clip or math.inf)
        if learned:
            self.scaler.step(like)
            self.scaler.update()
        optimizer.zero_grad()
        return norm

    def _gradients(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Add up the gradients of this process's rows, piece by piece; returns their losses."""
        options: dict[str, Any] = dict(phase.loss)
        if phase.label_smoothing:
            options["label_smoothing"] = phase.label_smoothing
        whole = int((batch.targets != IGNORED).sum())
        own = slice(self.ranks.rank * phase.accumulate, (self.ranks.rank + 1) * phase.accumulate)
        pieces = batch.pieces(self.ranks.size * phase.accumulate)[own]
        counts = [int((piece.targets != IGNORED).sum()) for piece in pieces]
        told: dict[str, Tensor] = {}
        for number, piece in enumerate(pieces):
            if not counts[number]:
                continue
            seed = step_seed(self.plan.seed, self.step, self.ranks.rank, number)
            parts = self._backward(piece, phase, options, seed, counts[number] / whole)
            for name, value in parts.items():
                told[name] = told.get(name, 0.0) + value.detach() * (counts[number] / sum(counts))
        return told

    def _backward(
        self, piece: Batch, phase: Phase, options: dict[str, Any], seed: int, share: float
    ) -> Mapping[str, Tensor]:
        """Add the gradients of a piece; returns its losses."""
        ids, targets = self._sent(piece.ids), self._sent(piece.targets)
        beside = {name: self._sent(x) for name, x in piece.beside.items()}
        with self._precision():
            if self.graphs is not None:
                tensors = {"ids": ids, "targets": targets, **beside}
                return self.graphs.run(phase.name, tensors, options, seed=seed, share=share)
            torch.manual_seed(seed)
            parts = self.losses(ids, targets, **options, **beside)
        self.scaler.scale(parts["loss"] * share).backward()
        return parts

    def _precision(self) -> torch.autocast:
        half = HALF.get(self.plan.precision)
        return torch.autocast(self.device.type, half, enabled=half is not None)

    def _sent(self, x: Tensor) -> Tensor:
        if self.device.type != "cuda":
            return x.to(self.device)
        return x.pin_memory().to(self.device, non_blocking=True)


def graphable(plan: LanguagePlan) -> bool:
    """Whether each step of a plan is one piece without a scaled loss, as a CUDA graph needs it.

    >>> graphable(LanguagePlan((Phase("one", 1, 1e-3, accumulate=2),)))
    False
    """
    return plan.precision != "fp16" and all(phase.accumulate == 1 for phase in plan.phases)


def _graphs(model: nn.Module, losses: Losses, plan: LanguagePlan) -> StepGraphs:
    """Graphs for a plan whose steps are one piece and whose losses need no scaling.

    Errors:
        ValueError: the plan's are not
    """
    if not graphable(plan):
        raise ValueError(
            "graphs need steps of one piece and no scaled loss: set accumulate to 1 and take bf16"
        )
    return StepGraphs(model, losses)
