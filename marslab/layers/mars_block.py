"""One layer of MARS: its cores behind one name, pre-norm, with a way past and a state to carry."""

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from marslab.layers.attention import KVCache, TransformerBlock
from marslab.layers.block_config import positive
from marslab.layers.mars_cores import (
    CarriedS6,
    CarriedSSD,
    CarriedState,
    FFTMixing,
    PrintedSSM,
)

Core = Literal["ssd", "s6", "printed", "fft", "attention"]
State = CarriedState | KVCache


@dataclass(frozen=True)
class MarsBlockConfig:
    """What mixes the steps, and the block around it.

    "ssd" is Mamba-2's with one decay a head, "s6" Mamba's with one a channel and state, "printed"
    the design's sigmoid without a step, "fft" a global convolution that nothing read changes.
    "attention" is the rival: the layer of a Transformer, its inner layer `expand` times as wide,
    to which `d_state`, `d_conv` and `gate` mean nothing.

    Units:
        d_conv: steps that the convolution before the core sees, 0 for none
        dropout: share of the block's result that is left out in training

    >>> MarsBlockConfig(dropout=1.0)
    Traceback (most recent call last):
    ValueError: block.dropout must be in 0..1, 1 left out, got 1.0
    """

    core: Core = "ssd"
    d_state: int = 16
    heads: int = 8
    expand: int = 2
    d_conv: int = 4
    gate: bool = True
    dropout: float = 0.0
    enabled: bool = True

    def __post_init__(self) -> None:
        positive(self, "block", "d_state", "heads", "expand")
        if self.core not in get_args(Core):
            raise ValueError(
                f"block.core must be one of {', '.join(get_args(Core))}, got {self.core!r}"
            )
        if self.d_conv < 0:
            raise ValueError(f"block.d_conv must be at least 0 steps, got {self.d_conv}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"block.dropout must be in 0..1, 1 left out, got {self.dropout}")


class MarsBlock(nn.Module):
    """x + W_out ((core(u) + D u) * silu(z)), D = 1 at the start: a GatedBlock of any core.

    With the core "attention" it is a TransformerBlock in the same place.

    `forward` takes a whole sequence. `carried` takes a part of it and the state after what came
    before: in parts of any lengths, single steps too, it gives the same. The core "fft" has no
    state.

    Emits what its core emits: "dual_ssm", "selective_ssm", "printed_ssm", "fft_mixing" or
    "causal_attention".

    Shapes (B batch, L length, D width):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Errors:
        ValueError: `heads` does not fit the core "ssd" or "attention", x does not have D columns,
            or a state was asked of the core "fft"

    Source:
        MARS v4, 2.1, errata M1 to M4 and M7; Dao & Gu 2024, "Transformers are SSMs".

    >>> import torch
    >>> block, x = MarsBlock(8, MarsBlockConfig(heads=2)), torch.ones(1, 3, 8)
    >>> first, state = block.carried(x[:, :1])
    >>> rest, _ = block.carried(x[:, 1:], state)
    >>> torch.allclose(torch.cat([first, rest], 1), block(x), atol=1e-6)
    True
    """

    def __init__(self, d_model: int, config: MarsBlockConfig = MarsBlockConfig()) -> None:
        super().__init__()
        self.config = config
        self.inner = _inner(d_model, config)

    def forward(self, x: Tensor) -> Tensor:
        return self._dropped(x, self.inner(x))

    def carried(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The same for the steps x after those that led to `state`, and the state after them."""
        if isinstance(self.inner, FFTMixing):
            raise ValueError(
                "MarsBlock: the core 'fft' keeps no state; hand it the whole sequence, or take "
                "the core 'ssd', 's6', 'printed' or 'attention'"
            )
        y, after = cast(Any, self.inner).carried(x, state)
        return self._dropped(x, y), after

    def _dropped(self, x: Tensor, y: Tensor) -> Tensor:
        """The way past stays whole; what the block adds to it may drop out."""
        if not self.training or not self.config.dropout:
            return y
        return x + F.dropout(y - x, self.config.dropout)

    def extra_repr(self) -> str:
        return f"core={self.config.core!r}, dropout={self.config.dropout}"


def _inner(d_model: int, config: MarsBlockConfig) -> nn.Module:
    if config.core == "attention":
        heads, expand = config.heads, config.expand
        return TransformerBlock(d_model, heads=heads, expand=expand, enabled=config.enabled)
    around: dict[str, Any] = {"expand": config.expand, "d_conv": config.d_conv}
    around |= {"gate": config.gate, "enabled": config.enabled, "d_state": config.d_state}
    if config.core == "ssd":
        return CarriedSSD(d_model, heads=config.heads, **around)
    kinds = {"s6": CarriedS6, "printed": PrintedSSM, "fft": FFTMixing}
    return kinds[config.core](d_model, **around)
