"""How a call of the Triton kernels is cut up: tiles of a chunk, segments, shares of the heads."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import interpreted

BUSY = 264  # programs that fill a GPU; with fewer, sequences are cut and heads shared out
LEAST = 4  # chunks of a segment: a shorter one does not pay for two more launches
WIDEST = 128  # columns of B and C that a program takes; more go through the kernels in turn


class Plan(NamedTuple):
    """Tiles of T steps, WP columns of x, all NP of B and C; MATH as in gpu_tiles.product."""

    T: int
    WP: int
    NP: int
    MATH: str


LARGEST = {
    torch.bfloat16: Plan(64, 64, WIDEST, "bf16"),
    torch.float16: Plan(32, 32, WIDEST, "tf32"),
    torch.float32: Plan(32, 16, WIDEST, "ieee"),
    torch.float64: Plan(16, 16, WIDEST, "ieee"),
}


def plan(dtype: torch.dtype, chunk_size: int, P: int, N: int) -> Plan:
    """Tiles for these sizes; a tile has 16 steps and columns at the least.

    In bfloat16 beside 128 columns of B and C it has all 64 of x: with 16 or 32 what Triton 3.6
    compiles reads outside shared memory, by compute-sanitizer, and at times the kernel dies of it.
    """
    *most, MATH = LARGEST[dtype]
    T, WP, NP = (
        max(16, min(1 << (max(1, size) - 1).bit_length(), largest))
        for size, largest in zip((chunk_size, P, N), most, strict=True)
    )
    if dtype == torch.bfloat16 and NP == WIDEST:
        WP = most[1]
    # the interpreter does not round as the hardware does
    return Plan(T, WP, NP, "ieee" if interpreted() else MATH)


class Work(NamedTuple):
    """The sizes of a call, its chunks, and its plan."""

    B: int
    L: int
    H: int
    P: int
    G: int
    N: int
    chunks: int
    plan: Plan

    @classmethod
    def of(cls, x: Tensor, B: Tensor, chunk_size: int) -> "Work":
        """That of x [B, L, H, P] and B [B, L, G, N]."""
        (rows, L, H, P), (G, N) = x.shape, B.shape[2:]
        tiles = plan(x.dtype, chunk_size, P, N)
        return cls(rows, L, H, P, G, N, -(-L // tiles.T), tiles)

    def segments(self) -> tuple[int, int]:
        """How many segments of how many chunks each a program of the walk goes through."""
        programs = self.B * self.H * -(-self.P // self.plan.WP)
        wanted = max(1, min(BUSY // programs, self.chunks // LEAST))
        segment = -(-self.chunks // wanted)
        return -(-self.chunks // segment), segment

    def parts(self) -> int:
        """Into how many equal parts the heads of a group are shared out."""
        heads, programs = self.H // self.G, self.B * self.chunks * self.G
        fit = [n for n in range(1, heads + 1) if heads % n == 0]
        return next((n for n in fit if n * programs >= BUSY), fit[-1])
