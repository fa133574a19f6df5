"""A classifier of one hypervector for each class: added up, corrected, or trained by gradient."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.memory.hdc.cleanup import cosines
from marslab.memory.hdc.quantization import FULL, WIDTHS, fake_quantize
from marslab.tracing import emit


class Prototypes(nn.Module):
    """logits = sharpness * cos(h, Q_b(class hypervector)).

    `add` sums the examples of a class (centroid); `retrain` corrects what is mistaken (OnlineHD);
    cross-entropy on the logits trains the class hypervectors and the sharpness by gradient, through
    the rounding to b bits. Emits "hdc_retrain" with the mistakes of each pass.

    Shapes (N examples, C classes, D width):
        h: [..., D]
        returns: [..., C]

    Errors:
        ValueError: a size is not positive, there is no such precision, or no example to learn from

    Source:
        Kleyko et al. 2022, "A survey on hyperdimensional computing, part II"; MARS v4, 2.2.

    >>> h, y = torch.randn(3, 256), torch.arange(3)
    >>> classes = Prototypes(3, 256)
    >>> classes.add(h, y)
    >>> classes(h).argmax(-1).tolist()
    [0, 1, 2]
    """

    def __init__(
        self, classes: int, dim: int, *, bits: int = FULL, sharpness: float = 16.0
    ) -> None:
        super().__init__()
        if classes < 1 or dim < 1 or not sharpness > 0:
            raise ValueError(f"Prototypes needs positive sizes, got {classes}, {dim}, {sharpness}")
        if bits not in WIDTHS:
            raise ValueError(f"bits must be one of {list(WIDTHS)}, got {bits}")
        self.bits = bits
        self.weight = nn.Parameter(torch.zeros(classes, dim))
        self.log_sharpness = nn.Parameter(torch.tensor(sharpness).log())

    def forward(self, h: Tensor) -> Tensor:
        return self.log_sharpness.exp() * cosines(h, fake_quantize(self.weight, self.bits))

    @torch.no_grad()
    def add(self, h: Tensor, y: Tensor) -> None:
        """Add each example to its class; h [N, D], y [N]."""
        self._learn(h, y, torch.ones(len(y), dtype=h.dtype))

    @torch.no_grad()
    def retrain(
        self,
        h: Tensor,
        y: Tensor,
        *,
        epochs: int,
        lr: float = 1.0,
        batch: int = 64,
        seed: int = 0,
    ) -> list[int]:
        """Move the classes of mistaken examples; return the mistakes of each pass.

        A mistaken h goes to its class with the weight lr (1 - cos), and leaves the one it was taken
        for with lr (1 - cos). The cosines are with unrounded prototypes.

        Units:
            lr: of one mistake, where an example that was added counts 1

        Source:
            Hernandez-Cano et al. 2021, "OnlineHD: robust, efficient, and single-pass online
            learning using hyperdimensional system".
        """
        order, mistakes = torch.Generator().manual_seed(seed), []
        for _ in range(epochs):
            wrong = 0
            for rows in torch.randperm(len(y), generator=order).split(batch):
                near = cosines(h[rows], self.weight)
                taken = near.argmax(-1)
                lost = taken != y[rows]
                wrong += int(lost.sum())
                examples, right, false = h[rows][lost], y[rows][lost], taken[lost]
                self._learn(examples, right, lr * (1 - near[lost].gather(1, right[:, None])[:, 0]))
                self._learn(examples, false, lr * (near[lost].gather(1, false[:, None])[:, 0] - 1))
            mistakes.append(wrong)
        emit("hdc_retrain", mistakes=torch.tensor(mistakes))
        return mistakes

    def _learn(self, h: Tensor, y: Tensor, weight: Tensor) -> None:
        # a product: index_add has no order on a GPU
        member = F.one_hot(y, len(self.weight)).to(h.dtype) * weight[:, None]
        self.weight += member.mT @ h
