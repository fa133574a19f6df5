"""`ssd` over a sequence that is split over the ranks of a process group.

A head keeps one share of its whole state over a rank's part, exp(A * sum of dt), so what a part
does is again a pair: that share, and the state reached from zero. The ranks exchange the pairs, and
each runs its part once more from the state that truly enters it.
"""

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from marslab.kernels.ranks import DTYPES, Facts, agree, check_group, exchange
from marslab.kernels.ssd.decay import log_decay, wide


def ssd(
    scan: Callable, operands: tuple[Tensor, ...], chunk_size: int, group: dist.ProcessGroup
) -> tuple[Tensor, Tensor]:
    """Run this rank's part of a sequence; every rank calls it, and `backward` if one does.

    A loss is what the ranks' own losses sum to. The gradients of A and D are those of this rank's
    steps: sum them over ranks, as for every weight that the ranks share.

    Shapes (B batch, L length of this rank's part, any from 0 up, H heads, P width, N state):
        operands: x, dt, A, B, C, D, h0 as for `ssd`; h0 is read on the first rank
        returns: y [B, L, H, P] of this part, the state [B, H, P, N] after the whole sequence

    Errors:
        TypeError: `group` is no process group
        ValueError: this rank is not in `group`, or B, H, P, G, N or the dtype differ among ranks

    Source:
        Dao & Gu 2024, "Transformers are SSMs", section 8.2, with ranks for devices.
    """
    check_group("ssd", group)
    x, dt, A, B, C, D, h0 = operands
    rows, _, H, P = x.shape
    numbers = rows, H, P, *B.shape[2:], DTYPES.index(x.dtype)
    needs = agree("ssd", Facts("B, H, P, G, N and dtype", numbers, _tell), operands, group)
    _, reached = scan(x, dt, A, B, C, D, torch.zeros_like(h0), chunk_size)
    share = log_decay(dt, A, wide(h0)).sum(1).exp().to(h0.dtype)
    kept = share[..., None, None].expand_as(h0)
    entering, state = exchange(kept, reached, h0, needs, group)
    return scan(x, dt, A, B, C, D, entering, chunk_size)[0], state


def _tell(numbers: Sequence[int]) -> str:
    sizes = ", ".join(f"{name}={n}" for name, n in zip("BHPGN", numbers[:5], strict=True))
    return f"{sizes}, {str(DTYPES[numbers[5]]).removeprefix('torch.')}"
