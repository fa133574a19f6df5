"""Several processes that train one model, each on its rows of every batch."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from marslab.errors import UserError


class Ranks:
    """The processes of a group; without one, this process alone, where nothing is sent.

    Each of them draws the whole batch and computes its own rows of it, its loss weighed by their
    share, so that gradients are added and any number of processes gives the gradient of one.
    Buffers are not shared: those of the first process are kept.

    >>> Ranks(None).size, Ranks(None).first
    (1, True)
    """

    def __init__(self, group: dist.ProcessGroup | None) -> None:
        self.group = group
        self.rank = 0 if group is None else dist.get_rank(group)
        self.size = 1 if group is None else dist.get_world_size(group)
        if self.rank < 0:
            raise ValueError("this process is not in group: train on the group's processes only")

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints and log."""
        return self.rank == 0

    @torch.no_grad()
    def share(self, model: nn.Module, step: int) -> None:
        """Give every process the weights and buffers of the first.

        Errors:
            UserError: the processes stand at different steps
        """
        if self.group is None:
            return
        source, tensors = dist.get_global_rank(self.group, 0), list(model.state_dict().values())
        device = tensors[0].device
        first = torch.tensor(step, device=device)
        dist.broadcast(first, source, group=self.group)
        if self.any(int(first) != step, device):
            raise UserError(
                "the processes of this training found different checkpoints: "
                "give all of them one shared folder"
            )
        for x in tensors:
            dist.broadcast(x, source, group=self.group)

    @torch.no_grad()
    def add_gradients(self, parameters: list[Tensor]) -> None:
        """Replace every gradient by its sum over the processes; None where none has one."""
        if self.group is None or not parameters:
            return
        device = parameters[0].device
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=device)
        dist.all_reduce(has, group=self.group)
        used = [p for p, known in zip(parameters, has.tolist(), strict=True) if known]
        for dtype in dict.fromkeys(p.dtype for p in used):
            same = [p for p in used if p.dtype == dtype]
            grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in same]
            flat = torch.cat([g.flatten() for g in grads])  # one message instead of hundreds
            dist.all_reduce(flat, group=self.group)
            for p, g in zip(same, flat.split([p.numel() for p in same]), strict=True):
                p.grad = g.view_as(p).clone()

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is up in any process: all of them stop after the same step."""
        if self.group is None:
            return flag
        flags = torch.tensor(float(flag), device=device)
        dist.all_reduce(flags, group=self.group)
        return bool(flags > 0)

    def meet(self) -> None:
        """Wait until every process is here, so that what the first wrote is there for all."""
        if self.group is not None:
            dist.barrier(self.group)
