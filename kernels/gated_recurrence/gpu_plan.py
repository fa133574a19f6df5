"""How the step by step kernels share out the work, and their launches.

The numbers are for an H200; any plan gives a right answer.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import interpreted

# gpu_resident.py
COLUMNS = (16, 32)  # of the state that a program owns, smallest first
ROWS = (8, 16, 32, 64)  # of the batch that it works on, smallest first: a step waits for all
PART = 64  # columns of a part of the product, one warp's, at the least
WARPS = {2: 4, 4: 8}  # by bytes of an operand, at the most; beyond a width of WIDE twice as many
WIDE = 1024
SLICE = 64 * 1024  # bytes of a program's part of W
TILE = 64 * 1024  # bytes of the state that it multiplies at a step
HELD = 256  # bytes of that state that a thread holds
# gpu_sequential.py
WIDEST = 1024  # numbers of a row of W that a program multiplies at once, at the most
EACH = 128  # bytes of W that a thread holds, as wide as the state


class Operand(NamedTuple):
    """How a state is multiplied: as what, how exactly, and in how many copies in shared memory."""

    dtype: torch.dtype
    precision: str
    copies: int


OPERANDS = {  # float64 streams W; the precision is that of float32 operands
    torch.bfloat16: Operand(torch.bfloat16, "tf32", 1),
    torch.float16: Operand(torch.float32, "tf32", 1),  # a large state would overflow float16
    torch.float32: Operand(torch.float32, "tf32x3", 2),
}
PLAIN = Operand(torch.float32, "ieee", 1)  # for the interpreter


class Plan(NamedTuple):
    """A program has C columns for R rows; its product is in S parts, one a warp, of K columns."""

    C: int
    R: int
    S: int
    K: int
    operand: Operand

    def owners(self, D: int) -> int:
        """Programs that share the state of R rows."""
        return -(-D // self.C)

    def launches(self, B: int, D: int, programs: int) -> range:
        """The first group of R rows of each launch; the programs of a launch run at once."""
        return range(0, -(-B // self.R), programs // self.owners(D))


def _machine(device: torch.device) -> tuple[int, int]:
    """Programs that run at once for sure, and bytes of shared memory of each."""
    if interpreted():
        return 1, 2**31
    about = torch.cuda.get_device_properties(device)
    return about.multi_processor_count, about.shared_memory_per_block_optin


def resident(B: int, D: int, dtype: torch.dtype, device: torch.device) -> Plan | None:
    """The plan of the fewest launches and then the smallest shares; None where W does not fit."""
    if dtype not in OPERANDS:
        return None
    programs, memory = _machine(device)
    side = max(32, 1 << (D - 1).bit_length())
    operand = PLAIN if interpreted() else OPERANDS[dtype]
    warps = WARPS[operand.dtype.itemsize] * (1 if side <= WIDE else 2)
    S = min(max(side // PART, 1), warps)
    if interpreted():
        return Plan(side, ROWS[0], S, side // S, operand)
    row = side * operand.dtype.itemsize
    plans = [
        Plan(C, R, S, side // S, operand)
        for R in ROWS
        for C in COLUMNS
        if C * row <= SLICE and R * row <= min(TILE, HELD * 32 * S)
        if operand.copies * (C + R) * row <= memory and -(-D // C) <= programs
    ]
    return min(plans, key=lambda plan: len(plan.launches(B, D, programs)), default=None)


def unwritten(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Memory of the shape of x to trade through, where nothing is yet: see gpu_resident.py."""
    bits = torch.int16 if dtype.itemsize == 2 else torch.int32
    return torch.full(x.shape, -1, dtype=bits, device=x.device).view(dtype)


def launch_resident(kernel, plan: Plan, tensors: list[Tensor]) -> None:
    """Start a kernel of gpu_resident.py over tensors whose first is [B, L, D]."""
    B, L, D = tensors[0].shape
    launches = plan.launches(B, D, _machine(tensors[0].device)[0])
    together = {} if interpreted() else {"launch_cooperative_grid": True}
    with torch.cuda.device_of(tensors[0]):
        for first in launches:
            groups = min(launches.step, launches.stop - first)
            kernel[(groups * plan.owners(D),)](
                *tensors, B, L, D, first, plan.owners(D),
                plan.C, plan.R, plan.S, plan.K, plan.operand.precision,
                num_warps=plan.S, num_stages=1, **together,
            )  # fmt: skip


def _tile(D: int, itemsize: int) -> tuple[int, int, int]:
    """Rows and columns of the tile of W, and warps: a step is one latency for each tile."""
    side = 1 << (D - 1).bit_length()
    columns, warps = min(side, WIDEST), 16 if D > 128 else 4
    return max(1, min(side, 32 * warps * EACH // itemsize // columns)), columns, warps


def launch_streaming(kernel, tensors: list[Tensor]) -> None:
    """Start a kernel of gpu_sequential.py: the first tensor is [B, L, D], the last a state."""
    B, L, D = tensors[0].shape
    with torch.cuda.device_of(tensors[0]):
        rows, columns, warps = _tile(D, tensors[-1].element_size())
        kernel[(B,)](*tensors, L, D, rows, columns, num_warps=warps)
