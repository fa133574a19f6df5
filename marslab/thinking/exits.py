"""Rules that end a thought after a wave, behind one interface, so that they can be compared."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.errors import UserError, unknown
from marslab.thinking.meta_auditor import MetaAuditor


class Observation(NamedTuple):
    """What is seen of a batch of thoughts after one wave.

    Shapes (B batch, D width, V bytes):
        step: [B] relative size of the wave's step
        mean: [B, D] causal mean of the hidden states, or None
        logits: [B, V] of the next byte as it would be predicted now, or None
    """

    step: Tensor
    mean: Tensor | None = None
    logits: Tensor | None = None


class Exits(NamedTuple):
    """After which wave (counted from 1) each row stops, and whether the rule itself said so."""

    wave: Tensor
    fired: Tensor


class ExitRule(ABC):
    """When to stop: a function of all observations so far, with no memory of its own."""

    name: str

    @abstractmethod
    def stop(self, seen: Sequence[Observation]) -> Tensor:
        """Return which rows stop after the last wave in `seen`, [B] bool."""

    def run(self, seen: Sequence[Observation]) -> Exits:
        """Return where each row of a run over all waves would have stopped; else after the last.

        Errors:
            ValueError: nothing was observed

        >>> waves = [Observation(torch.tensor([0.5, 0.1])), Observation(torch.tensor([0.2, 0.1]))]
        >>> SmallStep(tolerance=0.15).run(waves)
        Exits(wave=tensor([2, 1]), fired=tensor([False,  True]))
        """
        if not seen:
            raise ValueError("seen must hold the observation of one wave at least, got none")
        said = torch.stack([self.stop(seen[: wave + 1]) for wave in range(len(seen))], 1)
        fired = said.any(1)
        return Exits(torch.where(fired, said.int().argmax(1), len(seen) - 1) + 1, fired)


class FixedDepth(ExitRule):
    """Stop after `depth` waves, whatever they bring.

    >>> FixedDepth(2).stop([Observation(torch.ones(1))])
    tensor([False])
    """

    name = "fixed"

    def __init__(self, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"depth must be at least 1 wave, got {depth}")
        self.depth = depth

    def stop(self, seen: Sequence[Observation]) -> Tensor:
        step = seen[-1].step
        return torch.full(step.shape, len(seen) >= self.depth, device=step.device)


class SmallStep(ExitRule):
    """Stop when a wave moved the thought by `tolerance` of its size or less.

    >>> SmallStep().stop([Observation(torch.tensor([0.5, 1e-4]))])
    tensor([False,  True])
    """

    name = "small_step"

    def __init__(self, tolerance: float = 1e-3) -> None:
        self.tolerance = tolerance

    def stop(self, seen: Sequence[Observation]) -> Tensor:
        return seen[-1].step <= self.tolerance


class AuditorExit(ExitRule):
    """Stop when the auditor finds the thought converged, or at its early rule of small steps.

    With fewer than 5 waves only the early rule can fire (87, TARS 7).

    >>> rule = AuditorExit(task="math")
    >>> rule.run([Observation(torch.tensor([t**-2.0])) for t in range(1, 7)]).wave
    tensor([5])
    """

    name = "auditor"

    def __init__(
        self,
        meta: MetaAuditor | None = None,
        task: str | None | Sequence[str | None] = None,
    ) -> None:
        self.meta = meta or MetaAuditor()
        self.task = task

    def stop(self, seen: Sequence[Observation]) -> Tensor:
        f = torch.stack([one.step for one in seen], 1)
        return self.meta.judge(f, self.task).converged | self.meta.early(f)


class EntropyExit(ExitRule):
    """Stop when the prediction is sure: its entropy is below `tau`.

    Units:
        tau: nats

    >>> logits = torch.tensor([[0.0, 0.0], [0.0, 9.0]])
    >>> EntropyExit(tau=0.1).stop([Observation(torch.ones(2), logits=logits)])
    tensor([False,  True])
    """

    name = "entropy"

    def __init__(self, tau: float = 0.5) -> None:
        self.tau = tau

    def stop(self, seen: Sequence[Observation]) -> Tensor:
        logits = _needed(seen[-1].logits, self.name, "logits")
        log_p = logits.float().log_softmax(-1)
        return -(log_p.exp() * log_p).sum(-1) < self.tau


class HaltingHead(nn.Module):
    """Read from the mean state how likely the answer is right already: one logit a row.

    Starts at a probability of 0.12, so that an untrained head does not stop every thought.

    Shapes (B batch, D width):
        mean: [..., D]
        returns: [...]

    >>> HaltingHead(8)(torch.zeros(2, 8)).sigmoid()
    tensor([0.1192, 0.1192], grad_fn=<SigmoidBackward0>)
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(d_model)
        self.to_logit = nn.Linear(d_model, 1)
        nn.init.constant_(self.to_logit.bias, -2.0)

    def forward(self, mean: Tensor) -> Tensor:
        return self.to_logit(self.norm(mean)).squeeze(-1)


def halting_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Return the cross-entropy of the halting logits with "the answer after this wave is right".

    Shapes (any, alike):
        logits: of HaltingHead, e.g. [B, waves]
        right: bool or 0 and 1

    >>> halting_loss(torch.zeros(2), torch.tensor([True, False]))
    tensor(0.6931)
    """
    return F.binary_cross_entropy_with_logits(logits, right.to(logits.dtype))


class HaltingExit(ExitRule):
    """Stop when a trained head finds the answer right with a probability above `least`."""

    name = "halting"

    def __init__(self, head: HaltingHead, least: float = 0.5) -> None:
        self.head = head
        self.least = least

    def stop(self, seen: Sequence[Observation]) -> Tensor:
        mean = _needed(seen[-1].mean, self.name, "mean")
        with torch.no_grad():
            return self.head(mean).sigmoid() > self.least


RULES: dict[str, type[ExitRule]] = {
    rule.name: rule for rule in (FixedDepth, AuditorExit, EntropyExit, HaltingExit, SmallStep)
}


def exit_rule(name: str, **settings: Any) -> ExitRule:
    """Return the rule `name` with its settings.

    Errors:
        UserError: no such rule
        TypeError: a setting that the rule does not have

    >>> exit_rule("fixed", depth=3).name
    'fixed'
    """
    if name not in RULES:
        raise UserError(unknown("exit rule", name, RULES))
    return RULES[name](**settings)


def _needed(value: Tensor | None, rule: str, name: str) -> Tensor:
    if value is None:
        raise ValueError(f"the exit rule {rule!r} needs observations with {name}, got None")
    return value
