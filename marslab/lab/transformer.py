"""Transformers of published shapes with random weights: what the decoding of TARS stands beside.

They are those of the package `transformers`, which is not a dependency: pip install
"transformers>=5.24".
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from marslab.errors import UserError, unknown

# As published in the models' own configurations; what is not here is the default of the class.
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2Config", {}),
    "llama-3.2-1b": (
        "LlamaConfig",
        {
            "vocab_size": 128_256,
            "hidden_size": 2048,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "intermediate_size": 8192,
            "tie_word_embeddings": True,
        },
    ),
    "qwen3-0.6b": (
        "Qwen3Config",
        {
            "vocab_size": 151_936,
            "hidden_size": 1024,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "intermediate_size": 3072,
            "tie_word_embeddings": True,
        },
    ),
}


class Sizes(NamedTuple):
    """What decoding needs to know of a configuration."""

    vocabulary: int


class TransformerState(NamedTuple):
    """What it goes on from: the logits [B, V] of the next token, and the cache, which grows."""

    logits: Tensor
    cache: Any

    @property
    def bytes(self) -> int:
        """Of keys and values of the steps so far."""
        return sum(x.nbytes for layer in self.cache.layers for x in (layer.keys, layer.values))


class TransformerLM(nn.Module):
    """A causal Transformer of the shape `name`, some sizes changed by `overrides`.

    Shapes (B batch, L length, V vocabulary):
        ids: [B, L] int64; of a step: [B]
        logits: [B, V]

    Errors:
        UserError: no such shape, `transformers` cannot be loaded, or it refuses the sizes

    Source:
        Radford et al. 2019, "Language models are unsupervised multitask learners"; the model cards
        of Llama 3.2 (Meta 2024) and Qwen3 (Yang et al. 2025, arXiv 2505.09388).
    """

    def __init__(self, name: str, overrides: Mapping[str, Any]) -> None:
        super().__init__()
        if name not in SHAPES:
            raise UserError(unknown("shape", name, SHAPES))
        try:
            transformers: Any = import_module("transformers")
        except ImportError as problem:
            raise UserError(
                f"{name} needs the package transformers ({problem}):"
                " pip install 'transformers>=5.24'"
            ) from problem
        kind, sizes = SHAPES[name]
        try:
            config = getattr(transformers, kind)(**sizes | dict(overrides))
            self.inner = transformers.AutoModelForCausalLM.from_config(config)
        except (TypeError, ValueError) as problem:
            raise UserError(
                f"{name} with {dict(overrides)} cannot be built: {problem}"
            ) from problem
        self.config = Sizes(config.vocab_size)

    @torch.no_grad()
    def prefill(self, ids: Tensor) -> TransformerState:
        """The state after a prompt."""
        return self._read(ids, None)

    @torch.no_grad()
    def step(self, ids: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """The logits after one more token, and the state with it; the old state is used up."""
        state = self._read(ids[:, None], state.cache)
        return state.logits, state

    def _read(self, ids: Tensor, cache: Any) -> TransformerState:
        found = self.inner(ids, cache=cache, use_cache=True, logits_to_keep=1)
        return TransformerState(found.logits[:, -1], found.cache)
