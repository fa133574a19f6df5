"""Between the width of a store's vectors and that of a brain's memory."""

import torch
from torch import Tensor
from torch.nn import functional as F


class Projection:
    """A fixed, seeded map with orthonormal rows; the identity where both widths are the same.

    It keeps angles about as well as its width allows (Johnson and Lindenstrauss), in every process
    alike, so a store of 384 serves a brain of 96.

    Shapes (S store width, M memory width):
        down: [..., S] -> [..., M], length 1
        up: [..., M] -> [..., S], length 1; down(up(m)) is m

    Errors:
        ValueError: M is above S, or a size is not positive

    >>> there = Projection(384, 96)
    >>> m = F.normalize(torch.ones(96), dim=0)
    >>> torch.allclose(there.down(there.up(m)), m, atol=1e-5)
    True
    """

    def __init__(self, dim: int, memory_dim: int, *, seed: int = 0) -> None:
        if not 1 <= memory_dim <= dim:
            raise ValueError(f"memory_dim must be in 1..{dim}, got {memory_dim}")
        self.dim, self.memory_dim = dim, memory_dim
        random = torch.Generator().manual_seed(seed)
        columns = torch.linalg.qr(torch.randn(dim, memory_dim, generator=random))[0]
        self._rows = torch.eye(dim) if memory_dim == dim else columns.T.contiguous()

    def down(self, vectors: Tensor) -> Tensor:
        """Take vectors of the store to the memory's width."""
        return F.normalize(vectors @ self._rows.T.to(vectors), dim=-1)

    def up(self, memory: Tensor) -> Tensor:
        """Take vectors of the memory to the store's width, to search with."""
        return F.normalize(memory @ self._rows.to(memory), dim=-1)
