"""A block with a gated unit whose gate does not see the memory."""

import torch
from torch import Tensor, nn

from marslab.kernels import min_gru
from marslab.layers.gated_block import GatedBlock
from marslab.tracing import emit


class MinGRU(GatedBlock):
    """The gated block around h = min_gru(W_z u + b_z, W_h u); m = h.

    One state a channel. For the block around it, and for `enabled`, see GatedBlock.

    Emits "min_gru" with the gate and h.

    Shapes (B batch, L length, D width):
        x: [B, L, D] floating point
        returns: [B, L, D]

    Errors:
        ValueError: a size is not positive, or x does not have D columns

    Source:
        Feng et al. 2024, "Were RNNs all we needed?", section 3.1.

    >>> layer = MinGRU(8)
    >>> layer(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        *,
        expand: int = 2,
        d_conv: int = 4,
        gate: bool = True,
        enabled: bool = True,
    ) -> None:
        super().__init__(d_model, expand=expand, d_conv=d_conv, gate=gate, enabled=enabled)
        self.to_z = nn.Linear(self.width, self.width)
        self.to_h = nn.Linear(self.width, self.width, bias=False)

    def mixed(self, u: Tensor) -> Tensor:
        z = self.to_z(u)
        h = min_gru(z, self.to_h(u))
        emit("min_gru", gate=torch.sigmoid(z), h=h)
        return h + self.D * u
