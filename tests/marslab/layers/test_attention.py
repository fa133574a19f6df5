"""Causal attention: fused, written out and step by step are one; a rival of the same size."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.layers.attention import CausalAttention, KVCache, TransformerBlock, attention
from marslab.layers.mars_block import MarsBlock, MarsBlockConfig
from marslab.layers.rope import rope
from marslab.systems.mars.config import MarsConfig

ROWS, LENGTH, WIDTH, HEADS = 2, 9, 16, 4


def draws(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def block(**settings) -> TransformerBlock:
    torch.manual_seed(1)
    return TransformerBlock(WIDTH, heads=HEADS, **settings).double().eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("queries", [1, 4, LENGTH])
def test_attention_is_the_weighted_mean_of_its_definition(queries: int, fused: bool) -> None:
    q, k, v = (
        draws(ROWS, 3, queries, 4),
        draws(ROWS, 3, LENGTH, 4, seed=4),
        draws(ROWS, 3, LENGTH, 4),
    )
    found = attention(q, k, v, fused=fused)
    for i in range(queries):
        seen = LENGTH - queries + i + 1
        weight = torch.exp((q[:, :, i, None] * k[:, :, :seen]).sum(-1) / 2)
        weight = weight / weight.sum(-1, keepdim=True)
        expected = (weight.unsqueeze(-1) * v[:, :, :seen]).sum(2)
        torch.testing.assert_close(found[:, :, i], expected, rtol=1e-10, atol=1e-12)


def test_more_queries_than_keys_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="3 queries see 2 keys; give a key to each query"):
        attention(draws(1, 1, 3, 2), draws(1, 1, 2, 2), draws(1, 1, 2, 2))


@torch.no_grad()
@pytest.mark.parametrize("fused", [True, False])
def test_the_layer_is_torchs_attention_of_the_norm_with_turned_keys(fused: bool) -> None:
    torch.manual_seed(1)
    layer, x = CausalAttention(WIDTH, heads=HEADS, fused=fused).double(), draws(ROWS, LENGTH, WIDTH)
    q, k, v = layer.to_qkv(layer.norm(x)).view(ROWS, LENGTH, 3, HEADS, -1).unbind(2)
    q, k, v = (each.transpose(1, 2) for each in (rope(q, base=1e4), rope(k, base=1e4), v))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = x + layer.to_model(y.transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(x), expected, rtol=1e-10, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("cuts", [[4, 5], [1] * LENGTH, [0, LENGTH], [3, 1, 5]], ids=str)
@pytest.mark.parametrize("fused", [True, False])
def test_with_a_cache_it_is_the_same_in_parts(fused: bool, cuts: list[int]) -> None:
    layer, x = block(fused=fused), draws(ROWS, LENGTH, WIDTH)
    found, cache = [], None
    for part in x.split(cuts, 1):
        y, cache = layer.carried(part, cache)
        found.append(y)
    assert cache is not None and cache.length == LENGTH
    assert cache.bytes == 2 * ROWS * LENGTH * WIDTH * 8 <= cache.k.nbytes + cache.v.nbytes
    torch.testing.assert_close(torch.cat(found, 1), layer(x), rtol=1e-10, atol=1e-10)


def test_a_gradient_goes_through_the_cache() -> None:
    layer, x = block(), draws(ROWS, LENGTH, WIDTH)
    y, cache = layer.carried(x[:, :5])
    z, _ = layer.carried(x[:, 5:], cache)
    torch.cat([y, z], 1).square().sum().backward()
    found = {name: p.grad for name, p in layer.named_parameters()}
    layer.zero_grad()
    layer(x).square().sum().backward()
    for name, p in layer.named_parameters():
        torch.testing.assert_close(found[name], p.grad, rtol=1e-9, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("fused", [True, False])
def test_a_step_changes_nothing_before_it_and_the_end_after_it(fused: bool) -> None:
    layer, x = block(fused=fused), draws(ROWS, LENGTH, WIDTH)
    other = x.clone()
    other[:, 5, 0] += 1
    was, now = layer(x), layer(other)
    assert torch.equal(was[:, :5], now[:, :5])
    assert (was[:, -1] - now[:, -1]).abs().max() > 1e-9


@torch.no_grad()
def test_room_that_is_short_is_doubled_and_keeps_what_was_there() -> None:
    k = draws(1, 1, 4, 2)
    cache = KVCache(k[:, :, :0], k[:, :, :0], 0).joined(k[:, :, :3], k[:, :, :3])
    assert (cache.length, cache.k.shape[2]) == (3, 6)
    longer = cache.joined(k[:, :, 3:], -k[:, :, 3:])
    assert longer.k is cache.k and longer.length == 4
    assert torch.equal(longer.k[:, :, :4], k) and torch.equal(longer.v[:, :, 3:4], -k[:, :, 3:])


@torch.no_grad()
def test_a_cache_is_that_of_its_rows() -> None:
    layer, x = block(), draws(ROWS, LENGTH, WIDTH)
    _, cache = layer.carried(x)
    with pytest.raises(ValueError, match="the state is of 2 rows, x of 1"):
        layer.carried(x[:1], cache)
    with pytest.raises(ValueError, match=r"\[B, L, 16\]"):
        layer(x[..., :8])


@torch.no_grad()
def test_without_attention_steps_do_not_meet() -> None:
    layer, x = block(enabled=False), draws(ROWS, LENGTH, WIDTH)
    other = x.clone()
    other[:, 3, 0] += 1
    assert torch.equal(layer(x)[:, 4:], layer(other)[:, 4:])
    torch.testing.assert_close(layer.carried(x)[0], layer(x))


@pytest.mark.parametrize("width", [384, 512, 1024])
def test_one_block_of_it_is_two_of_mars_within_5_percent(width: int) -> None:
    """As printed, state 16 and twice the width; the rival has a head for each 64 columns."""
    with torch.device("meta"):
        ours = parameters(MarsBlock(width, MarsBlockConfig(heads=width // 32)))
        rival = MarsBlockConfig("attention", heads=width // 64, expand=4)
        theirs = parameters(MarsBlock(width, rival))
    assert theirs == 12 * width**2 + 4 * width
    assert abs(theirs / (2 * ours) - 1) < 0.05


@pytest.mark.parametrize("heads", [0, 3, 16])
def test_heads_that_do_not_fit_are_one_sentence(heads: int) -> None:
    with pytest.raises(ValueError, match=f"heads must cut the width 16 .* got {heads}"):
        CausalAttention(16, heads=heads)
    with pytest.raises(ValueError, match="expand must be positive, got 0"):
        TransformerBlock(16, heads=2, expand=0)


def test_a_mars_with_heads_that_do_not_fit_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="block.heads must cut d_model = 512 .* got 512"):
        MarsConfig(block=MarsBlockConfig("attention", heads=512))
