"""Depth on demand: rounds in which a few blocks of the pool compete for the next step."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.kernels.checks import shaped
from marslab.thinking.auditor import IntegralAuditor
from marslab.thinking.idme_config import IdmeConfig
from marslab.thinking.idme_query import Query, Stop
from marslab.thinking.law import fit, relative_step
from marslab.thinking.loops import LoopDetector
from marslab.thinking.pool import MatrixPool
from marslab.tracing import emit, recording


class Round(NamedTuple):
    """One round: candidates [B, k], their scores (-inf: could not win), the winner [B] or -1."""

    candidates: Tensor
    scores: Tensor
    winner: Tensor
    pool: int


class IdmeResult(NamedTuple):
    """The thought after IDME [B, D], the rounds that each row took [B], why it stopped, a trace."""

    h: Tensor
    rounds: Tensor
    reason: tuple[Stop, ...]
    trace: tuple[Round, ...]


class Unrolled(NamedTuple):
    """Differentiable rounds: the last state, all states [B, R + 1, D], the weights [B, R, k]."""

    h: Tensor
    states: Tensor
    weights: Tensor


class IDME(nn.Module):
    """Go on thinking with blocks from the pool until nothing is gained any more.

    A round selects k unused blocks by cosine and efficiency, tries each, and takes the one with
    the highest score, if it moves h and its score is above 0; its efficiency rises by the score,
    for later queries. A row stops for one of these reasons:

    converged: the auditor says so, of the steps from the first wave on
    no_improvement: `patience` rounds without a winner
    loop: the second one; at the first the winner is dropped (a round without one)
    pool: no unused block is left and the pool may not grow
    rounds: all are spent, the only guarantee there is (T41)

    Rows do not see each other: what one adds to the pool, others may use in their next query; only
    the room up to pool.max_blocks is shared. The forward pass has no gradient; `unroll` has.

    Emits "idme" once a round (event "round": candidates, scores, winner, pool, singular_values),
    and for each growth (event "expand": pool).

    Shapes (B batch, D width, T steps so far):
        h: [B, D]
        steps: [B, T] relative steps of the waves before, or None

    Errors:
        ValueError: a tensor has another shape

    Source:
        design 3.6 and 12.8; 87, TARS 10; repaired: T4, T9, T11, T41, T42

    >>> from marslab.thinking.pool import PoolConfig
    >>> idme = IDME(MatrixPool(PoolConfig(d_model=8, blocks=6, rank=2)))
    >>> idme(torch.ones(2, 8), rounds=3).h.shape
    torch.Size([2, 8])
    """

    def __init__(
        self,
        pool: MatrixPool,
        config: IdmeConfig | None = None,
        *,
        auditor: IntegralAuditor | None = None,
        detector: LoopDetector | None = None,
    ) -> None:
        super().__init__()
        self.config = config or IdmeConfig()
        self.pool = pool
        self.auditor = auditor or IntegralAuditor()
        self.detector = detector or LoopDetector()
        d_model, width = pool.config.d_model, self.config.value_width
        self.value_head = nn.Sequential(
            nn.RMSNorm(d_model),
            nn.Linear(d_model, width),
            nn.SiLU(),
            nn.Linear(width, 1, bias=False),
        )

    def value(self, h: Tensor) -> Tensor:
        """Return the logit of "an answer read from h is right", [...] for h [..., D]."""
        return self.value_head(h).squeeze(-1)

    def value_loss(self, h: Tensor, right: Tensor) -> Tensor:
        """Return the cross-entropy of `value` with whether the answer was right; [...] each."""
        logits = self.value(h)
        return F.binary_cross_entropy_with_logits(logits, right.to(logits.dtype))

    @torch.no_grad()
    def forward(
        self,
        h: Tensor,
        steps: Tensor | None = None,
        threshold: float | Tensor | None = None,
        *,
        rounds: int | None = None,
        learn: bool = True,
    ) -> IdmeResult:
        """Think on; with `learn` False the pool stays as it is: no growth, no recirculation."""
        shaped("IDME", "h", h, "[B, D]", (None, self.pool.config.d_model))
        if steps is None:
            steps = h.new_zeros(len(h), 0, dtype=torch.float64)
        shaped("IDME", "steps", steps, "[B, T]", (len(h), None))
        query = Query(h, steps, self.pool.efficiency, self.detector.window + 1)
        trace: list[Round] = []
        limit = self.config.rounds if rounds is None else rounds
        while query.active.any() and len(trace) < limit:
            trace.append(self._round(query, threshold, learn))
        query.stop(query.active, "rounds")
        if learn:
            self.pool.efficiency += query.earned
        return IdmeResult(query.h, query.rounds, tuple(query.reason), tuple(trace))

    def _round(self, query: Query, threshold: float | Tensor | None, learn: bool) -> Round:
        config, pool = self.config, self.pool
        if learn and config.grow:
            self._grow(query)
        index, free = pool.select(query.h, config.candidates, query.barred, query.efficiency)
        query.stop(query.active & ~free.any(1), "pool")
        query.rounds += query.active
        tried = pool(query.h, index)
        step = relative_step(query.h[:, None], tried)
        able = free & (step >= config.min_step) & query.active[:, None]
        scores = self._scores(query, tried, step).masked_fill(~able, -torch.inf)
        gain, best = scores.max(1)
        won = able.any(1) & (gain > 0)
        rows = torch.arange(len(best), device=best.device)
        loops = self.detector.check(query.window(tried[rows, best]))
        won &= ~query.loop(won & loops.found & query.full)
        winner = torch.where(won, index[rows, best], -1)
        query.use(index, free)
        query.take(tried[rows, best], won, winner, gain)
        query.stop(won & self.auditor(query.steps, threshold).converged, "converged")
        query.stop(query.active & (query.misses >= config.patience), "no_improvement")
        if recording():
            emit(
                "idme",
                event="round",
                candidates=index,
                scores=scores,
                winner=winner,
                pool=len(pool),
                singular_values=loops.singular_values,
            )
        return Round(index, scores, winner, len(pool))

    def _scores(self, query: Query, tried: Tensor, step: Tensor) -> Tensor:
        """By how much each candidate is better than h, [B, k]."""
        if self.config.score == "value":
            return self.value(tried) - self.value(query.h)[:, None]
        k = tried.shape[1]
        before = query.steps.repeat_interleave(k, 0)
        floor = min(self.auditor.floor, self.config.min_step)
        after = fit(torch.cat([before, step.reshape(-1, 1).to(before)], 1), floor=floor)
        return (after.p.view(-1, k) - fit(query.steps, floor=floor).p[:, None]).to(tried.dtype)

    def _grow(self, query: Query) -> None:
        """Add blocks for each row that has fewer than k left, while the pool may grow."""
        pool, count = self.pool, self.config.expand
        for row in query.short(self.config.candidates):
            if len(pool) + count > pool.config.max_blocks:
                return
            pool.lazy_expand(count, query.h[row], source=query.best(row), seed=query.visible(row))
            query.grown(row, count)
            emit("idme", event="expand", pool=len(pool))

    def unroll(
        self, h: Tensor, rounds: int = 2, *, k: int | None = None, hard: bool = True
    ) -> Unrolled:
        """Return `rounds` differentiable rounds, for training: 2 to 4 of them.

        The weights of the candidates are softmax(cosine / temperature + gain in value), so that
        blocks, domain embeddings and value head all learn from a loss on the result. With `hard`
        the forward pass takes the candidate with the highest gain, as in use, and never the same
        block twice; the gradient to the weights is the soft one (straight through). Else h becomes
        the weighted mean, and every candidate learns. k None tries all blocks of the pool.

        Shapes (B batch, D width):
            h: [B, D]

        Errors:
            ValueError: rounds is not between 1 and the number of blocks

        Source:
            87, TARS 10; repaired: T42
        """
        if not 1 <= rounds <= len(self.pool):
            raise ValueError(f"rounds must be between 1 and {len(self.pool)} blocks, got {rounds}")
        states, shares = [h], []
        used = torch.zeros(len(h), len(self.pool), dtype=torch.bool, device=h.device)
        every = torch.arange(len(self.pool), device=h.device).expand_as(used)
        for _ in range(rounds):
            index, free = (every, ~used) if k is None else self.pool.select(h, k, used)
            tried = self.pool(h, None if k is None else index)
            gain = self.value(tried) - self.value(h)[:, None]
            near = self.pool.relevance(h).gather(1, index) / self.pool.config.temperature
            share = (near + gain).masked_fill(~free, -torch.inf).softmax(1)
            if hard:
                best = gain.masked_fill(~free, -torch.inf).argmax(1, keepdim=True)
                used = used.scatter(1, index.gather(1, best), True)
                share = torch.zeros_like(share).scatter(1, best, 1.0) + share - share.detach()
            h = torch.einsum("bk,bkd->bd", share, tried)
            states.append(h)
            shares.append(share)
        return Unrolled(h, torch.stack(states, 1), torch.stack(shares, 1))
