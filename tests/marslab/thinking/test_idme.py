"""IDME against a loop over one thought; what wins, when it stops, and that it can be trained."""

import pytest
import torch
from torch import Tensor, nn

from marslab.kernels.testing import assert_close
from marslab.thinking.auditor import IntegralAuditor
from marslab.thinking.idme import IDME
from marslab.thinking.idme_config import IdmeConfig
from marslab.thinking.loops import LoopDetector, Loops
from marslab.thinking.pool import MatrixPool, PoolConfig
from marslab.tracing import trace

D = 8


class Towards(nn.Module):
    """A value head that knows the answer: the nearer to it, the better."""

    def __init__(self, goal: Tensor) -> None:
        super().__init__()
        self.goal = goal

    def forward(self, h: Tensor) -> Tensor:
        return -(h - self.goal).norm(dim=-1, keepdim=True)


class Anything(nn.Module):
    """A value head that likes whatever is later: the sum of the components."""

    def forward(self, h: Tensor) -> Tensor:
        return h.sum(-1, keepdim=True)


def idme(blocks: int = 12, goal: Tensor | None = None, most: int = 64, **settings: object) -> IDME:
    torch.manual_seed(1)
    pool = MatrixPool(PoolConfig(d_model=D, blocks=blocks, rank=3, max_blocks=most))
    made = IDME(pool, IdmeConfig(**settings)).double().eval()  # pyright: ignore
    made.value_head = nn.Sequential(
        Towards(torch.full((D,), 2.0).double() if goal is None else goal)
    )
    return made


def no_op(pool: MatrixPool, block: int, size: float = 0.0) -> None:
    with torch.no_grad():
        pool.norm_weight[block], pool.norm_bias[block] = size, 0.0


def by_hand(made: IDME, h: Tensor, rounds: int) -> tuple[Tensor, list[int], Tensor]:
    """One thought, block after block, by the rule in the docstring."""
    pool, used, winners = made.pool, set[int](), list[int]()
    earned = pool.efficiency.clone()
    for _ in range(rounds):
        cosine = nn.functional.cosine_similarity(h[None], pool.domain, dim=-1)
        priority = cosine + pool.config.recirculation * earned.tanh()
        order = [p for p in priority.argsort(descending=True).tolist() if p not in used][:3]
        gains = {}
        for p in order:
            new = pool.block(p)(h)
            if (new - h).norm() / new.norm() >= 1e-3:
                gains[p] = float(made.value(new) - made.value(h))
        used |= set(order)
        best = max(gains, key=lambda p: gains[p])
        if gains[best] > 0:
            h = pool.block(best)(h)
            earned[best] += gains[best]
        winners.append(best if gains[best] > 0 else -1)
    return h, winners, earned


def test_it_is_the_loop_by_hand() -> None:
    made = idme(patience=9)
    h = torch.randn(3, D, dtype=torch.float64)
    with torch.no_grad():
        expected = [by_hand(made, row, 4) for row in h]
        start = made.pool.efficiency.clone()
        result = made(h, rounds=4)
    for row, (last, winners, _) in enumerate(expected):
        assert_close(result.h[row], last)
        assert [int(one.winner[row]) for one in result.trace] == winners
    assert any(int(one.winner.max()) >= 0 for one in result.trace)
    assert result.reason == ("rounds",) * 3 and result.rounds.tolist() == [4] * 3
    gained = sum((earned - start for _, _, earned in expected), torch.zeros_like(start))
    assert_close(made.pool.efficiency - start, gained)


def test_it_thinks_towards_what_the_value_says() -> None:
    made = idme(blocks=40)
    h = torch.randn(5, D, dtype=torch.float64)
    result = made(h)
    assert (made.value(result.h) > made.value(h)).all()
    assert set(result.reason) <= {"no_improvement", "converged", "rounds", "pool", "loop"}


