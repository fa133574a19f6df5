"""What happens to memory_vec between two waves: the spine keeps it, the chain directs it."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.errors import UserError, unknown
from marslab.kernels.checks import shaped
from marslab.tracing import emit, recording

Phase = Literal["EXPLORE", "ANALYZE", "SYNTHESIZE", "VERIFY"]
PHASES: tuple[Phase, ...] = ("EXPLORE", "ANALYZE", "SYNTHESIZE", "VERIFY")


class Spine(nn.Module):
    """Let memory follow the thought, by a weighted mean of the two.

    memory <- unit(keep memory + (1 - keep) to_memory_space(mean)). to_memory_space is an RMSNorm,
    a projection, and unit length, so that 0.7 and 0.3 weigh what they say whatever the scale of
    the hidden states. Without a memory there is nothing to keep: it begins as
    to_memory_space(mean). So memory_vec is None before the first wave only.

    Emits "spine" with the cosine of old and new memory (NaN where there was none).

    Shapes (B batch, L length, D width, M memory width):
        memory: [B, L, M] or None
        mean: [B, L, D] causal running mean of the hidden states
        returns: [B, L, M], unit length

    Errors:
        ValueError: keep is outside [0, 1], or a tensor has another shape

    Source:
        design 2.4 and 12.5; 87, TARS 6; repaired: T37

    >>> Spine(8, 6)(None, torch.ones(2, 3, 8)).shape
    torch.Size([2, 3, 6])
    """

    def __init__(self, d_model: int, memory_dim: int, keep: float = 0.7) -> None:
        super().__init__()
        if not 0 <= keep <= 1:
            raise ValueError(f"keep must be between 0 and 1, got {keep}")
        self.keep = keep
        self.norm = nn.RMSNorm(d_model)
        self.to_memory = nn.Linear(d_model, memory_dim)

    def forward(self, memory: Tensor | None, mean: Tensor) -> Tensor:
        shaped("Spine", "mean", mean, "[B, L, D]", (None, None, self.to_memory.in_features))
        seen = F.normalize(self.to_memory(self.norm(mean)), dim=-1)
        if memory is None:
            emit("spine", cosine=float("nan"))
            return seen
        _check_memory("Spine", memory, mean, self.to_memory.out_features)
        new = F.normalize(self.keep * memory + (1 - self.keep) * seen, dim=-1)
        if recording():
            emit("spine", cosine=F.cosine_similarity(memory, new, dim=-1))
        return new


class ThinkingChain(nn.Module):
    """Turn memory towards what the next wave should look for.

    thought = MLP([W_understand mean; Embedding(wave)]); g = sigmoid(W [memory; thought]);
    memory <- g thought + (1 - g) memory. Skipped while memory is None. `waves` is the number of
    waves that the model may take; later ones count as the last.

    Emits "chain" with the wave, its phase and the gate.

    Shapes (B batch, L length, D width, M memory width):
        memory: [B, L, M] or None
        mean: [B, L, D] causal running mean of the hidden states
        returns: [B, L, M], or None if memory is None

    Errors:
        ValueError: waves or wave is out of range, or a tensor has another shape
        UserError: no such phase

    Source:
        design 2.3 and 12.5; 87, TARS 6; repaired: T37, T38

    >>> chain = ThinkingChain(8, 6, waves=12)
    >>> [chain.phase(wave) for wave in (0, 3, 6, 11)]
    ['EXPLORE', 'ANALYZE', 'SYNTHESIZE', 'VERIFY']
    >>> chain(None, torch.ones(2, 3, 8), wave=0) is None
    True
    """

    phase_vectors: Tensor

    def __init__(self, d_model: int, memory_dim: int, waves: int) -> None:
        super().__init__()
        if waves < 1:
            raise ValueError(f"waves must be at least 1, got {waves}")
        self.waves = waves
        self.norm = nn.RMSNorm(d_model)
        self.understand = nn.Linear(d_model, memory_dim)
        self.step = nn.Embedding(waves, memory_dim)
        self.think = nn.Sequential(
            nn.Linear(2 * memory_dim, memory_dim), nn.SiLU(), nn.Linear(memory_dim, memory_dim)
        )
        self.to_gate = nn.Linear(2 * memory_dim, memory_dim)
        self.register_buffer("phase_vectors", _directions(len(PHASES), memory_dim))

    def forward(self, memory: Tensor | None, mean: Tensor, wave: int) -> Tensor | None:
        if memory is None:
            return None
        shaped("ThinkingChain", "mean", mean, "[B, L, D]", (None, None, self.norm.weight.shape[0]))
        _check_memory("ThinkingChain", memory, mean, self.step.embedding_dim)
        phase = self.phase(wave)
        at = self.step.weight[min(wave, self.waves - 1)].expand_as(memory)
        thought = self.think(torch.cat([self.understand(self.norm(mean)), at], -1))
        gate = torch.sigmoid(self.to_gate(torch.cat([memory, thought], -1)))
        emit("chain", wave=wave, phase=phase, gate=gate)
        return gate * thought + (1 - gate) * memory

    def phase(self, wave: int) -> Phase:
        """Return what the wave (counted from 0) is for; the four phases share the waves evenly.

        >>> [ThinkingChain(8, 6, waves=6).phase(wave) for wave in range(6)]
        ['EXPLORE', 'EXPLORE', 'ANALYZE', 'SYNTHESIZE', 'SYNTHESIZE', 'VERIFY']
        """
        if wave < 0:
            raise ValueError(f"wave must be at least 0, the first one, got {wave}")
        return PHASES[min(wave * len(PHASES) // self.waves, len(PHASES) - 1)]

    def query(self, memory: Tensor, phase: str) -> Tensor:
        """Return what a phase retrieves with: unit(unit(memory) + 0.5 of the phase's direction).

        The directions are fixed and orthogonal: retrieval cuts the gradient, so nothing could
        teach them. No gradient flows back.

        Shapes (M memory width):
            memory: [..., M]
            returns: [..., M], unit length

        Source:
            87, TARS 6
        """
        if phase not in PHASES:
            raise UserError(unknown("phase", phase, PHASES))
        direction = self.phase_vectors[PHASES.index(phase)]
        return F.normalize(F.normalize(memory.detach(), dim=-1) + 0.5 * direction, dim=-1)


def _check_memory(part: str, memory: Tensor, mean: Tensor, width: int) -> None:
    shaped(part, "memory", memory, "[B, L, M]", (mean.shape[0], mean.shape[1], width))


def _directions(count: int, width: int) -> Tensor:
    """Unit vectors, orthogonal where `width` has room, the same in every model of that width."""
    drawn = torch.randn(width, count, generator=torch.Generator().manual_seed(0))
    if width >= count:
        drawn = torch.linalg.qr(drawn).Q
    return F.normalize(drawn.T, dim=-1)
