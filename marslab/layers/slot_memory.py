"""A memory layer: many slots, of which each input reads the few whose keys are nearest."""

import torch
from torch import Tensor, nn


class SlotMemory(nn.Module):
    """y = sum over the k nearest slots of softmax(q . key) * value, with q = W x.

    Shapes (D width, S slots):
        forward: x [..., D] -> [..., D]
        keys, values: [S, D]

    Units:
        k: slots that one input reads

    Errors:
        ValueError: k is not in 1..slots

    Source:
        V.-P. Berges et al. 2024, "Memory layers at scale", arXiv:2412.09764, without product keys.

    >>> SlotMemory(8, slots=32, k=4)(torch.randn(2, 8)).shape
    torch.Size([2, 8])
    """

    def __init__(self, width: int, *, slots: int = 256, k: int = 8) -> None:
        super().__init__()
        if not 1 <= k <= slots:
            raise ValueError(f"SlotMemory: k must be in 1..{slots} (the slots), got {k}")
        self.k = k
        self.query = nn.Linear(width, width, bias=False)
        self.keys = nn.Parameter(torch.randn(slots, width) * width**-0.5)
        self.values = nn.Parameter(torch.randn(slots, width) * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each input reads."""
        score, index = self._nearest(x)
        return (score.softmax(-1).unsqueeze(-1) * self.values[index]).sum(-2)

    @torch.no_grad()
    def slots(self, x: Tensor) -> Tensor:
        """Return which slots each input reads, the nearest first.

        Shapes (k slots of an input):
            returns: [..., k] int64
        """
        return self._nearest(x)[1]

    def _nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (self.query(x) @ self.keys.T).topk(self.k, -1)
