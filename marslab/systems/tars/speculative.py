"""Speculative decoding: a small head guesses a few bytes, the model checks them in one pass."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.systems.tars.draft import DraftHead
from marslab.systems.tars.generation import Chooser, Generation, Sampling
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState
from marslab.tracing import emit


class Verdict(NamedTuple):
    """What became of a proposal: how many bytes stand, and the one that follows them."""

    accepted: int
    following: int


def verify(p: list[Tensor], q: list[Tensor], drafted: list[int], choose: Chooser) -> Verdict:
    """Accept each drafted byte with probability min(1, p/q); else draw from max(p - q, 0).

    The bytes that come out are distributed as p, whatever q is; at temperature 0 they are those of
    plain greedy decoding.

    Shapes (V vocabulary):
        p: one more than drafted, each [V], the model's; q: [V] each, the draft head's

    Source:
        Leviathan, Kalman & Matias 2023, "Fast inference from transformers via speculative
        decoding", algorithm 1; erratum T49.
    """
    for at, byte in enumerate(drafted):
        if choose.uniform() * float(q[at][byte]) < float(p[at][byte]):
            continue
        left = (p[at] - q[at]).clamp(min=0)
        return Verdict(at, choose.draw(left if float(left.sum()) > 0 else p[at]))
    return Verdict(len(drafted), choose.draw(p[-1]))


class SpeculativeGeneration(Generation):
    """As `Generation`, with the draft head of the model; counts what it proposed and what stood.

    After a rejection the state is made again from the snapshot before the window: the recurrent
    states inside of it are not kept.

    Errors:
        ValueError: the model has no draft head
    """

    def __init__(self, lm: TarsLM, state: TarsState, how: Sampling) -> None:
        super().__init__(lm, state, how)
        if lm.draft is None:
            raise ValueError("SpeculativeGeneration: the model has no draft head (draft.enabled)")
        self.head: DraftHead = lm.draft
        self.proposed = self.accepted = self.passes = 0

    def __iter__(self) -> Iterator[int]:
        choose = Chooser(self.how)
        byte = choose.draw(choose.probabilities(self.state.logits[0]))
        while not self._ended(byte):
            taken, byte = self._checked(byte, choose)
            for each in taken:
                self.ids.append(each)
                yield each

    def _ended(self, byte: int) -> bool:
        full = len(self.ids) == self.how.max_bytes
        self.stopped = not full and byte in self.how.stop
        return full or self.stopped

    @torch.no_grad()
    def _checked(self, first: int, choose: Chooser) -> tuple[list[int], int]:
        """`first` and the drafted bytes that stand, which the state has read now; and the next."""
        choose.seen.append(first)
        drafted, q = self._drafted(first, choose)
        base, device = self.state, self.state.logits.device
        run = self.lm.advance(torch.tensor([[first, *drafted]], device=device), base)
        steer = None if base.steer is None else base.steer[:, None]
        logits = self.lm.logits(run.thought, steer)[0]
        p = [choose.probabilities(logits[at], drafted[:at]) for at in range(len(drafted) + 1)]
        accepted, following = verify(p, q, drafted, choose)
        self.proposed, self.accepted = self.proposed + len(drafted), self.accepted + accepted
        emit("draft", proposed=len(drafted), accepted=accepted)
        kept = drafted[: min(accepted, self.how.max_bytes - len(self.ids) - 1)]
        for at, byte in enumerate(kept):
            if byte in self.how.stop:
                kept, following = kept[:at], byte
                break
        whole = len(kept) == len(drafted)
        self.passes += 1 if whole else 2
        again = torch.tensor([[first, *kept]], device=device)
        self.state = run.state() if whole else self.lm.step(again, base)[1]
        choose.seen += kept
        return [first, *kept], following

    def _drafted(self, first: int, choose: Chooser) -> tuple[list[int], list[Tensor]]:
        drafted, q, byte = [], [], first
        for far in range(self.head.length):
            given = self.lm.embed(torch.tensor([byte], device=self.state.hidden.device))
            logits = self.head(self.state.hidden, given, far)[0]
            q.append(choose.probabilities(logits, drafted))
            byte = choose.draw(q[-1])
            drafted.append(byte)
        return drafted, q
