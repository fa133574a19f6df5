"""Old examples, kept and learned again: all of them, or a fair sample."""

import torch
from torch import Tensor, nn

from marslab.learning.continual.batch import Batch, joined, loss, training_rows
from marslab.learning.continual.method import Method, size
from marslab.tasks.continual import ContinualTask


class Joint(Method):
    """Train on all tasks so far at once: what no sequence of tasks is expected to beat.

    >>> Joint().memory_bytes()
    0
    """

    def __init__(self) -> None:
        self.kept: list[Batch] = []

    def before_task(self, model: nn.Module, task: ContinualTask) -> Batch:
        """Return the examples of this task and of every one before."""
        return joined([*self.kept, training_rows(task)])

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Keep every example."""
        self.kept.append(training_rows(task))

    def memory_bytes(self) -> int:
        """Return the bytes of all examples."""
        return sum(map(kept_bytes, self.kept))


class Reservoir:
    """A fair sample of a stream whose length nobody knows: each example stays with k / seen.

    Errors:
        ValueError: capacity is less than 1

    Source:
        Vitter 1985, "Random sampling with a reservoir", algorithm R.

    >>> reservoir = Reservoir(2)
    >>> [reservoir.place() for _ in range(2)]
    [0, 1]
    """

    def __init__(self, capacity: int, seed: int = 0) -> None:
        if capacity < 1:
            raise ValueError(f"Reservoir: capacity must be at least 1, got {capacity}")
        self.capacity, self.seen = capacity, 0
        self._generator = torch.Generator().manual_seed(seed)

    def place(self) -> int | None:
        """Return where the next example of the stream goes, None if it is not kept."""
        self.seen += 1
        if self.seen <= self.capacity:
            return self.seen - 1
        at = int(torch.randint(self.seen, (), generator=self._generator))
        return at if at < self.capacity else None


class ExperienceReplay(Method):
    """Keep a reservoir of old examples; each step learns as many of them as of new ones.

    Units:
        capacity: examples kept

    Errors:
        ValueError: capacity is less than 1

    Source:
        Chaudhry et al. 2019, "On tiny episodic memories in continual learning".

    >>> ExperienceReplay(capacity=10).memory_bytes()
    0
    """

    def __init__(self, capacity: int = 200, *, seed: int = 0) -> None:
        self.reservoir = Reservoir(capacity, seed)
        self.buffer: Batch | None = None
        self._generator = torch.Generator().manual_seed(seed + 1)

    def penalty(self, model: nn.Module, batch: Batch) -> Tensor | None:
        """Return the loss on a draw from the reservoir, None while it is empty."""
        if self.buffer is None:
            return None
        some = torch.randint(len(self.buffer.y), (len(batch.y),), generator=self._generator)
        return loss(model, self.buffer.at(some))

    def after_task(self, model: nn.Module, task: ContinualTask) -> None:
        """Let the task's examples pass by the reservoir once."""
        rows = training_rows(task)
        whole = rows if self.buffer is None else joined([self.buffer, rows])
        first = len(whole.y) - len(rows.y)
        places = list(range(first))
        for at in range(first, len(whole.y)):
            place = self.reservoir.place()
            if place == len(places):
                places.append(at)
            elif place is not None:
                places[place] = at
        self.buffer = whole.at(torch.tensor(places))

    def memory_bytes(self) -> int:
        """Return the bytes of the examples that are kept."""
        return 0 if self.buffer is None else kept_bytes(self.buffer)


def kept_bytes(rows: Batch) -> int:
    """Return the bytes of examples, with the classes that each may be answered by."""
    return size(rows)
