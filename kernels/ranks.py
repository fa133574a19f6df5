"""A recurrence whose sequence is split over the ranks of a process group: the exchange.

Each rank boils its part down to how much of the old state it keeps, and the state that it reaches
from zero. The state after the part is then kept * (state before) + reached. All ranks exchange
these pairs and walk them in the order of time.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from marslab.kernels.checks import REAL

DTYPES = (*REAL, torch.complex64, torch.complex128)


class Facts(NamedTuple):
    """What must be the same on every rank.

    names: for the sentence, as "B, D and dtype"; numbers: this rank's; tell: writes such numbers
    """

    names: str
    numbers: tuple[int, ...]
    tell: Callable[[Sequence[int]], str]


def check_group(op: str, group: dist.ProcessGroup) -> None:
    """Raise unless this process can take part.

    Errors:
        TypeError: `group` is no process group; ValueError: this process is not in it
    """
    if group == dist.GroupMember.NON_GROUP_MEMBER:
        raise ValueError(f"{op}: this rank is not in group; call it on the group's ranks only")
    if not isinstance(group, dist.ProcessGroup):
        raise TypeError(
            f"{op}: group must be a torch.distributed.ProcessGroup, got {type(group).__name__}"
        )


def agree(op: str, facts: Facts, tensors: Sequence[Tensor], group: dist.ProcessGroup) -> list[bool]:
    """Tell all ranks what this one holds; return which of them will ask for gradients.

    Errors:
        ValueError: the ranks differ; the same sentence on all of them
    """
    needs = torch.is_grad_enabled() and any(x.requires_grad for x in tensors)
    sent = torch.tensor([*facts.numbers, int(needs)], device=tensors[0].device)
    heard = [torch.zeros_like(sent) for _ in range(dist.get_world_size(group))]
    dist.all_gather(heard, sent, group=group)
    told = [x.tolist() for x in heard]
    if len({tuple(numbers[:-1]) for numbers in told}) > 1:
        each = "; ".join(f"rank {i}: {facts.tell(numbers)}" for i, numbers in enumerate(told))
        raise ValueError(f"{op}: {facts.names} must agree among ranks, got {each}")
    return [bool(numbers[-1]) for numbers in told]


def exchange(
    kept: Tensor,
    reached: Tensor,
    h0: Tensor,
    needs: Sequence[bool],
    group: dist.ProcessGroup,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """The state that enters this rank's part, and the state after the whole sequence.

    Shapes: kept, reached, h0 of one shape, that of the state; h0 is read on the rank that is first
    in time. `needs` says which ranks will ask for gradients, as `agree` returned it.
    """
    part = torch.stack([kept, reached, h0])
    if not part.requires_grad and any(needs):
        part.requires_grad_()  # other ranks will send gradients: take part in their exchange
    parts: Tensor = _Gather.apply(part, group)  # pyright: ignore[reportAssignmentType]
    order = range(len(needs))[::-1] if reverse else range(len(needs))
    # h0 comes out of the exchange on its own rank too, so that no rank's backward skips it
    state = entering = parts[order[0], 2]
    for rank in order:
        if rank == dist.get_rank(group):
            entering = state
        state = parts[rank, 0] * state + parts[rank, 1]
    return entering, state


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
