"""A small language model of MinGRU blocks; a wide brain begins with its embedding."""

import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped
from marslab.layers import MinGRU
from marslab.learning.language.plan import LanguagePlan, Phase
from marslab.learning.tars.plan import EmbeddingPlan
from marslab.tasks.corpus import IGNORED


class MinGRULanguageModel(nn.Module):
    """Bytes in, the next byte out; embedding and head are one matrix [256, width].

    Shapes (B batch, L length):
        ids: [B, L] int64
        returns: [B, L, 256] float32

    Source:
        TARS v3, 8 and 11; erratum T53.

    >>> import torch
    >>> MinGRULanguageModel(EmbeddingPlan(width=8, layers=1))(torch.zeros(1, 3).long()).shape
    torch.Size([1, 3, 256])
    """

    def __init__(self, plan: EmbeddingPlan) -> None:
        super().__init__()
        self.embed = nn.Embedding(256, plan.width)
        nn.init.normal_(self.embed.weight, std=plan.width**-0.5)
        self.blocks = nn.Sequential(*(MinGRU(plan.width) for _ in range(plan.layers)))
        self.norm = nn.RMSNorm(plan.width)

    def forward(self, ids: Tensor) -> Tensor:
        shaped("MinGRULanguageModel", "ids", ids, "[B, L]", (None, None))
        hidden = self.norm(self.blocks(self.embed(ids)))
        return F.linear(hidden, self.embed.weight).float()

    def losses(
        self, ids: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, task: Tensor
    ) -> dict[str, Tensor]:
        """The cross entropy of the next byte; the task type that stands beside is not used."""
        logits = self(ids).flatten(0, 1)
        loss = F.cross_entropy(
            logits, targets.flatten(), ignore_index=IGNORED, label_smoothing=label_smoothing
        )
        return {"loss": loss}


def embedding_plan(plan: EmbeddingPlan, seed: int) -> LanguagePlan:
    """Its training: one phase."""
    return LanguagePlan((Phase("mingru-lm", plan.steps, plan.lr, tokens=plan.tokens),), seed)
