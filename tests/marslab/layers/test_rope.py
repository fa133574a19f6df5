"""RoPE against sines and cosines one by one, and what it is for: products that see distance."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marslab.layers.rope import rope


def plain(x: Tensor, position: int, base: float) -> Tensor:
    """Pair (i, i + K/2) of step t turned by (position + t) base^(-2i/K)."""
    y, K = torch.empty_like(x), x.shape[3]
    for t in range(x.shape[1]):
        for i in range(K // 2):
            angle = (position + t) * base ** (-2 * i / K)
            cos, sin = math.cos(angle), math.sin(angle)
            first, second = x[:, t, :, i], x[:, t, :, i + K // 2]
            y[:, t, :, i] = first * cos - second * sin
            y[:, t, :, i + K // 2] = first * sin + second * cos
    return y


@pytest.mark.parametrize("position", [0, 1, 32_765, 1_000_003])
@pytest.mark.parametrize("base", [1e6, 1e4])
def test_it_turns_pairs(position: int, base: float) -> None:
    x = torch.randn(2, 5, 3, 6, dtype=torch.float64)
    expected = plain(x, position, base)
    torch.testing.assert_close(rope(x, position, base), expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(rope(x.float(), position, base), expected.float(), rtol=0, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 50_000))
def test_a_product_depends_on_the_distance_alone(p: int, q: int, distance: int) -> None:
    a, b = torch.randn(
        2, 1, 1, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    at_p, at_q = ((rope(a, n) * rope(b, n + distance)).sum() for n in (p, q))
    torch.testing.assert_close(at_p, at_q, rtol=0, atol=1e-8)


def test_step_by_step_is_the_same_and_lengths_stay() -> None:
    x = torch.randn(2, 7, 2, 4, dtype=torch.float64)
    steps = [rope(x[:, t : t + 1], 90 + t) for t in range(7)]
    torch.testing.assert_close(torch.cat(steps, 1), rope(x, 90), rtol=0, atol=1e-14)
    torch.testing.assert_close(rope(x, 90).norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(rope(x[:, :1], 0), x[:, :1])


def test_what_inference_left_behind_serves_training() -> None:
    with torch.inference_mode():
        rope(torch.randn(1, 3, 1, 4), 7_001)
    x = torch.randn(1, 3, 1, 4, requires_grad=True)
    rope(x, 7_001).sum().backward()
    one = torch.func.grad(lambda x: rope(x, 7_002).sum())(x.detach())
    several = torch.func.vmap(lambda x: rope(x, 7_003))(x.detach().unsqueeze(0))
    assert torch.equal(several[0], rope(x, 7_003)) and one.shape == x.shape
    x.grad = None
    rope(x, 7_002).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, one)


def test_threads_and_dtypes_do_not_disturb_each_other() -> None:
    x = torch.randn(1, 6, 2, 4, dtype=torch.float64)
    expected = [rope(x, p) for p in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda p: (rope(x.float(), p), rope(x, p))[1], range(40)))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert rope(x.bfloat16()).dtype == torch.bfloat16


def test_it_compiles_whole_at_several_positions() -> None:
    compiled = torch.compile(rope, backend="aot_eager", fullgraph=True)
    x = torch.randn(1, 5, 2, 4)
    for position in (0, 3, 40_000):
        torch.testing.assert_close(compiled(x, position), rope(x, position))


def test_input_that_cannot_be_turned() -> None:
    with pytest.raises(ValueError, match=r"^rope: x must be \[B, L, H, K\], got \[2, 3, 4\]$"):
        rope(torch.ones(2, 3, 4))
    with pytest.raises(ValueError, match="^rope: K must be even.*got K = 3$"):
        rope(torch.ones(1, 2, 1, 3))
    with pytest.raises(ValueError, match="^rope: position must be at least 0, got -1$"):
        rope(torch.ones(1, 2, 1, 4), -1)
    with pytest.raises(TypeError, match="^rope: x must be .*, got int64$"):
        rope(torch.ones(1, 2, 1, 4, dtype=torch.long))
