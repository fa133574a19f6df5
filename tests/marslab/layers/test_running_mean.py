"""The running mean against a sum over everything so far."""

import pytest
import torch
from torch import Tensor

from marslab.layers.running_mean import running_mean


def plain(x: Tensor) -> Tensor:
    return torch.stack([x[:, : t + 1].mean(1) for t in range(x.shape[1])], 1)


def test_it_is_the_mean_of_all_so_far_and_so_are_its_gradients() -> None:
    x = torch.randn(3, 9, 4, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(running_mean(x), plain(x), rtol=1e-12, atol=1e-12)
    weight = torch.randn(3, 9, 4, dtype=torch.float64)
    found, expected = (
        torch.autograd.grad((f(x) * weight).sum(), x)[0] for f in (running_mean, plain)
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cuts", [[1] * 9, [4, 5], [1, 0, 7, 1], [8, 1]], ids=str)
def test_cut_anywhere_it_is_the_same(cuts: list[int]) -> None:
    x = torch.randn(2, 9, 3, dtype=torch.float64)
    parts, before, position = [], None, 0
    for part in x.split(cuts, 1):
        mean, before = running_mean(part, before, position, return_state=True)
        parts.append(mean)
        position += part.shape[1]
    torch.testing.assert_close(torch.cat(parts, 1), plain(x), rtol=1e-12, atol=1e-12)


def test_gradients_reach_what_came_before() -> None:
    for length in (1, 3):
        before = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
        running_mean(torch.ones(1, length, 2, dtype=torch.float64), before, 4)[
            :, -1
        ].sum().backward()
        assert before.grad is not None
        torch.testing.assert_close(before.grad, torch.full_like(before, 4 / (4 + length)))


def test_no_step_sees_a_later_one() -> None:
    x = torch.randn(1, 8, 3)
    changed = x.clone()
    changed[:, 5:] += 1
    assert torch.equal(running_mean(x)[:, :5], running_mean(changed)[:, :5])
    assert not torch.equal(running_mean(x)[:, 5:], running_mean(changed)[:, 5:])


def test_a_million_steps_in_float32() -> None:
    torch.testing.assert_close(
        running_mean(torch.ones(1, 1_000_000, 1))[0, -1], torch.ones(1), rtol=1e-6, atol=0
    )
    noise = torch.rand(1, 1_000_000, 1)
    torch.testing.assert_close(running_mean(noise)[0, -1], noise[0].mean(0), rtol=1e-4, atol=0)
    far = torch.rand(1, 2000, 1)
    exact = (0.25 * 1e6 + far.double().cumsum(1)) / (1e6 + torch.arange(1.0, 2001)).view(-1, 1)
    torch.testing.assert_close(
        running_mean(far, torch.full((1, 1), 0.25), 1_000_000).double(), exact, rtol=1e-4, atol=0
    )


def test_in_16_bits_the_state_stays_wide_and_moves() -> None:
    x = torch.ones(1, 1, 2, dtype=torch.bfloat16)
    mean, state = running_mean(x, torch.zeros(1, 2), 5000, return_state=True)
    assert (mean.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(state, torch.full((1, 2), 1 / 5001))
    assert running_mean(torch.ones(1, 4, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_empty_sequences_and_batches() -> None:
    before = torch.randn(2, 3)
    mean, state = running_mean(torch.ones(2, 0, 3), before, 7, return_state=True)
    assert mean.shape == (2, 0, 3) and torch.equal(state, before)
    assert running_mean(torch.ones(0, 4, 3)).shape == (0, 4, 3)


def test_it_compiles_whole() -> None:
    compiled = torch.compile(running_mean, backend="aot_eager", fullgraph=True)
    x, before = torch.randn(2, 5, 3), torch.randn(2, 3)
    torch.testing.assert_close(compiled(x, before, 4), running_mean(x, before, 4))


def test_input_that_makes_no_mean() -> None:
    x = torch.ones(2, 3, 4)
    with pytest.raises(ValueError, match=r"^running_mean: x must be \[B, L, D\]"):
        running_mean(x[0])
    with pytest.raises(TypeError, match=r"^running_mean: x must be .*, got int64$"):
        running_mean(x.long())
    with pytest.raises(ValueError, match=r"^running_mean: before must be \[B, D\] = \[2, 4\]"):
        running_mean(x, torch.ones(2, 3), 1)
    with pytest.raises(ValueError, match="^running_mean: position must be at least 0, got -1$"):
        running_mean(x, torch.ones(2, 4), -1)
    with pytest.raises(ValueError, match="at position 2 the mean of the steps before is needed"):
        running_mean(x, None, 2)
