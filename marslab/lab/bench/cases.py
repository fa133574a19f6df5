"""The work that is timed: sizes, dtypes, directions, the inputs, and the goals set for them."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.linear_scan.work import cost

OPS = ("linear_scan",)
FORWARD, BOTH = "fwd", "fwd+bwd"
DECAYS = (
    0.9,
    0.999,
)  # within (0, 1): logarithms exist for the peers that want them, states stay small
SEED = 0

# (B, L, D), dtype
CPU = (
    ((4, 4096, 1024), "float32"),
    ((4, 4096, 1024), "bfloat16"),
    ((1, 2048, 32), "float32"),
    ((1, 65536, 16), "float32"),
)
CUDA = (
    ((8, 4096, 2048), "float32"),
    ((8, 4096, 2048), "bfloat16"),
    ((1, 65536, 2048), "float32"),
    ((1, 65536, 2048), "bfloat16"),
)
QUICK = (((2, 512, 64), "float32"), ((2, 512, 64), "bfloat16"))

# Milliseconds to reach on a machine whose device is named so; set before the kernels were there.
GOAL_MS = {
    "H200": {
        ((8, 4096, 2048), "float32", FORWARD): 0.196,
        ((8, 4096, 2048), "float32", BOTH): 0.545,
        ((8, 4096, 2048), "bfloat16", FORWARD): 0.108,
        ((8, 4096, 2048), "bfloat16", BOTH): 0.30,
        ((1, 65536, 2048), "float32", FORWARD): 0.41,
        ((1, 65536, 2048), "float32", BOTH): 1.10,
        ((1, 65536, 2048), "bfloat16", FORWARD): 0.21,
        ((1, 65536, 2048), "bfloat16", BOTH): 0.60,
    }
}
# The least part of the bytes/s of torch.add(a, b), on any CPU, at this size.
GOAL_OF_ADD = {((4, 4096, 1024), "float32", FORWARD): 0.9}


@dataclass(frozen=True)
class Case:
    """One row of work: an op at a size, in a dtype, forward alone or with its gradients."""

    op: str
    B: int
    L: int
    D: int
    dtype: str
    direction: str

    @property
    def title(self) -> str:
        """The row in words.

        >>> Case("linear_scan", 1, 8, 2, "float32", "fwd").title
        'linear_scan float32 B1 L8 D2 fwd'
        """
        return f"{self.op} {self.dtype} B{self.B} L{self.L} D{self.D} {self.direction}"

    @property
    def bytes(self) -> int:
        """Bytes that this work must move at the least."""
        itemsize = getattr(torch, self.dtype).itemsize
        return cost((self.B, self.L, self.D), itemsize, self.direction == BOTH).bytes

    def goal_ms(self, machine: str) -> float | None:
        """The goal in milliseconds where one was set for a machine whose name contains the key."""
        key = ((self.B, self.L, self.D), self.dtype, self.direction)
        return next((goals.get(key) for name, goals in GOAL_MS.items() if name in machine), None)

    @property
    def goal_of_add(self) -> float | None:
        """The goal as a part of the rate of `torch.add`, where one was set."""
        return GOAL_OF_ADD.get(((self.B, self.L, self.D), self.dtype, self.direction))


class Inputs(NamedTuple):
    """Decays a, inputs b and the gradient dh that reaches h: [B, L, D] each."""

    a: Tensor
    b: Tensor
    dh: Tensor


def cases(op: str, device: str, quick: bool = False) -> list[Case]:
    """List the rows of an op for "cpu" or "cuda", in the order in which they are measured."""
    sizes = QUICK if quick else CUDA if device == "cuda" else CPU
    return [
        Case(op, *shape, dtype, direction)
        for shape, dtype in sizes
        for direction in (FORWARD, BOTH)
    ]


def inputs(case: Case, device: torch.device) -> Inputs:
    """Draw the same random inputs for a row every time: b, dh ~ N(0, 1), a uniform in DECAYS."""
    random = torch.Generator(device).manual_seed(SEED)
    shape = (case.B, case.L, case.D)
    dtype = getattr(torch, case.dtype)
    low, high = DECAYS
    a = torch.rand(shape, generator=random, device=device) * (high - low) + low
    b, dh = (torch.randn(shape, generator=random, device=device) for _ in "bd")
    return Inputs(a.to(dtype), b.to(dtype), dh.to(dtype))
