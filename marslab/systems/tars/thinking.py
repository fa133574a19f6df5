"""Thinking about one prompt: wave by wave until a rule says enough, then the pool if it must."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.memory.hub import MemoryHub
from marslab.systems.tars.config import ExitConfig
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.state import TarsState
from marslab.systems.tars.thought import Run
from marslab.thinking.auditor import AuditTrail, Verdict
from marslab.thinking.exits import ExitRule, HaltingHead, Observation, exit_rule
from marslab.thinking.law import relative_step
from marslab.thinking.meta_auditor import MetaAuditor
from marslab.tracing import emit

# Per level of complexity: the share of the waves a thought may take, and rounds of the pool. The
# design's rows are 4, 8, 24 and 24 of 24 blocks, and 2, none, 8 and 20 rounds of which the first
# is never used: a trivial question does not need the pool.
LIMITS = {"trivial": (4 / 24, 0), "simple": (8 / 24, 0), "complex": (1.0, 8), "deep": (1.0, 20)}


class Thinking(NamedTuple):
    """How a thought went: its state, the waves it took, whether it came to rest, rounds of IDME.

    `stopped_by` is the exit rule, "depth" where the waves were spent, or "idme" where the pool was
    asked: behind the last wave, or after five waves or more that converge too slowly.
    """

    state: TarsState
    waves: int
    rounds: int
    stopped_by: str
    retrieved: int
    surprises: int


def limits(level: str | None, waves: int, exits: ExitConfig) -> tuple[int, int]:
    """The most waves and the most rounds of the pool for a level of complexity.

    >>> limits("simple", 6, ExitConfig()), limits(None, 6, ExitConfig())
    ((2, 0), (6, 8))
    """
    if level is None or not exits.by_complexity:
        return waves, LIMITS["complex"][1]
    share, rounds = LIMITS[level]
    return max(1, round(waves * share)), rounds


def rule_of(exits: ExitConfig, head: HaltingHead, depth: int, task: str | None) -> ExitRule:
    """The exit rule that the config names, with its settings.

    >>> rule_of(ExitConfig("entropy"), HaltingHead(8), 6, None).name
    'entropy'
    """
    meta = MetaAuditor(exits.thresholds, tolerance=exits.small_step)
    settings = {
        "fixed": {"depth": depth},
        "auditor": {"meta": meta, "task": task},
        "entropy": {"tau": exits.entropy},
        "halting": {"head": head, "least": exits.halting},
        "small_step": {"tolerance": exits.small_step},
    }
    return exit_rule(exits.rule, **settings[exits.rule])


class Thinker:
    """Thinks about one prompt at a time; depth is decided here, once for the whole answer.

    After each wave: Titans learns what surprises it, the chain's phase asks the store, what comes
    back enters the next wave's states, and what Titans reads enters the memory. All of that is
    visible from the prompt's last step on. Without a hub only the waves are left.

    Source:
        TARS v3, 2.2, 3.4, 3.6; errata T4, T36, T39, T66, T69.
    """

    def __init__(
        self, lm: TarsLM, exits: ExitConfig, hub: MemoryHub | None = None, *, learn: bool = False
    ) -> None:
        self.lm, self.exits, self.hub, self.learn = lm, exits, hub, learn
        self.retrieved = self.surprises = 0

    @torch.no_grad()
    def think(
        self,
        ids: Tensor,
        *,
        task: str | None = None,
        most_waves: int | None = None,
        most_rounds: int = 0,
        memory: Tensor | None = None,
    ) -> Thinking:
        """Read a prompt [1, L] and think; `memory` [1, M] is what the hub knew before."""
        lm = self.lm
        most = lm.depth(most_waves)
        rule = rule_of(self.exits, lm.halting, most, task)
        trail = MetaAuditor(self.exits.thresholds, tolerance=self.exits.small_step).trail(task)
        run, seen, stopped_by, rag = Run(lm, ids, memory=memory), [], "depth", None
        for index in range(most):
            before = run.thought.x[:, -1]
            thought = run.wave(rag=rag)
            observed = Observation(
                relative_step(before, thought.x[:, -1]),
                thought.mean[:, -1],
                lm.logits(thought.last())[:, 0],
            )
            seen.append(observed)
            verdict = trail.add(float(observed.step))
            _tell(index, trail, verdict, observed, lm.halting)
            if bool(rule.stop(seen)):
                stopped_by = rule.name
                break
            if most_rounds and lm.idme is not None and verdict.reason == "stagnation":
                break  # the pool is asked before its time (T66)
            if index + 1 < most:
                rag = self._between(run, index)
        return self._ended(run, trail, stopped_by, most_rounds)

    def _ended(self, run: Run, trail: AuditTrail, stopped_by: str, most: int) -> Thinking:
        """The state after the waves, with what the pool adds where they did not do."""
        steer, rounds = None, 0
        if stopped_by == "depth" and most and self.lm.idme is not None:
            h = run.thought.x[:, -1]
            steps = torch.tensor([trail.steps], dtype=torch.float64, device=h.device)
            found = self.lm.idme(h, steps, trail.threshold, rounds=most, learn=self.learn)
            steer, rounds, stopped_by = found.h - h, int(found.rounds), "idme"
            emit("idme_end", rounds=rounds, reason=found.reason[0])
        state = run.state(steer)
        return Thinking(state, state.depth, rounds, stopped_by, self.retrieved, self.surprises)

    def _between(self, run: Run, index: int) -> Tensor | None:
        """What happens to the memory after a wave; returns what was retrieved, [1, D]."""
        memory = run.thought.memory
        if self.hub is None or memory is None:
            return None
        self._surprised(run, memory[0, -1])
        if self.lm.chain is None:
            return None
        phase = self.lm.chain.phase(index)
        asked = self.lm.chain.query(memory[0, -1], phase)
        found = self.hub.search(asked)
        self.retrieved += len(found)
        emit("retrieval", step=index, phase=phase, found=len(found))
        if not found:
            return None
        coded = " ".join(each.text for each in found).encode("cp1251", "replace")[:512]
        given = torch.tensor([list(coded)], device=memory.device)
        return self.lm.encode(given)

    def _surprised(self, run: Run, memory: Tensor) -> None:
        """Let Titans learn what it did not expect, and let what it knows into the memory."""
        living = None if self.hub is None else self.hub.titans
        if living is None:
            return
        item = F.normalize(memory.float().cpu(), dim=-1)
        self.surprises += living.learn(item)
        surprise = living.titans.surprise(item, living.state)
        read = (1 - surprise).clamp(min=0) * living.titans.read(item, living.state)
        run.hint(read.to(memory)[None])


def _tell(
    index: int, trail: AuditTrail, verdict: Verdict, observed: Observation, head: HaltingHead
) -> None:
    """Emit "auditor": the step, both laws, the threshold, and what the other rules look at."""
    assert observed.logits is not None and observed.mean is not None
    log_p = observed.logits.log_softmax(-1)
    emit(
        "auditor",
        step=index,
        f=trail.steps[-1],
        threshold=trail.threshold,
        **verdict._asdict(),
        entropy=-(log_p.exp() * log_p).sum(-1),
        halting=head(observed.mean).sigmoid(),
    )
