"""The head that guesses a few bytes ahead, for speculative decoding."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.systems.tars.config import DraftConfig


class DraftHead(nn.Module):
    """[h; embedding of the last byte; how far ahead] -> 512 -> byte, once for each drafted byte.

    h stays that of the last step that the model itself made. The first byte behind it comes from
    the model, so the head begins one further: distance 0 guesses the byte after that one.

    Shapes (N rows, D width, V vocabulary):
        hidden, byte: [N, D], the byte as its embedding
        distance: int64 [N] or an int, 0 <= distance < config.length
        returns: logits [N, V]

    Source:
        TARS v3, 15; erratum T49 (the printed head proposes all four bytes from h alone).

    >>> head = DraftHead(8, 256, DraftConfig(hidden=16))
    >>> head(torch.zeros(2, 8), torch.zeros(2, 8), 0).shape
    torch.Size([2, 256])
    """

    def __init__(self, d_model: int, vocabulary: int, config: DraftConfig) -> None:
        super().__init__()
        self.length = config.length
        self.distance = nn.Embedding(config.length, config.hidden)
        self.into = nn.Linear(2 * d_model, config.hidden)
        self.out = nn.Linear(config.hidden, vocabulary)

    def forward(self, hidden: Tensor, byte: Tensor, distance: Tensor | int) -> Tensor:
        far = self.distance.weight[distance]
        return self.out(F.silu(self.into(torch.cat([hidden, byte], -1)) + far))
