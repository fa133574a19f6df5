"""Recursive reasoning: an answer and a latent state refined by one small net, again and again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.thinking.exits import HaltingHead
from marslab.tracing import emit


@dataclass(frozen=True)
class ReasonerConfig:
    """How a RecursiveReasoner refines.

    Units:
        max_depth: refinements at most
        latent_steps: updates of the latent state in each
        layers, expand: of the one net; its hidden width is expand * d_model
        halt: probability that the answer is right, above which a row stops

    >>> ReasonerConfig(max_depth=0)
    Traceback (most recent call last):
    ValueError: reasoner.max_depth must be positive, got 0
    """

    enabled: bool = True
    max_depth: int = 8
    latent_steps: int = 4
    layers: int = 2
    expand: int = 2
    halt: float = 0.9

    def __post_init__(self) -> None:
        for name in ("max_depth", "latent_steps", "layers", "expand"):
            if getattr(self, name) < 1:
                raise ValueError(f"reasoner.{name} must be positive, got {getattr(self, name)}")
        if not 0 < self.halt <= 1:
            raise ValueError(f"reasoner.halt must be in 0..1, 0 left out, got {self.halt}")


class Thought(NamedTuple):
    """The two states between refinements, each of the shape of x."""

    latent: Tensor
    answer: Tensor

    def detached(self) -> "Thought":
        """The same numbers; gradients of what comes next end here."""
        return Thought(self.latent.detach(), self.answer.detach())


class Supervision(NamedTuple):
    """One supervised refinement: how many there were with it, the states, the halting logit.

    Shapes (B batch):
        halting: [B]
    """

    depth: int
    thought: Thought
    halting: Tensor


class Reasoned(NamedTuple):
    """Where a thought ended.

    Shapes (B batch):
        answer: the shape of x
        depth: [B] int64, refinements that the row took
        halting: [B], the probability that made it stop, or its last one
    """

    answer: Tensor
    depth: Tensor
    halting: Tensor

    @property
    def ponder(self) -> float:
        """Refinements a row took in the mean: what thinking cost."""
        return self.depth.double().mean().item()


class RecursiveReasoner(nn.Module):
    """z <- f(x + y, z), several times, then y <- f(y, z): one refinement; x enters at each z.

    f is one net: of the sum of its inputs, `layers` gated MLPs with a way past each and an RMSNorm
    at the end, so that states stay bounded at any depth. The halting head reads y, in the mean over
    the steps where x has steps. `supervised` is for training: a loss at every refinement, a step of
    the optimizer at each, no gradient from one to the one before. `forward` refines each row until
    the head finds its answer right; rows stop apart, and what has stopped costs nothing more.

    Emits "reasoning" with the depth and halting of each row.

    Shapes (B batch, L length, D width):
        x: [B, D] or [B, L, D]
        returns: Reasoned

    Errors:
        ValueError: d_model or a depth is not positive

    Source:
        MARS v4, 2.3, errata M17 to M20; Jolicoeur-Martineau 2025, "Less is more: recursive
        reasoning with tiny networks".

    >>> reasoner = RecursiveReasoner(8, ReasonerConfig(max_depth=3))
    >>> found = reasoner(torch.randn(2, 8))
    >>> found.answer.shape, found.depth.tolist(), found.ponder
    (torch.Size([2, 8]), [3, 3], 3.0)
    """

    def __init__(self, d_model: int, config: ReasonerConfig = ReasonerConfig()) -> None:
        super().__init__()
        if d_model < 1:
            raise ValueError(f"RecursiveReasoner: d_model must be positive, got {d_model}")
        self.config = config
        layers = (_GatedMLP(d_model, config.expand * d_model) for _ in range(config.layers))
        self.net = nn.Sequential(*layers, nn.RMSNorm(d_model))
        self.first = nn.Parameter(torch.randn(2, d_model) * d_model**-0.5)  # latent, answer
        self.halting = HaltingHead(d_model)

    def start(self, x: Tensor) -> Thought:
        """The states before the first refinement: learned, the same for every row."""
        latent, answer = (state.expand_as(x) for state in self.first)
        return Thought(latent, answer)

    def refine(self, x: Tensor, thought: Thought) -> Thought:
        """One refinement."""
        latent, answer = thought
        for _ in range(self.config.latent_steps):
            latent = self.net(x + answer + latent)
        return Thought(latent, self.net(answer + latent))

    def halting_logit(self, thought: Thought) -> Tensor:
        """How likely the answer is right, one logit a row [B]."""
        answer = thought.answer
        return self.halting(answer if answer.ndim == 2 else answer.mean(1))

    def supervised(
        self, encode: Callable[[], Tensor], depth: int | None = None
    ) -> Iterator[Supervision]:
        """Yield each refinement for its loss; step the optimizer before you ask for the next.

        `encode` makes x anew each time: after a step of the optimizer the old one has no valid
        graph. What a refinement takes over from the one before is detached.
        """
        thought = None
        for at in range(1, self._depth(depth) + 1):
            x = encode()
            before = self.start(x) if thought is None else thought.detached()
            thought = self.refine(x, before)
            yield Supervision(at, thought, self.halting_logit(thought))

    def forward(self, x: Tensor, depth: int | None = None, *, halt: bool = True) -> Reasoned:
        thought, deepest = self.start(x), self._depth(depth)
        taken = torch.full(x.shape[:1], deepest, device=x.device)
        sure = x.new_zeros(x.shape[0])
        rows = torch.arange(x.shape[0], device=x.device)
        for at in range(1, deepest + 1):
            new = self.refine(x[rows], Thought(*(state[rows] for state in thought)))
            thought = Thought(
                *(old.index_copy(0, rows, s) for old, s in zip(thought, new, strict=True))
            )
            said = self.halting_logit(new).sigmoid()
            sure = sure.index_copy(0, rows, said)
            if halt and at < deepest:
                stops = said > self.config.halt
                taken[rows[stops]] = at
                rows = rows[~stops]
                if not len(rows):
                    break
        emit("reasoning", depth=taken, halting=sure)
        return Reasoned(thought.answer, taken, sure)

    def _depth(self, depth: int | None) -> int:
        depth = self.config.max_depth if depth is None else depth
        if depth < 1:
            raise ValueError(f"RecursiveReasoner: depth must be at least 1 refinement, got {depth}")
        return depth


class _GatedMLP(nn.Module):
    """x + W_out (silu(a) * b), with a and b linear in RMSNorm(x)."""

    def __init__(self, d_model: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(d_model)
        self.to_hidden = nn.Linear(d_model, 2 * hidden, bias=False)
        self.to_model = nn.Linear(hidden, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.to_hidden(self.norm(x)).chunk(2, -1)
        return x + self.to_model(F.silu(gate) * value)
