"""A sequence split over the ranks of a process group, joined by one small exchange.

Each rank boils its part down to two numbers per channel: the product P of its decays, and the
state S that it reaches from zero. The state after the part is then P * (state before) + S. All
ranks exchange (P, S), walk them in the order of time, and each scans its part once more from the
state that truly enters it. What travels is 3 B D numbers per rank, whatever the length.
"""

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from marslab.kernels.ranks import DTYPES, Facts, agree, check_group, exchange


def linear_scan(
    scan: Callable, a: Tensor, b: Tensor, h0: Tensor, reverse: bool, group: dist.ProcessGroup
) -> tuple[Tensor, Tensor]:
    """Scan this rank's part of a sequence; every rank calls it, and `backward` if one does.

    A loss is what the ranks' own losses sum to: a gradient holds what every rank sent back.

    Shapes (B batch, L length of this rank's part, any from 0 up, D width):
        a, b: [B, L, D]
        h0: [B, D], read on the first rank, with `reverse` on the last
        returns: h [B, L, D] of this part, the state [B, D] after the whole sequence

    Errors:
        TypeError: `group` is no process group
        ValueError: this rank is not in `group`, or B, D, the dtype or `reverse` differ among ranks

    Source:
        Blelloch 1990, "Prefix sums and their applications", 1.4.1, with ranks for processors.
    """
    check_group("linear_scan", group)
    numbers = b.shape[0], b.shape[2], DTYPES.index(b.dtype), int(reverse)
    facts = Facts("B, D, dtype and reverse", numbers, _tell)
    needs = agree("linear_scan", facts, (a, b, h0), group)
    _, reached = scan(a, b, torch.zeros_like(h0), reverse)
    _, kept = scan(a, torch.zeros_like(b), torch.ones_like(h0), reverse)
    entering, state = exchange(kept, reached, h0, needs, group, reverse)
    return scan(a, b, entering, reverse)[0], state


def _tell(numbers: Sequence[int]) -> str:
    B, D, dtype, reverse = numbers[:4]
    return f"B={B}, D={D}, {str(DTYPES[dtype]).removeprefix('torch.')}, reverse={bool(reverse)}"