@pytest.mark.parametrize("score", ["value", "dp"])
def test_a_no_op_never_wins(score: str) -> None:
    made = idme(score=score, grow=False, patience=9)
    for block in range(0, 12, 2):
        no_op(made.pool, block, size=1e-9)
    steps = torch.tensor([[0.5, 0.4, 0.45, 0.38]]).double().repeat(6, 1)
    result = made(torch.randn(6, D, dtype=torch.float64), steps)
    winners = torch.stack([one.winner for one in result.trace])
    assert (winners >= 0).any() and not (winners[winners >= 0] % 2 == 0).any()


def test_the_printed_score_rewards_a_no_op_where_it_may() -> None:
    made = idme(blocks=3, score="dp", min_step=0.0, grow=False)
    no_op(made.pool, 1, size=1e-7)
    steps = torch.tensor([[0.5, 0.4, 0.45, 0.38]]).double()
    first = made(torch.randn(1, D, dtype=torch.float64), steps).trace[0]
    assert first.winner.tolist() == [1] and first.scores.max() > 5  # T11


def test_without_gain_it_stops_after_two_rounds() -> None:
    h = torch.full((2, D), 2.0).double()  # the goal itself: every move loses
    result = idme()(h)
    assert result.reason == ("no_improvement",) * 2 and result.rounds.tolist() == [2, 2]
    assert torch.equal(result.h, h)


def test_it_stops_when_converged_counting_from_the_first_wave() -> None:
    made = idme(blocks=30, goal=torch.zeros(D).double())
    made.value_head = nn.Sequential(Anything())
    steps = torch.tensor([[0.9, 0.5, 0.3, 0.2, 0.14, 0.11]]).double()
    made.auditor = IntegralAuditor(threshold=0.5, r2=0.3)
    result = made(torch.ones(1, D).double(), steps, threshold=0.4)
    assert result.reason == ("converged",) and int(result.rounds) < 9
    assert made(torch.ones(1, D).double(), steps, threshold=50.0).reason != ("converged",)


class Always(LoopDetector):
    """Sees a loop in everything."""

    def check(self, states: Tensor) -> Loops:
        found = super().check(states)
        return found._replace(kind=torch.full_like(found.kind, 2))


def test_at_the_first_loop_the_winner_is_dropped_at_the_second_it_stops() -> None:
    made = idme(blocks=30)
    made.value_head = nn.Sequential(Anything())
    made.detector = Always(window=2)  # looks at three states: from the second winner on
    with torch.no_grad():
        made.pool.norm_weight.zero_()
        made.pool.norm_bias.fill_(1.0)  # every block adds something: every round has a winner
    result = made(torch.ones(1, D).double())
    assert result.reason == ("loop",)
    assert [int(one.winner) >= 0 for one in result.trace] == [True, False, False]


def test_the_pool_grows_when_blocks_run_out() -> None:
    made = idme(blocks=5, most=13, patience=99)
    made.value_head = nn.Sequential(Anything())
    with trace() as t:
        result = made(torch.ones(1, D).double(), rounds=4)
    assert [one.pool for one in result.trace] == [5, 9, 9, 13]
    expanded = [e.fields["pool"] for e in t.events if e.fields.get("event") == "expand"]
    assert expanded == [9, 13] and len(made.pool) == 13
    rounds = [e for e in t.events if e.fields.get("event") == "round"]
    assert len(rounds) == 4
    assert rounds[0].fields.keys() >= {"candidates", "scores", "winner", "singular_values"}
    used = torch.cat([one.candidates.flatten() for one in result.trace]).tolist()
    assert len(used) == len(set(used))  # anti-repeat
    assert idme(blocks=3, grow=False, patience=99)(torch.ones(1, D).double()).reason == ("pool",)


@pytest.mark.parametrize("learn", [True, False])
def test_rows_do_not_see_each_other(learn: bool) -> None:
    h = torch.randn(4, D, dtype=torch.float64)
    together = idme(blocks=5, most=200)(h, rounds=6, learn=learn)
    for row in range(4):
        alone = idme(blocks=5, most=200)(h[row : row + 1], rounds=6, learn=learn)
        assert_close(alone.h[0], together.h[row])
        assert alone.reason[0] == together.reason[row]


