"""A thought in the making: some bytes, wave by wave, with what passes between the waves."""

from typing import TYPE_CHECKING, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.checks import shaped
from marslab.layers.running_mean import running_mean
from marslab.systems.tars.state import TarsState
from marslab.systems.tars.wave import WaveOut, tell
from marslab.tracing import emit

if TYPE_CHECKING:
    from marslab.systems.tars.lm import TarsLM


class Thought(NamedTuple):
    """What a wave reads and the next one goes on with.

    Shapes (B batch, L length, D width, M memory width):
        x, mean: [B, L, D], the running mean of x beside it
        memory: [B, L, M] or None
    """

    x: Tensor
    mean: Tensor
    memory: Tensor | None

    def last(self) -> "Thought":
        """Its last step alone, L = 1."""
        memory = None if self.memory is None else self.memory[:, -1:]
        return Thought(self.x[:, -1:], self.mean[:, -1:], memory)


class Run:
    """Bytes on their way through the waves; each call of `wave` runs the next one.

    Fresh, or behind a `state`: then each wave goes on from there, and what the state knows (hints,
    steer) enters again. `memory` [B, M] is known before the first wave.
    """

    def __init__(
        self,
        lm: "TarsLM",
        ids: Tensor,
        *,
        state: TarsState | None = None,
        memory: Tensor | None = None,
    ) -> None:
        shaped("TarsLM", "ids", ids, "[B, L]", (None, None))
        if ids.is_floating_point():
            raise ValueError(f"TarsLM: ids must be integers, got {ids.dtype}")
        self.lm, self.length, self.before = lm, ids.shape[1], state
        self.position = 0 if state is None else state.position
        self.first_memory = memory if state is None else state.memory
        x = lm.embed(ids)
        mean = running_mean(x, None if state is None else state.embed_mean, self.position)
        self.embed_mean = mean[:, -1]
        known = self.first_memory
        spread = None if known is None else known[:, None].expand(-1, self.length, -1)
        self.thought = Thought(x, mean, spread)
        self.outs: list[WaveOut] = []
        self.hints: list[Tensor | None] = []

    def wave(self, *, rag: Tensor | None = None, hint: Tensor | None = None) -> Thought:
        """Run the next wave.

        rag [B, D] enters the state of its blocks; hint [B, M] is added to the memory after it: at
        the last step of a prompt, and at every step that follows.
        """
        index, before = len(self.outs), self.before
        state = None if before is None else before.waves[index]
        x, mean, memory = self.thought
        out = self.lm.wave_module(index)(
            x, mean, state, position=self.position, memory=memory, rag=rag
        )
        if self.lm.spine is not None:
            memory = self.lm.spine(memory, out.mean)
        if self.lm.chain is not None and memory is not None:
            memory = self.lm.chain(memory, out.mean, index)
        self.outs.append(out)
        self.thought = Thought(out.x, out.mean, memory)
        self.hints.append(None)
        old = None if before is None or not before.hints else before.hints[index]
        self.hint(hint if before is None else old)
        tell(index, out, self.thought.memory)
        return self.thought

    def hint(self, hint: Tensor | None) -> None:
        """Let [B, M] enter the memory after the last wave that ran."""
        if hint is None:
            return
        x, mean, memory = self.thought
        self.hints[-1] = hint
        if memory is None:
            memory = x.new_zeros(*x.shape[:2], hint.shape[-1])
        late = memory if self.before is not None else memory[:, -1:]
        late = F.normalize(late + hint[:, None], dim=-1)
        memory = (
            late
            if self.before is not None
            else F.pad(memory[:, :-1], (0, 0, 0, 1)) + F.pad(late, (0, 0, self.length - 1, 0))
        )
        self.thought = Thought(x, mean, memory)

    def state(self, steer: Tensor | None = None) -> TarsState:
        """The state after these bytes; `steer` [B, D] stays with all that follow."""
        if self.before is not None:
            steer = self.before.steer
        hidden = self.lm.hidden(self.thought.last(), None if steer is None else steer[:, None])[
            :, 0
        ]
        logits = self.lm.head(hidden)
        emit("logits", step=self.position + self.length - 1, logits=logits)
        return TarsState(
            self.position + self.length,
            len(self.outs),
            logits,
            hidden,
            self.embed_mean,
            tuple(out.state for out in self.outs),
            self.first_memory,
            tuple(self.hints),
            steer,
        )
