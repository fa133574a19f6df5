"""The reference solutions of notebook 35 against the library."""

import torch

from marslab.lab.course.content import idme as content
from marslab.thinking import IDME, IdmeConfig, MatrixPool, PoolConfig, merge, relative_step

SIZES = PoolConfig(d_model=8, blocks=9, rank=2)


def pool(seed: int) -> MatrixPool:
    torch.manual_seed(seed)
    made = MatrixPool(SIZES).double()
    made.efficiency.copy_(torch.randn(9))
    return made


def test_the_candidates_are_those_that_the_pool_selects() -> None:
    made, h = pool(0), torch.randn(20, 8, dtype=torch.float64)
    for count in (0, 4, 7, 9):
        barred = torch.randperm(9)[:count]
        used = torch.zeros(20, 9, dtype=torch.bool)
        used[:, barred] = True
        index, free = made.select(h, 3, used)
        for row in range(20):
            arguments = h[row], made.domain, made.efficiency, barred.tolist(), 3
            assert content.select(*arguments) == index[row][free[row]].tolist()


def test_the_winner_is_that_of_a_round() -> None:
    made = pool(1)
    with torch.no_grad():
        made.norm_weight[::3] *= 1e-9  # these do not move h
    idme, h = IDME(made, IdmeConfig(grow=False)).double(), torch.randn(50, 8, dtype=torch.float64)
    one = idme(h, rounds=1, learn=False).trace[0]
    for row in range(50):
        tried = one.candidates[row]
        with torch.no_grad():
            new = made(h[row : row + 1], tried[None])[0]
            gains = (idme.value(new) - idme.value(h[row])).tolist()
        best = content.winner(relative_step(h[row], new).tolist(), gains, 1e-3)
        assert (int(tried[best]) if best >= 0 else -1) == int(one.winner[row])
    assert (one.winner < 0).any() or (one.winner % 3 != 0).all()


def test_a_merged_block_is_the_weighted_mean() -> None:
    base = pool(2)
    versions = []
    for seed in range(3):
        other = MatrixPool(SIZES).double()
        other.load_state_dict(base.state_dict())
        torch.manual_seed(10 + seed)
        with torch.no_grad():
            other.up += torch.randn_like(other.up)
        other.efficiency.copy_(torch.randn(9))
        versions.append(other)
    versions[0].efficiency[4] = versions[1].efficiency[4] = versions[2].efficiency[4] = -1.0
    union = merge(versions)
    for block in range(9):
        weights = torch.stack([one.up[block].flatten() for one in versions])
        earned = torch.stack([one.efficiency[block] for one in versions])
        torch.testing.assert_close(union.up[block].flatten(), content.merged(weights, earned))
