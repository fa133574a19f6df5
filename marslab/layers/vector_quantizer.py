"""A codebook: each vector is replaced by the nearest of a few, and the few follow the vectors."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped, state_dtype
from marslab.tracing import emit, recording


class Quantized(NamedTuple):
    """What a VectorQuantizer gives.

    Shapes (B batch, L length, C code width):
        value: [B, L, C], the chosen codes; their gradient goes to the input as it is
        index: [B, L] integers, which codes
        loss: scalar, the commitment loss
    """

    value: Tensor
    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    loss: Tensor


class VectorQuantizer(nn.Module):
    """value = the code nearest to z; straight through, so that z gets the gradient of value.

    loss = commitment * mean((z - value)^2), which moves z alone. The codes are buffers and move in
    training only, after the value was taken from the old ones, so that no step of a batch sees a
    later one. With n the number of vectors that chose code e and s their sum:

        count <- decay * count + (1 - decay) * n
        e     <- e + (1 - decay) * (s - n e) / count

    which is the moving average of s over that of n. A code whose count fell below `dead` times the
    mean count jumps to a vector of the batch, drawn with torch's generator; counts start at 0, so
    that the first batch gives all codes their places. In eval mode nothing changes. Distances,
    counts and codes are float32 for 16-bit inputs too.

    Emits "vq" with index, perplexity (how many codes are in use, if all were used alike) and used
    (the share of the codes that this call chose).

    Shapes (B batch, L length, C code width):
        z: [B, L, C] floating point
        returns: Quantized

    Units:
        decay: per training step
        dead: share of the mean count; 0 revives nothing

    Errors:
        ValueError: a size is not positive, decay or dead is not in [0, 1), or z does not have C
            columns

    Source:
        van den Oord et al. 2017, "Neural discrete representation learning", 3.2 and appendix A.1;
        TARS v3, 3.5, repaired by T25.

    >>> vq = VectorQuantizer(4, 2).eval()
    >>> torch.equal(vq(vq.codes[None]).index, torch.arange(4)[None])
    True
    """

    codes: Tensor
    counts: Tensor

    def __init__(
        self,
        codes: int,
        dim: int,
        *,
        decay: float = 0.99,
        commitment: float = 0.25,
        dead: float = 0.03,
    ) -> None:
        super().__init__()
        for name, size in (("codes", codes), ("dim", dim)):
            if size < 1:
                raise ValueError(f"VectorQuantizer: {name} must be positive, got {size}")
        for name, share in (("decay", decay), ("dead", dead)):
            if not 0 <= share < 1:
                raise ValueError(f"VectorQuantizer: {name} must be in [0, 1), got {share}")
        self.decay, self.commitment, self.dead = decay, commitment, dead
        self.register_buffer("codes", torch.randn(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))

    def forward(self, z: Tensor) -> Quantized:
        dim = self.codes.shape[1]
        shaped("VectorQuantizer", "z", z, f"[B, L, {dim}]", (None, None, dim))
        wide = z.to(state_dtype(z.dtype))
        with torch.no_grad(), torch.autocast(z.device.type, enabled=False):
            codes = self.codes.to(wide.dtype)
            index = torch.addmm(
                codes.square().sum(-1), wide.flatten(0, 1), codes.mT, alpha=-2
            ).argmin(-1)
            value = codes[index].view_as(wide)
            if self.training and index.numel():
                self._follow(wide.flatten(0, 1), index)
        loss = self.commitment * (wide - value).square().sum() / max(wide.numel(), 1)
        if recording():
            self._tell(index.view(z.shape[:2]))
        through = (value - wide).detach() + wide if wide.requires_grad else value
        return Quantized(through.to(z.dtype), index.view(z.shape[:2]), loss)

    def _follow(self, z: Tensor, index: Tensor) -> None:
        """One step of the moving averages; z [N, C], index [N]."""
        K = self.codes.shape[0]
        chose = F.one_hot(index, K).to(z.dtype)  # a product: index_add has no order on a GPU
        n, s = chose.sum(0), chose.mT @ z
        counts = self.decay * self.counts.to(z.dtype) + (1 - self.decay) * n
        codes = self.codes.to(z.dtype)
        step = (1 - self.decay) / counts.clamp_min(torch.finfo(z.dtype).tiny)
        codes = codes + step[:, None] * (s - n[:, None] * codes)
        if self.dead > 0:
            mean = counts.mean()
            gone = counts < self.dead * mean
            drawn = z[torch.randint(z.shape[0], (K,), device=z.device)]
            codes = torch.where(gone[:, None], drawn, codes)
            counts = torch.where(gone, mean, counts)
        self.codes.copy_(codes)
        self.counts.copy_(counts)

    def _tell(self, index: Tensor) -> None:
        share = torch.bincount(index.flatten(), minlength=self.codes.shape[0]) / max(
            index.numel(), 1
        )
        perplexity = torch.special.entr(share).sum().exp()
        emit("vq", index=index, perplexity=perplexity, used=(share > 0).float().mean())

    def extra_repr(self) -> str:
        K, dim = self.codes.shape
        return f"{K}, {dim}, decay={self.decay}, commitment={self.commitment}, dead={self.dead}"
