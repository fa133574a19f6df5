"""MARS v4 as a whole: read, remember, reason, decide."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.layers.mars_block import MarsBlock
from marslab.memory.hdc import HolographicConfig, HolographicMemory, cosines
from marslab.systems.mars.config import MarsConfig
from marslab.systems.mars.inputs import INPUTS, mean_step
from marslab.systems.registry import register
from marslab.thinking.exits import halting_loss
from marslab.thinking.recursion import RecursiveReasoner
from marslab.tracing import emit

SHARP = 10.0  # of the softmax over cosines with what each class keeps, at the start


class MarsAnswer(NamedTuple):
    """What MARS says, and how long it thought.

    Shapes (B batch, C classes):
        logits: [B, C]
        depth: [B] int64, refinements taken; 0 without a reasoner
        halting: [B], the probability with which the row stopped; 0 without a reasoner
    """

    logits: Tensor
    depth: Tensor
    halting: Tensor


class Supervised(NamedTuple):
    """One supervised refinement: its losses, and its logits [B, C]."""

    loss: Tensor
    answer: Tensor
    halting: Tensor
    logits: Tensor


@register("mars", config=MarsConfig)
class MarsModel(nn.Module):
    """Classify a sequence: blocks read it, a memory is asked, a reasoner refines the answer.

    The mean over the steps of a row, behind the blocks, is its features h. The memory holds, for
    each class, the sum of the encodings of what was `remember`ed, all in few vectors; it is read
    with every class's key, and the classes' encodings, weighed by their likeness to that of h, are
    decoded and added to h. An empty memory adds a bias alone. With the reasoner off, h decides.

    `supervised` is for training, `forward` for use: in eval mode each row stops when its halting
    head is sure, in training mode all refinements are made.

    Emits "memory" with the cosines [B, C], "reasoning", "logits", and what the blocks emit.

    Shapes (B batch, L length, D width, C classes):
        x: as `config.input` says: [B, L, d_input], ids [B, L], or images [B, (channels,) rows,
            columns]
        y: [B] int64, the class
        returns: logits [B, C]

    Errors:
        ValueError: x has another shape

    Source:
        MARS v4, 2 and 6, errata M13, M14, M17 to M20, and M23 (the printed call gives logits and
        loss as a pair, which its own callers take for a loss).

    >>> config = MarsConfig(d_model=8, layers=1, n_classes=3, d_input=4)
    >>> MarsModel(config)(torch.zeros(2, 5, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(self, config: MarsConfig) -> None:
        super().__init__()
        self.config = config
        d = config.d_model
        self.inputs = INPUTS[config.input](config)
        self.blocks = nn.ModuleList(MarsBlock(d, config.block) for _ in range(config.layers))
        self.norm = nn.LayerNorm(d)
        self.memory: HolographicMemory | None = None
        if config.hdc.enabled:
            part = config.hdc
            kept = HolographicConfig(banks=part.banks, bits=part.bits)
            self.memory = HolographicMemory(config.n_classes, part.dim, kept, d_model=d)
            self.sharp = nn.Parameter(torch.tensor(SHARP).log())
            if part.encoder == "random":
                self.memory.keys.requires_grad_(False)
                self._encoder.requires_grad_(False)
        self.reasoner = RecursiveReasoner(d, config.reasoner) if config.reasoner.enabled else None
        self.readout = nn.Sequential(nn.RMSNorm(d), nn.Linear(d, config.n_classes))

    def features(self, x: Tensor) -> Tensor:
        """The mean of what stands after each step of a row, [B, D]."""
        h = self.inputs(x)
        if not h.shape[1]:
            raise ValueError("MarsModel: x must have at least one step, got none")
        for block in self.blocks:
            h = block(h)
        return self.norm(mean_step(h, x, self.config.input))

    def remembered(self, h: Tensor) -> Tensor:
        """h [B, D] and what the memory has to say to it."""
        if self.memory is None:
            return h
        every = torch.arange(self.config.n_classes, device=h.device)
        kept = F.normalize(self.memory.read(every), dim=-1)
        likeness = cosines(self._encoder(h), kept)
        emit("memory", cosines=likeness)
        weight = torch.softmax(self.sharp.exp() * likeness, -1)
        return h + self.memory.decode(weight @ kept)

    @torch.no_grad()
    def remember(self, x: Tensor, y: Tensor) -> None:
        """Write the encoding of each example under its class; without a memory do nothing."""
        if self.memory is not None:
            self.memory.write(y, self.features(x))

    def forward(self, x: Tensor, depth: int | None = None) -> Tensor:
        return self.answer(x, depth, halt=not self.training).logits

    def answer(self, x: Tensor, depth: int | None = None, *, halt: bool = True) -> MarsAnswer:
        """Answer with at most `depth` refinements, fewer where the halting head is sure."""
        h = self.remembered(self.features(x))
        if self.reasoner is None:
            logits, none = self.readout(h), h.new_zeros(len(h))
            found = MarsAnswer(logits, none.long(), none)
        else:
            y, depths, sure = self.reasoner(h, depth, halt=halt)
            found = MarsAnswer(self.readout(y), depths, sure)
        emit("logits", logits=found.logits)
        return found

    def supervised(
        self,
        x: Tensor,
        y: Tensor,
        *,
        depth: int | None = None,
        halting: float = 0.5,
        label_smoothing: float = 0.0,
    ) -> Iterator[Supervised]:
        """Yield each refinement with its loss; step the optimizer before you ask for the next.

        Cross entropy on the logits of each refinement, and `halting` times the cross entropy of
        the halting logit with "this answer is right". Without a reasoner there is one step.
        """

        def encode() -> Tensor:
            return self.remembered(self.features(x))

        if self.reasoner is None:
            logits = self.readout(encode())
            loss = F.cross_entropy(logits, y, label_smoothing=label_smoothing)
            yield Supervised(loss, loss, loss.new_zeros(()), logits)
            return
        for step in self.reasoner.supervised(encode, depth):
            logits = self.readout(step.thought.answer)
            answer = F.cross_entropy(logits, y, label_smoothing=label_smoothing)
            halt = halting_loss(step.halting, logits.detach().argmax(-1) == y)
            yield Supervised(answer + halting * halt, answer, halt, logits)

    @property
    def _encoder(self) -> nn.Module:
        """From D into hypervectors; a memory made with d_model has one."""
        encoder = None if self.memory is None else self.memory.encoder
        assert encoder is not None
        return encoder
