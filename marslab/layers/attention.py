"""Causal attention and the layer of a Transformer around it: what a MARS is measured beside."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.layers.rope import rope
from marslab.tracing import emit

BASE = 1e4  # of the rotary angles


class KVCache(NamedTuple):
    """The keys and values of all steps so far: the state of a Transformer, which grows with them.

    Without gradients the next part is written into the room behind `length`, which saves a copy of
    everything at each step: go on from the newest cache only.

    Shapes (B batch, H heads, P head width, R room, at least `length` steps):
        k, v: [B, H, R, P], k turned by its position
    """

    k: Tensor
    v: Tensor
    length: int

    @property
    def bytes(self) -> int:
        """Of the steps that are in it, the room behind them left out."""
        rows, heads, _, width = self.k.shape
        return 2 * rows * heads * self.length * width * self.k.element_size()

    def joined(self, k: Tensor, v: Tensor) -> "KVCache":
        """The cache with k and v [B, H, L, P] behind it; when the room is short it is doubled."""
        length = self.length + k.shape[2]
        if torch.is_grad_enabled():
            old = (self.k[:, :, : self.length], self.v[:, :, : self.length])
            return KVCache(torch.cat([old[0], k], 2), torch.cat([old[1], v], 2), length)
        kept = self if length <= self.k.shape[2] else self._roomier(2 * length)
        kept.k[:, :, self.length : length] = k
        kept.v[:, :, self.length : length] = v
        return kept._replace(length=length)

    def _roomier(self, room: int) -> "KVCache":
        rows, heads, _, width = self.k.shape
        k, v = (x.new_empty(rows, heads, room, width) for x in (self.k, self.v))
        k[:, :, : self.length] = self.k[:, :, : self.length]
        v[:, :, : self.length] = self.v[:, :, : self.length]
        return KVCache(k, v, self.length)


def attention(q: Tensor, k: Tensor, v: Tensor, *, fused: bool = True) -> Tensor:
    """softmax(q k^T / sqrt(P)) v; of S keys the last query sees all, each one before it one less.

    `fused` is torch's kernel, which never holds the [L, S] weights; without it they are written
    out. Both give the same but for rounding.

    Shapes (B batch, H heads, L queries, S keys, P head width):
        q: [B, H, L, P]
        k, v: [B, H, S, P], S at least L
        returns: [B, H, L, P]

    Errors:
        ValueError: there are more queries than keys

    Source:
        Vaswani et al. 2017, "Attention is all you need", 3.2.1; Dao et al. 2022, "FlashAttention".

    >>> one = torch.ones(1, 1, 3, 2)
    >>> attention(one, one, torch.tensor([[[[0.0], [2.0], [4.0]]]])).flatten().tolist()
    [0.0, 1.0, 2.0]
    """
    queries, keys = q.shape[2], k.shape[2]
    if queries > keys:
        raise ValueError(f"attention: {queries} queries see {keys} keys; give a key to each query")
    if fused and queries in (1, keys):  # the last query sees all: no mask to build
        return F.scaled_dot_product_attention(q, k, v, is_causal=queries > 1)
    seen = torch.ones(queries, keys, dtype=torch.bool, device=q.device).tril(keys - queries)
    if fused:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    scores = (q / q.shape[-1] ** 0.5) @ k.mT
    return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v


class CausalAttention(nn.Module):
    """x + W_out attention(q, k, v), with q, k and v linear in LayerNorm(x), q and k turned by rope.

    Emits "causal_attention" with q, k and y.

    Shapes (B batch, L length, D width, H heads, P = D / H):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Errors:
        ValueError: H does not cut D into heads of an even width, x does not have D columns, or a
            cache is of other rows

    Source:
        Vaswani et al. 2017, 3.2; Su et al. 2021, "RoFormer"; the norm in front as in Xiong et al.
        2020, "On layer normalization in the Transformer architecture".

    >>> CausalAttention(8, heads=2)(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, d_model: int, *, heads: int, fused: bool = True) -> None:
        super().__init__()
        if heads < 1 or d_model % (2 * heads):
            raise ValueError(
                f"CausalAttention: heads must cut the width {d_model} into parts of an even "
                f"width, got {heads}"
            )
        self.d_model, self.heads, self.fused = d_model, heads, fused
        self.norm = nn.LayerNorm(d_model)
        self.to_qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.to_model = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._projected(x, 0)
        y = attention(q, k, v, fused=self.fused)
        emit("causal_attention", q=q, k=k, y=y)
        return self._past(x, y)

    def carried(self, x: Tensor, state: KVCache | None = None) -> tuple[Tensor, KVCache]:
        """The same for the steps x behind those in the cache, and the cache with them."""
        state = self.fresh(x) if state is None else state
        if state.k.shape[0] != x.shape[0]:
            raise ValueError(
                f"CausalAttention: the state is of {state.k.shape[0]} rows, x of {x.shape[0]}"
            )
        q, k, v = self._projected(x, state.length)
        state = state.joined(k, v)
        seen = (each[:, :, : state.length] for each in (state.k, state.v))
        return self._past(x, attention(q, *seen, fused=self.fused)), state

    def fresh(self, x: Tensor) -> KVCache:
        """The cache before the first step, for the rows, device and dtype of x."""
        none = x.new_zeros(x.shape[0], self.heads, 0, self.d_model // self.heads)
        return KVCache(none, none, 0)

    def _projected(self, x: Tensor, position: int) -> list[Tensor]:
        """q, k and v, each [B, H, L, P]."""
        shaped("CausalAttention", "x", x, f"[B, L, {self.d_model}]", (None, None, self.d_model))
        q, k, v = self.to_qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).unbind(2)
        turned = (rope(q, position, BASE), rope(k, position, BASE), v)
        return [each.transpose(1, 2) for each in turned]

    def _past(self, x: Tensor, y: Tensor) -> Tensor:
        return x + self.to_model(y.transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """CausalAttention, then x + W_2 gelu(W_1 LayerNorm(x)) with `expand` times the width within.

    About (4 + 2 expand) D^2 parameters; with expand = 4 as many as two blocks of Mamba's kind that
    double the width. With `enabled=False` the attention is left out, and steps no longer meet.

    Emits "causal_attention".

    Shapes (B batch, L length, D width):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Errors:
        ValueError: a size is not positive, or as CausalAttention says

    Source:
        Vaswani et al. 2017; Gu & Dao 2023, "Mamba", 3.4, for the count.

    >>> block, x = TransformerBlock(8, heads=2).eval(), torch.ones(1, 3, 8)
    >>> first, cache = block.carried(x[:, :1])
    >>> rest, cache = block.carried(x[:, 1:], cache)
    >>> torch.allclose(torch.cat([first, rest], 1), block(x), atol=1e-6), cache.length
    (True, 3)
    """

    def __init__(
        self, d_model: int, *, heads: int, expand: int = 4, fused: bool = True, enabled: bool = True
    ) -> None:
        super().__init__()
        if expand < 1:
            raise ValueError(f"TransformerBlock: expand must be positive, got {expand}")
        self.enabled = enabled
        self.attention = CausalAttention(d_model, heads=heads, fused=fused)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, expand * d_model, bias=False),
            nn.GELU(),
            nn.Linear(expand * d_model, d_model, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(x) if self.enabled else x
        return x + self.feed_forward(x)

    def carried(self, x: Tensor, state: KVCache | None = None) -> tuple[Tensor, KVCache]:
        """The block on x [B, L, D] after the steps in the cache; L may be 0 or 1."""
        state = self.attention.fresh(x) if state is None else state
        if self.enabled:
            x, state = self.attention.carried(x, state)
        return x + self.feed_forward(x), state
