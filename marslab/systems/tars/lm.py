"""The language model of TARS: bytes in, the next byte out, wave after wave."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.draft import DraftHead
from marslab.systems.tars.objective import losses
from marslab.systems.tars.state import TarsState
from marslab.systems.tars.thought import Run, Thought
from marslab.systems.tars.wave import Wave, shared_parts, waves
from marslab.thinking.chain import Spine, ThinkingChain
from marslab.thinking.exits import HaltingHead
from marslab.thinking.idme import IDME
from marslab.thinking.pool import MatrixPool, PoolConfig


class TarsLM(nn.Module):
    """Embedding -> waves, with spine and chain between them -> memory read out -> tied head.

    `lm(ids)` runs all waves, deterministically and without hub, Titans or matrix pool;
    `lm(ids, waves=d)` runs exactly d. An answer may end after any wave: all were trained to.

    Shapes (B batch, L length, V vocabulary):
        ids: [B, L] int64
        returns: [B, L, V] float32

    Errors:
        ValueError: ids are not [B, L] integers, or there are fewer waves than asked for

    Source:
        TARS v3, 2; errata T1, T6, T39.

    >>> lm = TarsLM(TarsConfig(d_model=32))
    >>> lm(torch.zeros(1, 5, dtype=torch.int64)).shape
    torch.Size([1, 5, 256])
    """

    def __init__(self, config: TarsConfig) -> None:
        super().__init__()
        self.config = config
        d, M = config.d_model, config.thought.memory_dim
        self.embed = nn.Embedding(config.vocabulary, d)
        nn.init.normal_(self.embed.weight, std=d**-0.5)
        self.omega, self.injection = shared_parts(config)
        self.waves = nn.ModuleList(waves(config, self.omega, self.injection))
        self.spine = Spine(d, M) if config.thought.spine else None
        self.chain = ThinkingChain(d, M, config.waves.count) if config.thought.chain else None
        self.from_memory = nn.Linear(M, d, bias=False) if config.thought.readout else None
        self.norm = nn.RMSNorm(d)
        self.halting = HaltingHead(d)
        self.draft = DraftHead(d, config.vocabulary, config.draft) if config.draft.enabled else None
        part = config.idme
        pool = PoolConfig(d, part.blocks, part.rank) if part.enabled else None
        self.idme = IDME(MatrixPool(pool), part.query) if pool else None

    def forward(self, ids: Tensor, *, waves: int | None = None) -> Tensor:
        run = Run(self, ids)
        for _ in range(self.depth(waves)):
            run.wave()
        return self.logits(run.thought)

    def depth(self, waves: int | None) -> int:
        """The number of waves to run, checked."""
        most = self.config.waves.count
        if waves is None:
            return most
        if not 1 <= waves <= most:
            raise ValueError(f"TarsLM: waves must be from 1 to {most}, got {waves}")
        return waves

    def wave_module(self, index: int) -> Wave:
        """The module of wave `index`; where they are tied it is always the same one."""
        return self.waves[0 if self.config.waves.tied else index]  # pyright: ignore[reportReturnType]

    def hidden(self, thought: Thought, steer: Tensor | None = None) -> Tensor:
        """What the head reads, [B, L, D]: x, the memory and what the pool adds, normed."""
        x = thought.x
        if self.from_memory is not None and thought.memory is not None:
            x = x + self.from_memory(thought.memory)
        return self.norm(x if steer is None else x + steer)

    def logits(self, thought: Thought, steer: Tensor | None = None) -> Tensor:
        """Logits [B, L, V] in float32 after the waves so far; `steer` [B, 1 or L, D] is added."""
        return self.head(self.hidden(thought, steer))

    def head(self, hidden: Tensor) -> Tensor:
        """Logits in float32; the weights are those of the embedding."""
        return F.linear(hidden, self.embed.weight).float()

    def encode(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """The mean state [B, D] of a retrieved text: its embeddings where `mask` [B, L] is true."""
        x = self.embed(ids)
        if mask is None:
            return x.mean(1)
        weight = mask.to(x.dtype)[..., None]
        return (x * weight).sum(1) / weight.sum(1).clamp(min=1)

    def losses(self, ids: Tensor, targets: Tensor, **how: Any) -> dict[str, Tensor]:
        """What training makes small, under "loss", and its parts; see `objective.losses`."""
        return losses(self, ids, targets, **how)

    @torch.no_grad()
    def prefill(
        self,
        ids: Tensor,
        *,
        waves: int | None = None,
        memory: Tensor | None = None,
        rag: Tensor | None = None,
    ) -> TarsState:
        """Read a prompt of at least one byte, [B, L], and return the state after it."""
        run = Run(self, ids, memory=memory)
        for _ in range(self.depth(waves)):
            run.wave(rag=rag)
        return run.state()

    @torch.no_grad()
    def step(self, ids: Tensor, state: TarsState) -> tuple[Tensor, TarsState]:
        """Read one byte [B], or a few [B, L], and return logits [B, V] and the state after them."""
        after = self.advance(ids[:, None] if ids.ndim == 1 else ids, state).state()
        return after.logits, after

    def advance(self, ids: Tensor, state: TarsState) -> Run:
        """Run the bytes [B, L] behind a state, at its depth."""
        run = Run(self, ids, state=state)
        for _ in range(state.depth):
            run.wave()
        return run
