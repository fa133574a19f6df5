"""Prompts that begin alike need to be read once: states of prefixes, the least used goes first."""

from collections import OrderedDict
from collections.abc import Sequence

import torch

from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState, mapped
from marslab.tracing import emit


class PrefixCache:
    """The states after prompts that were read, for one model.

    What it gives out are copies: a branch that goes on never changes another.

    Units:
        capacity: states kept

    Source:
        TARS v3, 15; erratum T50.

    >>> from marslab.systems.tars.config import TarsConfig
    >>> lm = TarsLM(TarsConfig(d_model=32)).eval()
    >>> cache = PrefixCache(lm)
    >>> _ = cache.prefill([2, 50, 51]), cache.prefill([2, 50, 51, 52])
    >>> cache.hits, cache.read
    (1, 4)
    """

    def __init__(self, lm: TarsLM, capacity: int = 64) -> None:
        if capacity < 1:
            raise ValueError(f"PrefixCache: capacity must be positive, got {capacity}")
        self.lm, self.capacity = lm, capacity
        self._states: OrderedDict[tuple[int, tuple[int, ...]], TarsState] = OrderedDict()
        self.hits = self.read = 0

    def prefill(self, ids: Sequence[int], *, waves: int | None = None) -> TarsState:
        """The state after `ids`; only what is behind the longest known prefix is read."""
        depth, wanted = self.lm.depth(waves), tuple(ids)
        known = self._longest(depth, wanted)
        start = 0 if known is None else len(known)
        if start == len(wanted) and known is not None:
            state = self._states[depth, known]
        else:
            device = self.lm.embed.weight.device
            rest = torch.tensor([wanted[start:]], dtype=torch.int64, device=device)
            if known is None:
                state = self.lm.prefill(rest, waves=depth)
            else:
                _, state = self.lm.step(rest, self._states[depth, known])
        self.hits += known is not None
        self.read += len(wanted) - start
        emit("prefix", length=len(wanted), known=start)
        self._keep((depth, wanted), state)
        return mapped(torch.clone, state)

    def __len__(self) -> int:
        return len(self._states)

    def _longest(self, depth: int, wanted: tuple[int, ...]) -> tuple[int, ...] | None:
        fits = [
            ids for at, ids in self._states if at == depth and wanted[: len(ids)] == ids and ids
        ]
        return max(fits, key=len, default=None)

    def _keep(self, key: tuple[int, tuple[int, ...]], state: TarsState) -> None:
        self._states[key] = mapped(torch.clone, state)
        self._states.move_to_end(key)
        while len(self._states) > self.capacity:
            self._states.popitem(last=False)
