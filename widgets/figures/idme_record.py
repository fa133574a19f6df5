"""What a trace says of one thought's rounds of IDME, as the figures of this folder read it."""

import math
from typing import Any, NamedTuple

from marslab.tracing import Trace


class LoopSeen(NamedTuple):
    """What the loop detector said of a round's best state.

    `counted`: the window was full and the state would have been taken, so that a loop drops it.

    Units:
        lag: period in steps, 0 for none; ratio: how far a return misses, of the states' spread
    """

    kind: str
    lag: int
    ratio: float
    counted: bool

    @property
    def dropped(self) -> bool:
        """Whether this verdict cost the round its winner."""
        return self.counted and self.kind != "none"


class RoundSeen(NamedTuple):
    """One round, counted from 1: who was tried with which gain, who won, what was barred by then.

    `gains` has None for a block that could not win: used before, or with too small a step.
    `winner` is -1 where nobody won; `loop` is None where the trace has no word of a detector.
    """

    at: int
    tried: tuple[int, ...]
    gains: tuple[float | None, ...]
    winner: int
    pool: int
    barred: frozenset[int]
    values: tuple[float, ...]
    loop: LoopSeen | None

    @property
    def gain(self) -> float:
        """What the winner gained, 0 without one."""
        return dict(zip(self.tried, self.gains, strict=True)).get(self.winner) or 0.0


class IdmeRecord(NamedTuple):
    """All rounds of one thought.

    Units:
        start: efficiency of each block before the first round; empty where the trace lacks it
        grown: (the round before which the pool grew, its size since then)
    """

    rounds: tuple[RoundSeen, ...]
    start: tuple[float, ...]
    grown: tuple[tuple[int, int], ...]
    reason: str

    @property
    def first(self) -> int:
        """Blocks before the first round."""
        if self.start or not self.rounds:
            return len(self.start)
        early = [size for at, size in self.grown if at == 1]
        return self.rounds[0].pool if not early else min(early)

    @property
    def last(self) -> int:
        """Blocks after the last round."""
        return max([self.first, *(size for _, size in self.grown)])

    @property
    def earned(self) -> dict[int, float]:
        """What each winner's efficiency rose by."""
        found: dict[int, float] = {}
        for one in self.rounds:
            if one.winner >= 0:
                found[one.winner] = found.get(one.winner, 0.0) + one.gain
        return found


def idme_record(trace: Trace) -> IdmeRecord:
    """Read the events "idme", and beside them "idme_pool", "idme_loop" and "idme_end" if there.

    Errors:
        ValueError: the rounds are those of more than one thought

    >>> import torch
    >>> from marslab.thinking import IDME, MatrixPool, PoolConfig
    >>> from marslab.tracing import trace
    >>> idme = IDME(MatrixPool(PoolConfig(d_model=8, blocks=6, rank=2)))
    >>> with trace() as seen:
    ...     result = idme(torch.ones(1, 8), rounds=3)
    >>> len(idme_record(seen).rounds) == int(result.rounds)
    True
    """
    rounds, grown = list[RoundSeen](), list[tuple[int, int]]()
    start, reason, loop = (), "", None
    used: frozenset[int] = frozenset()
    for name, _, told in trace.events:
        if name == "idme_pool":
            start = tuple(_numbers(told["efficiency"]))
        elif name == "idme_loop":
            loop = told
        elif name == "idme_end":
            reason = str(told["reason"])
        elif name == "idme" and told["event"] == "expand":
            grown.append((len(rounds) + 1, int(told["pool"])))  # pyright: ignore[reportArgumentType]
        elif name == "idme":
            one = _round(told, len(rounds) + 1, used)
            if used.issuperset(one.tried):
                continue  # no block was free: the thought had stopped before it tried one
            taken = sum(round.winner >= 0 for round in rounds)
            rounds.append(one._replace(loop=_loop(loop, one, taken)))
            used, loop = used | set(one.tried), None
    return IdmeRecord(tuple(rounds), start, tuple(grown), reason)


def _round(told: dict[str, Any], at: int, used: frozenset[int]) -> RoundSeen:
    if len(told["candidates"]) != 1:
        raise ValueError(f"idme_record: one thought is needed, got {len(told['candidates'])}")
    tried = tuple(int(block) for block in _numbers(told["candidates"]))
    gains = tuple(gain if math.isfinite(gain) else None for gain in _numbers(told["scores"]))
    values = tuple(_numbers(told["singular_values"]))
    return RoundSeen(at, tried, gains, int(told["winner"]), int(told["pool"]), used, values, None)


def _loop(told: dict[str, Any] | None, one: RoundSeen, taken: int) -> LoopSeen | None:
    if told is None:
        return None
    able = any(gain is not None and gain > 0 for gain in one.gains)
    full = taken + 1 >= int(told["window"])
    return LoopSeen(str(told["kind"]), int(told["lag"]), float(told["ratio"]), able and full)


def _numbers(x: Any) -> list[float]:
    return x.flatten().tolist()
