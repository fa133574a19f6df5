"""Starts a kernel of the look-back schedule behind the one that unsets its words.

From Hopper on the two overlap (programmatic dependent launch): the second loads its inputs while
the words are still being written, and waits for them only where it needs them.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import triton
from torch import Tensor

from marslab.kernels.backends import interpreted
from marslab.kernels.linear_scan.gpu_lookback import unset

INT32_MAX = 2**31 - 1
WORDS = 512  # that a program of `unset` writes


class LookBack(NamedTuple):
    """Tile of a look-back: K steps x Q segments x W channels, V channels a thread, groups of G."""

    K: int
    Q: int
    W: int
    V: int
    G: int
    registers: int | None = None  # a thread; fewer let more tiles run side by side

    @property
    def warps(self) -> int:
        return max(1, self.Q * self.W // (32 * self.V))

    @property
    def rows(self) -> int:
        """Rows of words that a tile reads: at least one word a thread, so that all see the same."""
        return max(self.G, 32 * self.warps // self.W, 2)

    def tiles(self, steps: int) -> int:
        """How many tiles make up so many steps."""
        return -(-steps // (self.K * self.Q))


@lru_cache
def _overlaps(device: torch.device) -> bool:
    if interpreted() or torch.version.hip is not None:
        return False
    return torch.cuda.get_device_capability(device) >= (9, 0)


def look_back(
    kernel: triton.JITFunction, plan: LookBack, tensors: list, x: Tensor, *flags: bool | str
) -> None:
    """Start a kernel on its tensors, the sizes of x [B, L, D], and what it wants to know of them.

    Nothing may be queued between the two: the second begins before what is just ahead has ended.
    """
    B, L, D = x.shape
    blocks, tiles = B * -(-D // plan.W), plan.tiles(L)
    count = blocks * (tiles + -(-tiles // plan.G)) * plan.W
    words = torch.empty(count, dtype=torch.int64, device=x.device)
    early = _overlaps(x.device)
    unset[(-(-count // WORDS),)](words, count, early, WORDS)  # pyright: ignore[reportArgumentType]
    K, Q, W, V, G, registers = plan
    options = {} if registers is None or interpreted() else {"maxnreg": registers}
    if early:
        options["launch_pdl"] = True
    kernel[(blocks * tiles,)](
        *tensors, words, L, D, blocks, *flags, early, K, Q, W, V, G, plan.rows,
        num_warps=plan.warps, **options,
    )  # fmt: skip
