"""A trained MARS as a small device runs it: the memory folded, a fixed number of refinements."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.systems.mars.inputs import mean_step
from marslab.systems.mars.model import MarsModel
from marslab.thinking.recursion import RecursiveReasoner, Thought


class FoldedMemory(nn.Module):
    """What MarsModel.remembered adds to h, without a single hypervector.

    At use keys, superposition and codes are constants, and the encoder E [D, d] is linear. So the
    likeness of h to a class is k . E h / |E h|, where k E is a row of d numbers and, with E = Q R,
    |E h| = |R h|; the decoded codes are one row of d for each class. Equal up to rounding, whatever
    the memory's bits and banks: its width D is gone.

    Shapes (B batch, d model width, C classes, D width of a hypervector):
        h: [B, d]; returns the same

    Errors:
        ValueError: D is less than d, or the model has no memory

    Source:
        ours, beside MARS v4, 6 and erratum M41 (40 MB of hypervectors in a model of 100 MB)
    """

    @torch.no_grad()
    def __init__(self, model: MarsModel) -> None:
        super().__init__()
        memory = model.memory
        if memory is None or memory.encoder is None or memory.decoder is None:
            raise ValueError("FoldedMemory: the model has no memory to fold")
        encoder: Tensor = memory.encoder.weight
        (D, d), C = encoder.shape, model.config.n_classes
        if D < d:
            raise ValueError(f"FoldedMemory: hdc.dim must be at least d_model = {d}, got {D}")
        kept = F.normalize(memory.read(torch.arange(C, device=encoder.device)), dim=-1)
        self.likeness = _linear(kept @ encoder)
        self.size = _linear(torch.linalg.qr(encoder, mode="r").R)
        self.decoded = _linear(memory.decoder.weight @ kept.mT, memory.decoder.bias)
        self.sharp = nn.Parameter(model.sharp.exp())

    def forward(self, h: Tensor) -> Tensor:
        size = self.size(h).square().sum(-1, keepdim=True).sqrt().clamp(min=1e-12)
        return h + self.decoded(torch.softmax(self.sharp * self.likeness(h) / size, -1))


class MarsDeployed(nn.Module):
    """MarsModel in eval mode as one graph without a decision: for export, rounding and pruning.

    Every row makes `depth` refinements; what a row would not have made, because its halting head
    was sure, is computed and thrown away. All of it can be trained further.

    Shapes (B batch, C classes):
        x: what the model reads
        returns: logits [B, C], those of `model(x, depth)`

    Errors:
        ValueError: depth is not positive, or the memory cannot be folded

    Source:
        MARS v4, 5; erratum M38 (the printed trace freezes the break of its first example).

    >>> from marslab.systems.mars.config import MarsConfig
    >>> model = MarsModel(MarsConfig(d_model=16, layers=1, n_classes=3, d_input=4)).eval()
    >>> x = torch.randn(2, 5, 4)
    >>> torch.allclose(MarsDeployed(model, depth=2)(x), model(x, 2), atol=1e-5)
    True
    """

    def __init__(self, model: MarsModel, depth: int | None = None) -> None:
        super().__init__()
        config = model.config
        self.input, self.inputs = config.input, copy.deepcopy(model.inputs)
        self.blocks, self.norm = copy.deepcopy(model.blocks), copy.deepcopy(model.norm)
        self.readout = copy.deepcopy(model.readout)
        self.depth = config.reasoner.max_depth if depth is None else depth
        if self.depth < 1:
            raise ValueError(f"MarsDeployed: depth must be at least 1, got {self.depth}")
        self.memory = None if model.memory is None else FoldedMemory(model)
        self.reasoner = copy.deepcopy(model.reasoner)

    def forward(self, x: Tensor) -> Tensor:
        h = self.inputs(x)
        for block in self.blocks:
            h = block(h)
        h = self.norm(mean_step(h, x, self.input))
        h = h if self.memory is None else self.memory(h)
        return self.readout(h if self.reasoner is None else self._answer(self.reasoner, h))

    def _answer(self, reasoner: RecursiveReasoner, h: Tensor) -> Tensor:
        thought, least = reasoner.start(h), _logit(reasoner.config.halt)
        done = torch.zeros(h.shape[0], 1, dtype=torch.bool, device=h.device)
        for at in range(self.depth):
            new = reasoner.refine(h, thought)
            if at:
                new = Thought(
                    *(torch.where(done, old, n) for old, n in zip(thought, new, strict=True))
                )
            thought = new
            if at + 1 < self.depth:
                done = done | (reasoner.halting_logit(thought) > least).unsqueeze(-1)
        return thought.answer


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A linear layer of these numbers."""
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    made.weight = nn.Parameter(weight.detach().contiguous().clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone())
    return made


def _logit(p: float) -> float:
    return math.inf if p >= 1 else math.log(p / (1 - p))
