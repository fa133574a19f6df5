"""The pool against single blocks; growth, files, and the merging of instances."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from marslab.errors import UserError
from marslab.kernels.testing import assert_close
from marslab.thinking.mini_block import MiniBlock, mini_block_parameters
from marslab.thinking.pool import MatrixPool, PoolConfig
from marslab.thinking.pool_file import merge

SMALL = PoolConfig(d_model=6, blocks=5, rank=2, tasks=("chat", "math"), max_blocks=20)
FULL = PoolConfig(d_model=6, blocks=5, rank=None, tasks=("chat", "math"), max_blocks=20)


def pool(config: PoolConfig = SMALL) -> MatrixPool:
    made = MatrixPool(config).double()
    with torch.no_grad():  # away from the neutral start, so that every weight shows
        for p in made.parameters():
            p += 0.3 * torch.randn_like(p)
    return made


def formula(weights: dict[str, Tensor], h: Tensor) -> Tensor:
    """h + sigmoid(W_gate h + b) * LayerNorm(W_1 SiLU(W_2 h)) of one block and one h."""
    gate_in = weights.get("gate_in")
    gate = weights["gate_out"] if gate_in is None else weights["gate_out"] @ gate_in
    inner = weights["down"] @ h
    inner = weights["up"] @ (inner / (1 + torch.exp(-inner)))
    centred = inner - inner.mean()
    normed = centred / (centred.square().mean() + 1e-5).sqrt()
    opened = 1 / (1 + torch.exp(-(gate @ h + weights["gate_bias"])))
    return h + opened * (normed * weights["norm_weight"] + weights["norm_bias"])


@pytest.mark.parametrize("config", [SMALL, FULL], ids=["low rank", "full"])
def test_a_pool_is_its_blocks(config: PoolConfig) -> None:
    made, h = pool(config), torch.randn(3, 6, dtype=torch.float64)
    everything = made(h)
    for b in range(3):
        for p in range(5):
            own = {name: x[p] for name, x in made.weights().items()}
            assert_close(everything[b, p], formula(own, h[b]))
            assert_close(made.block(p)(h[b]), formula(own, h[b]))
    index = torch.tensor([[1, 4], [0, 0], [3, 2]])
    assert_close(made(h, index), everything[torch.arange(3)[:, None], index])


@pytest.mark.parametrize("rank", [None, 3])
def test_the_count_is_what_a_block_has(rank: int | None) -> None:
    block = MiniBlock(12, rank)
    count = sum(p.numel() for p in block.parameters())
    assert count == mini_block_parameters(12, rank)
    made = MatrixPool(PoolConfig(d_model=12, blocks=4, rank=rank))
    assert sum(p.numel() for p in made.parameters()) == 4 * count + 4 * 12  # and the domains


def test_selection_is_by_cosine_then_efficiency_and_never_the_used() -> None:
    made, h = pool(), torch.randn(4, 6, dtype=torch.float64)
    cosine = nn.functional.cosine_similarity(h[:, None], made.domain[None], dim=-1)
    assert torch.allclose(made.relevance(h), cosine)
    index, free = made.select(h, 3)
    assert torch.equal(index, cosine.topk(3).indices) and free.all()
    used = torch.zeros(4, 5, dtype=torch.bool).scatter(1, index, True)
    rest, free = made.select(h, 3, used)
    assert free.sum(1).tolist() == [2] * 4
    assert not (rest[free].view(4, 2)[:, :, None] == index[:, None]).any()
    made.efficiency[2] = 100.0
    assert (made.select(h, 5)[0] == 2).int().argmax(1).le((index == 2).int().argmax(1) + 5).all()
    with torch.no_grad():
        made.domain.copy_(made.domain[:1].expand(5, -1))
    assert (made.select(h, 1)[0] == 2).all()


def test_domains_learn_their_task_type() -> None:
    made = MatrixPool(SMALL)
    h, task = torch.randn(64, 6), torch.randint(0, 2, (64,))
    h = h + 3 * (2.0 * task[:, None] - 1)
    optimizer = torch.optim.Adam([made.domain], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        loss = made.domain_loss(h, task)
        loss.backward()
        optimizer.step()
    assert (made.domain.grad is not None) and (made.domain.grad.abs().sum(1) > 0).all()
    chosen = made.task[made.select(h, 1)[0][:, 0]]
    assert (chosen == task).float().mean() > 0.95


def test_new_blocks_copy_the_best_and_listen_to_the_state() -> None:
    made, h = pool(), torch.randn(6, dtype=torch.float64)
    before = {name: x.detach().clone() for name, x in made.weights().items()}
    made.efficiency[3] = 2.0
    assert made.lazy_expand(4, h) == range(5, 9) and len(made) == 9
    assert made.lazy_expand(4, h) == range(9, 13)
    for name, x in made.weights().items():
        assert torch.equal(x[:5], before[name])
        same = torch.equal(x[5:9], before[name][3].expand_as(x[5:9]))
        assert same == (name not in ("down", "domain"))
    change = made.down[5:9] - before["down"][3]
    assert (torch.linalg.matrix_rank(change) == 1).all()
    across = torch.linalg.svd(h[None]).Vh[1:]  # the directions that are not h
    assert torch.allclose(change @ across.T, torch.zeros(4, 2, 5).double(), atol=1e-12)
    assert len({tuple(row.flatten().tolist()) for row in made.down.detach()}) == 13
    assert (made.relevance(h[None])[0, 5:] > made.relevance(h[None])[0, 3]).all()
    assert made.identity.unique().numel() == 13 and made.task[5:].unique().tolist() == [1]
    out = made(h[None])[0]
    assert not torch.allclose(out[5], out[6]) and not torch.allclose(out[5], out[3])
    out.sum().backward()
    assert made.down.grad is not None and made.down.grad.shape[0] == 13


def test_growth_has_a_limit_and_repeats() -> None:
    torch.manual_seed(3)
    one = pool()
    torch.manual_seed(3)
    two, h = pool(), torch.randn(6, dtype=torch.float64)
    one.lazy_expand(4, h)
    two.lazy_expand(4, h)
    assert torch.equal(one.down, two.down) and torch.equal(one.identity, two.identity)
    with pytest.raises(ValueError, match="the pool may have 20 blocks, not 9"):
        one.lazy_expand(12, h)
    with pytest.raises(ValueError, match=r"h must be \[D\] = \[6\]"):
        one.lazy_expand(4, h[:5])


def test_a_grown_pool_comes_back_from_its_file(tmp_path: Path) -> None:
    made, h = MatrixPool(SMALL), torch.randn(2, 6)
    made.lazy_expand(4, h[0])
    made.efficiency[7] = 0.5
    made.save(tmp_path / "pool.safetensors")
    state = torch.get_rng_state()
    back = MatrixPool.load(tmp_path / "pool.safetensors")
    assert torch.equal(torch.get_rng_state(), state)
    assert len(back) == 9 and back.config.tasks == ("chat", "math")
    assert torch.equal(back(h), made(h)) and torch.equal(back.efficiency, made.efficiency)
    assert torch.equal(back.identity, made.identity)


def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path) -> None:
    from marslab import checkpoint

    path = tmp_path / "pool.safetensors"
    MatrixPool(SMALL).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b"abc")
    with pytest.raises(UserError, match="is damaged"):
        MatrixPool.load(path)
    checkpoint.save(path, nn.Linear(2, 2), system="other", preset="", config=SMALL, extra={})
    with pytest.raises(UserError, match="holds 'other', not a pool"):
        MatrixPool.load(path)
    with pytest.raises(UserError, match="there is no checkpoint"):
        MatrixPool.load(tmp_path / "none")


def test_merging_with_itself_changes_nothing() -> None:
    made, h = pool(), torch.randn(2, 6, dtype=torch.float64)
    made.efficiency[1] = 3.0
    merged = merge([made, made])
    assert_close(merged(h), made(h))
    assert torch.equal(merged.efficiency, made.efficiency)
    assert torch.equal(merged.identity, made.identity)


def test_merging_unites_new_blocks_and_weighs_common_ones() -> None:
    base, h = MatrixPool(SMALL).double(), torch.randn(2, 6, dtype=torch.float64)
    mine, theirs = MatrixPool(SMALL).double(), MatrixPool(SMALL).double()
    for other in (mine, theirs):
        other.load_state_dict(base.state_dict())
    mine.lazy_expand(2, h[0])
    theirs.lazy_expand(3, h[1])
    with torch.no_grad():
        mine.up[0] += 1.0
        theirs.down[1] += 1.0
    mine.efficiency[0], theirs.efficiency[0] = 3.0, 1.0
    merged = merge([mine, theirs])
    assert len(merged) == 5 + 2 + 3
    assert torch.allclose(merged.up[0], base.up[0] + 0.75)
    assert torch.allclose(merged.down[1], base.down[1] + 0.5)  # no efficiency: alike
    assert merged.efficiency[:2].tolist() == [2.0, 0.0]
    assert torch.equal(merged.down[5:7], mine.down[5:])
    assert torch.equal(merged.down[7:], theirs.down[5:])
    with pytest.raises(UserError, match="one width, rank and list of tasks"):
        merge([mine, MatrixPool(FULL)])
    with pytest.raises(ValueError, match="at least, got none"):
        merge([])


def test_it_can_be_counted_without_memory_and_refuses_bad_sizes() -> None:
    with torch.device("meta"):
        made = MatrixPool(PoolConfig(d_model=2048, rank=None))
    assert "parameters=604274688" in made.extra_repr()
    with pytest.raises(ValueError, match="must be positive, got 0 and 16"):
        PoolConfig(d_model=0)
    with pytest.raises(ValueError, match=r"pool.tasks must name"):
        PoolConfig(tasks=())
    with pytest.raises(ValueError, match=r"MatrixPool: h must be \[B, D\]"):
        pool()(torch.zeros(2, 7))
