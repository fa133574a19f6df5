"""The nearest known vector, or none: what makes of a noisy answer an answer."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.memory.hdc.capacity import rejection_cosine
from marslab.tracing import emit


class Cleaned(NamedTuple):
    """The nearest code of each vector.

    Shapes (any leading axes):
        index: [...] int64, the row of the codebook; -1 where every code is as far as chance is
        cosine: [...], with the nearest code
    """

    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    cosine: Tensor


def cosines(x: Tensor, codebook: Tensor) -> Tensor:
    """Return the cosine of each vector with each code; of complex ones the real part.

    Shapes (D width, M codes):
        x: [..., D]
        codebook: [M, D] of the same dtype
        returns: [..., M] real

    >>> cosines(torch.tensor([3.0, 4.0]), torch.eye(2)).tolist()
    [0.6..., 0.8...]
    """
    if x.is_complex():
        x, codebook = (torch.view_as_real(z).flatten(-2) for z in (x, codebook))
    return F.normalize(x, dim=-1) @ F.normalize(codebook, dim=-1).mT


def cleanup(x: Tensor, codebook: Tensor, *, false_accept: float = 0.01) -> Cleaned:
    """Replace each vector by the nearest code, unless chance alone would bring it as near.

    A vector that has nothing to do with the codebook is taken for one of its codes in the share
    `false_accept` of cases. Emits "cleanup" with index and cosine.

    Shapes (D width, M codes):
        x: [..., D] real or complex
        codebook: [M, D] of the same dtype, random vectors

    Errors:
        ValueError: widths differ, the codebook is empty, or false_accept is not in (0, 1]

    Source:
        Plate 1995, "Holographic reduced representations"; errata M15 and M16 (a query
        that was never stored returns noise).

    >>> codebook = torch.randn(20, 512)
    >>> cleanup(codebook[7] + torch.randn(512), codebook).index.item()
    7
    >>> cleanup(torch.zeros(512), codebook).index.item()
    -1
    """
    if codebook.ndim != 2 or not len(codebook) or codebook.shape[-1:] != x.shape[-1:]:
        raise ValueError(
            "cleanup: the codebook must be [M, D] with the D of x and M > 0, "
            f"got {list(codebook.shape)} beside {list(x.shape)}"
        )
    cosine, index = cosines(x, codebook).max(-1)
    M, D = codebook.shape
    vsa = "FHRR" if x.is_complex() else "HRR"
    least = rejection_cosine(M, D, false_accept=false_accept, vsa=vsa)
    index = torch.where(cosine > least, index, -1)
    emit("cleanup", index=index, cosine=cosine)
    return Cleaned(index, cosine)
