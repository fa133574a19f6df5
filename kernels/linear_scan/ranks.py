"""A sequence split over the ranks of a process group, joined by one small exchange.

Each rank boils its part down to two numbers per channel: the product P of its decays, and the
state S that it reaches from zero. The state after the part is then P * (state before) + S. All
ranks exchange (P, S), walk them in the order of time, and each scans its part once more from the
state that truly enters it. What travels is 3 B D numbers per rank, whatever the length.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from marslab.kernels.checks import REAL

DTYPES = (*REAL, torch.complex64, torch.complex128)


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
    rank = _rank(group)
    told = _agree(b, reverse, _needs_gradient(a, b, h0), group)
    _, reached = scan(a, b, torch.zeros_like(h0), reverse)
    _, kept = scan(a, torch.zeros_like(b), torch.ones_like(h0), reverse)
    part = torch.stack([kept, reached, h0])
    if not part.requires_grad and any(one.needs_gradient for one in told):
        part.requires_grad_()  # other ranks will send gradients: take part in their exchange
    parts = _Gather.apply(part, group)
    order = range(len(told))[::-1] if reverse else range(len(told))
    # h0 comes out of the exchange on its own rank too, so that no rank's backward skips it
    state = entering = parts[order[0], 2]  # pyright: ignore[reportOptionalSubscript]
    for one in order:
        if one == rank:
            entering = state
        state = parts[one, 0] * state + parts[one, 1]  # pyright: ignore[reportOptionalSubscript]
    return scan(a, b, entering, reverse)[0], state


class _Part(NamedTuple):
    """What each rank tells the others before it sends tensors."""

    B: int
    D: int
    dtype: int
    reverse: bool
    needs_gradient: bool


def _rank(group: dist.ProcessGroup) -> int:
    if group == dist.GroupMember.NON_GROUP_MEMBER:
        raise ValueError(
            "linear_scan: this rank is not in group; call it on the group's ranks only"
        )
    if not isinstance(group, dist.ProcessGroup):
        raise TypeError(
            "linear_scan: group must be a torch.distributed.ProcessGroup, "
            f"got {type(group).__name__}"
        )
    return dist.get_rank(group)


def _needs_gradient(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def _agree(b: Tensor, reverse: bool, needs: bool, group: dist.ProcessGroup) -> list[_Part]:
    """Tell all ranks what this one holds; raise the same sentence on all of them if they differ."""
    mine = [b.shape[0], b.shape[2], DTYPES.index(b.dtype), int(reverse), int(needs)]
    sent = torch.tensor(mine, device=b.device)
    heard = [torch.zeros_like(sent) for _ in range(dist.get_world_size(group))]
    dist.all_gather(heard, sent, group=group)
    told = [_Part(*x.tolist()) for x in heard]
    if len({one[:4] for one in told}) > 1:
        each = "; ".join(
            f"rank {i}: B={one.B}, D={one.D}, {str(DTYPES[one.dtype]).removeprefix('torch.')}, "
            f"reverse={bool(one.reverse)}"
            for i, one in enumerate(told)
        )
        raise ValueError(f"linear_scan: B, D, dtype and reverse must agree among ranks, got {each}")
    return told


class _Gather(torch.autograd.Function):
    """x on each rank -> [R, ...] on every rank."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        x = x.contiguous()
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size(group))]
        dist.all_gather(parts, x, group=group)
        return torch.stack(parts)

    @staticmethod
    def backward(ctx, *grads):
        return _SumToOwner.apply(grads[0], ctx.group), None


class _SumToOwner(torch.autograd.Function):
    """[R, ...] on each rank -> on rank r the sum of all slices r. The gradient of a gather."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=group)
        return total[dist.get_rank(group)].clone()

    @staticmethod
    def backward(ctx, *grads):
        return _Gather.apply(grads[0], ctx.group), None
