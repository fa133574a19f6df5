"""Bytes out of a model, one at a time: greedy or drawn, with a way to stop."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState

END = 3  # EOS of CP1251; the tokenizer says which id it is


@dataclass(frozen=True)
class Sampling:
    """How the next byte is chosen. At temperature 0 it is the likeliest one.

    Units:
        temperature: >= 0, logits are divided by it
        top_p: (0, 1], the likeliest bytes that together have at least this probability
        repetition_penalty: >= 1, logits of bytes that came already are made smaller by this factor

    >>> Sampling(top_p=0)
    Traceback (most recent call last):
    ValueError: top_p must be above 0 and at most 1, got 0
    """

    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    stop: tuple[int, ...] = (END,)
    max_bytes: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature must not be negative, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        if self.repetition_penalty < 1:
            raise ValueError(
                f"repetition_penalty must be at least 1, got {self.repetition_penalty}"
            )
        if self.max_bytes < 0:
            raise ValueError(f"max_bytes must not be negative, got {self.max_bytes}")


def distribution(logits: Tensor, how: Sampling, seen: list[int]) -> Tensor:
    """The probabilities [V] that the next byte is drawn with; one of them is 1 at temperature 0.

    Shapes (V vocabulary):
        logits: [V]

    Source:
        top-p: Holtzman et al. 2020; repetition penalty: Keskar et al. 2019.

    >>> distribution(torch.tensor([0.0, 2.0, 1.0]), Sampling(), []).tolist()
    [0.0, 1.0, 0.0]
    """
    logits = logits.float()
    if how.repetition_penalty > 1 and seen:
        at = torch.tensor(sorted(set(seen)), device=logits.device)
        past = logits[at]
        less = torch.where(past > 0, past / how.repetition_penalty, past * how.repetition_penalty)
        logits = logits.index_copy(0, at, less)
    if how.temperature == 0:
        return torch.zeros_like(logits).scatter(0, logits.argmax(-1, keepdim=True), 1.0)
    p = torch.softmax(logits / how.temperature, -1)
    if how.top_p < 1:
        ordered, index = p.sort(descending=True)
        kept = torch.where(ordered.cumsum(0) - ordered < how.top_p, ordered, 0.0)
        p = torch.zeros_like(p).scatter(0, index, kept / kept.sum())
    return p


class Chooser:
    """Draws bytes by one seed, and remembers those of this answer."""

    def __init__(self, how: Sampling) -> None:
        self.how, self.seen = how, []
        self.random = torch.Generator().manual_seed(how.seed)

    def probabilities(self, logits: Tensor, ahead: list[int] | None = None) -> Tensor:
        """The distribution after what was chosen, and after bytes that are only proposed."""
        return distribution(logits.cpu(), self.how, [*self.seen, *(ahead or [])])

    def draw(self, p: Tensor) -> int:
        """A byte of these probabilities [V]."""
        if self.how.temperature == 0:
            return int(p.argmax())
        return int(torch.multinomial(p, 1, generator=self.random))

    def uniform(self) -> float:
        """A number from 0 to 1."""
        return float(torch.rand((), generator=self.random))


class Generation:
    """An answer in the making: iterate over its bytes; `state` is the one after the last of them.

    It ends after `max_bytes`, or before a byte of `stop`, which is not part of it.

    >>> from marslab.systems.tars.config import TarsConfig
    >>> lm = TarsLM(TarsConfig(d_model=32)).eval()
    >>> answer = Generation(lm, lm.prefill(torch.tensor([[2, 50]])), Sampling(max_bytes=3))
    >>> len(list(answer)) <= 3
    True
    """

    def __init__(self, lm: TarsLM, state: TarsState, how: Sampling) -> None:
        if state.logits.shape[0] != 1:
            raise ValueError(f"Generation: one row at a time, got {state.logits.shape[0]}")
        self.lm, self.state, self.how = lm, state, how
        self.ids: list[int] = []
        self.stopped = False

    def __iter__(self) -> Iterator[int]:
        choose = Chooser(self.how)
        while len(self.ids) < self.how.max_bytes and not self.stopped:
            byte = choose.draw(choose.probabilities(self.state.logits[0]))
            if byte in self.how.stop:
                self.stopped = True
                return
            choose.seen.append(byte)
            self.ids.append(byte)
            given = torch.tensor([byte], device=self.state.logits.device)
            _, self.state = self.lm.step(given, self.state)
            yield byte