def test_it_repeats_itself_and_without_learning_leaves_the_pool_alone() -> None:
    h, made = torch.randn(3, D, dtype=torch.float64), idme(blocks=6)
    before = {name: x.clone() for name, x in made.state_dict().items()}
    one, two = made(h, learn=False), made(h, learn=False)
    assert torch.equal(one.h, two.h) and one.reason == two.reason
    assert all(torch.equal(x, before[name]) for name, x in made.state_dict().items())
    assert torch.equal(idme(blocks=6)(h).h, idme(blocks=6)(h).h)


def test_it_runs_in_sixteen_bits_and_on_no_rows() -> None:
    made = IDME(MatrixPool(PoolConfig(d_model=D, blocks=6, rank=3))).bfloat16()
    result = made(torch.randn(2, D).bfloat16(), torch.rand(2, 6))
    assert result.h.dtype == torch.bfloat16 and result.h.isfinite().all()
    assert made(torch.zeros(0, D).bfloat16()).trace == ()


@pytest.mark.parametrize("hard", [True, False])
def test_pool_domains_and_value_head_all_learn(hard: bool) -> None:
    torch.manual_seed(0)
    made = IDME(MatrixPool(PoolConfig(d_model=D, blocks=6, rank=3))).double()
    h = torch.randn(64, D, dtype=torch.float64)
    unrolled = made.unroll(h, 3, hard=hard)
    (unrolled.h - torch.randn(D)).square().mean().backward()
    for name, p in made.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name
    if not hard:
        assert made.pool.down.grad is not None
        assert (made.pool.down.grad.flatten(1).abs().sum(1) > 0).all()


def test_hard_rounds_take_the_best_gain_and_never_a_block_twice() -> None:
    made = idme(blocks=6)
    h = torch.randn(4, D, dtype=torch.float64)
    unrolled = made.unroll(h, 3)
    for row in range(4):
        now, used = h[row], list[int]()
        for _ in range(3):
            gains = made.value(made.pool(now[None])[0])
            gains[used] = -torch.inf
            used.append(int(gains.argmax()))
            now = made.pool.block(used[-1])(now)
        assert_close(unrolled.h[row], now)
    assert unrolled.states.shape == (4, 4, D) and unrolled.weights.shape == (4, 3, 6)
    assert made.unroll(h, 2, k=2).weights.shape == (4, 2, 2)


def test_training_makes_the_rounds_useful_on_what_they_have_not_seen() -> None:
    torch.manual_seed(0)
    made = IDME(MatrixPool(PoolConfig(d_model=D, blocks=8, rank=4)), IdmeConfig(grow=False))
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)
    reader = torch.randn(D)

    def logit(h: Tensor) -> Tensor:
        return h @ reader

    for _ in range(60):
        h = torch.randn(64, D)
        unrolled = made.unroll(h, 2)
        right = (logit(unrolled.states) > 3).float()
        loss = nn.functional.softplus(3 - logit(unrolled.h)).mean()
        loss = loss + made.value_loss(unrolled.states.detach(), right)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fresh = torch.randn(200, D)
    before, after = logit(fresh) > 3, logit(made(fresh, rounds=3, learn=False).h) > 3
    assert before.float().mean() < 0.3 and after.float().mean() > 0.8


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"IDME: h must be \[B, D\]"):
        idme()(torch.zeros(2, 3, D))
    with pytest.raises(ValueError, match=r"IDME: steps must be \[B, T\]"):
        idme()(torch.zeros(2, D).double(), torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"idme.patience must be positive, got 0"):
        IdmeConfig(patience=0)
    with pytest.raises(ValueError, match="idme.score must be 'value' or 'dp'"):
        IdmeConfig(score="p")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="rounds must be between 1 and 12 blocks, got 13"):
        idme().unroll(torch.zeros(1, D).double(), 13)
