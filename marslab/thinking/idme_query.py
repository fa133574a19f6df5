"""What IDME knows about one batch of thoughts while its rounds go on."""

from typing import Literal

import torch
from torch import Tensor

from marslab.thinking.law import relative_step

Stop = Literal["converged", "no_improvement", "loop", "pool", "rounds"]


class Query:
    """The rows of one call: each has its own thought, used blocks, and account of efficiency.

    Shapes (B batch, D width, T steps, P blocks, W states):
        h: [B, D]; steps: [B, T]; used, foreign: [B, P]; states: [B, W, D], the last ones
    """

    def __init__(self, h: Tensor, steps: Tensor, efficiency: Tensor, window: int) -> None:
        rows, blocks = len(h), len(efficiency)
        self.h, self.steps = h, steps
        self.start = efficiency.clone()
        self.efficiency = efficiency.repeat(rows, 1)
        self.used = torch.zeros(rows, blocks, dtype=torch.bool, device=h.device)
        self.foreign = self.used.clone()  # what other rows have added to the pool meanwhile
        self.active = torch.ones(rows, dtype=torch.bool, device=h.device)
        self.rounds, self.misses, self.looped, self.taken = (
            torch.zeros(rows, dtype=torch.long, device=h.device) for _ in range(4)
        )
        self.states = h[:, None].repeat(1, window, 1)
        self.reason: list[Stop] = ["rounds"] * rows

    @property
    def barred(self) -> Tensor:
        """Blocks that a row may not try, [B, P]."""
        return self.used | self.foreign

    @property
    def earned(self) -> Tensor:
        """What all rows together have added to each block's efficiency, [P]."""
        return (self.efficiency - self.start).sum(0)

    @property
    def full(self) -> Tensor:
        """Rows that will have as many states as the loop detector looks at, [B]."""
        return self.taken + 1 >= self.states.shape[1] - 1

    def window(self, new: Tensor) -> Tensor:
        """The last states with `new` [B, D] as the newest, [B, W, D]."""
        return torch.cat([self.states[:, 1:], new[:, None]], 1)

    def stop(self, which: Tensor, reason: Stop) -> None:
        """End these rows."""
        for row in (which & self.active).nonzero().flatten().tolist():
            self.reason[row] = reason
        self.active = self.active & ~which

    def loop(self, which: Tensor) -> Tensor:
        """Note a loop of these rows, end those that looped before, and return `which`."""
        self.stop(which & (self.looped > 0), "loop")
        self.looped += which
        return which

    def use(self, index: Tensor, free: Tensor) -> None:
        """Bar the candidates [B, k] that the rows have tried from coming again."""
        self.used = self.used | torch.zeros_like(self.used).scatter(1, index, free)

    def take(self, new: Tensor, won: Tensor, winner: Tensor, gain: Tensor) -> None:
        """Let the rows that have a winner move; the others made a step of 0, and t goes on."""
        step = torch.where(won, relative_step(self.h, new), 0.0)
        self.steps = torch.cat([self.steps, step[:, None].to(self.steps)], 1)
        self.states = torch.where(won[:, None, None], self.window(new), self.states)
        self.h = torch.where(won[:, None], new, self.h)
        earned = torch.where(won, gain, 0.0).to(self.efficiency)
        self.efficiency = self.efficiency.scatter_add(
            1, winner.clamp_min(0)[:, None], earned[:, None]
        )
        self.taken += won
        self.misses = torch.where(won, 0, self.misses + self.active)

    def short(self, k: int) -> list[int]:
        """Rows that go on and have fewer than k blocks left."""
        left = (~self.barred).sum(1)
        return (self.active & (left < k)).nonzero().flatten().tolist()

    def best(self, row: int) -> int:
        """The most efficient block that a row knows."""
        return int(self.efficiency[row].masked_fill(self.foreign[row], -torch.inf).argmax())

    def visible(self, row: int) -> int:
        """How many blocks there are for a row: the same alone and in a batch."""
        return int((~self.foreign[row]).sum())

    def grown(self, row: int, count: int) -> None:
        """Make room for `count` new blocks, which belong to one row for this query."""
        rows = len(self.h)
        self.efficiency = torch.cat([self.efficiency, self.efficiency.new_zeros(rows, count)], 1)
        self.start = torch.cat([self.start, self.start.new_zeros(count)])
        new = torch.ones(rows, count, dtype=torch.bool, device=self.h.device)
        self.used = torch.cat([self.used, ~new], 1)
        new[row] = False
        self.foreign = torch.cat([self.foreign, new], 1)
