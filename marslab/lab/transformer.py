"""A Transformer that writes word pieces: what the decoding of TARS is measured beside."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.errors import UserError, unknown
from marslab.layers.attention import KVCache, TransformerBlock

INIT = 0.02  # of the embedding, so that the logits of the tied head stay small


class Shape(NamedTuple):
    """How large it is."""

    layers: int
    d_model: int
    heads: int
    vocabulary: int = 50_257


# As published: Radford et al. 2019, table 2 (its widths), with the heads of the released models.
SHAPES = {"gpt2": Shape(12, 768, 12), "gpt2-large": Shape(36, 1280, 20)}


def shape_of(name: str, overrides: Mapping[str, Any]) -> Shape:
    """The shape of that name with some of its sizes changed.

    Errors:
        UserError: no such shape, or it has no such size

    >>> shape_of("gpt2", {"layers": 1}).layers
    1
    """
    if name not in SHAPES:
        raise UserError(unknown("shape", name, SHAPES))
    for size in overrides:
        if size not in Shape._fields:
            raise UserError(unknown("size", size, Shape._fields))
    return SHAPES[name]._replace(**overrides)


class TransformerState(NamedTuple):
    """What it goes on from: keys and values of every layer, and the logits [B, V] of the next."""

    logits: Tensor
    caches: tuple[KVCache, ...]

    @property
    def bytes(self) -> int:
        """Of keys and values of the steps so far."""
        return sum(cache.bytes for cache in self.caches)


class TransformerLM(nn.Module):
    """Embedding -> blocks -> norm -> head, which is the embedding again.

    The shape is GPT-2's, the block is marslab's: rope in place of a table of positions, and no bias
    in a product. Of the 124.4 M parameters of the smallest that leaves 123.6 M. Embedding and norm
    are no linear layers, so that fewer bits for those leave them as they are.

    Shapes (B batch, L length, V vocabulary):
        ids: [B, L] int64; of a step: [B]
        logits: [B, V]

    Errors:
        ValueError: the heads do not cut the width, as TransformerBlock says

    Source:
        Radford et al. 2019, "Language models are unsupervised multitask learners", 2.3.

    >>> lm = TransformerLM(Shape(1, 8, 2, 16))
    >>> logits, state = lm.step(torch.tensor([3]), lm.prefill(torch.tensor([[1, 2]])))
    >>> logits.shape, state.bytes == 2 * 3 * 8 * 4
    (torch.Size([1, 16]), True)
    """

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocabulary, config.d_model)
        nn.init.normal_(self.embed.weight, std=INIT)
        made = (TransformerBlock(config.d_model, heads=config.heads) for _ in range(config.layers))
        self.blocks = nn.ModuleList(made)
        self.norm = nn.LayerNorm(config.d_model)

    @torch.no_grad()
    def prefill(self, ids: Tensor) -> TransformerState:
        """The state after a prompt."""
        return self._read(ids, (None,) * self.config.layers)

    @torch.no_grad()
    def step(self, ids: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """The logits after one more piece, and the state with it."""
        state = self._read(ids[:, None], state.caches)
        return state.logits, state

    def _read(self, ids: Tensor, caches: tuple[KVCache | None, ...]) -> TransformerState:
        x, kept = self.embed(ids), []
        for block, before in zip(self.blocks, caches, strict=True):
            x, cache = cast(TransformerBlock, block).carried(x, before)
            kept.append(cache)
        logits = F.linear(self.norm(x[:, -1]), self.embed.weight)
        return TransformerState(logits, tuple(kept))
