"""Many items on a few worker processes, where each failure stays with its own item."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from marslab.workers import Worker, WorkerDied, WorkerError, ready

LOOK = 0.2  # seconds between two calls of `on_wait`


class Order(NamedTuple):
    """An item for a worker; `key` says here which one it is, `limit` how long it may take.

    Units:
        limit: seconds from the moment a worker has it, the start of its process included
    """

    key: Any
    item: Any
    limit: float | None = None


class Ended(NamedTuple):
    """What became of an order: its result, or the error that stands for it.

    The error is a WorkerError where the function raised, a WorkerDied where the process died, a
    TimeoutError where it was stopped.
    """

    key: Any
    result: Any = None
    error: Exception | None = None


class Crew:
    """Worker processes that all run one function; those that rest are taken before new ones.

    Who makes one ends it with `rest`.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._busy: dict[Worker, tuple[Order, float]] = {}
        self._idle: list[Worker] = []

    def work(
        self, orders: Iterable[Order], size: int, on_wait: Callable[[], object] | None = None
    ) -> Iterator[Ended]:
        """Yield each order as it ends; `size` at a time, taken one by one as workers are free.

        `on_wait` is called several times a second; what it raises comes through.
        """
        waiting = iter(orders)
        while True:
            while len(self._busy) < size and (order := next(waiting, None)) is not None:
                self._give(order)
            if not self._busy:
                return
            if on_wait is not None:
                on_wait()
            yield from self._ended(math.inf if on_wait is None else LOOK)

    def rest(self) -> None:
        """End all processes, in the middle of what they do."""
        for worker in (*self._busy, *self._idle):
            worker.stop()
        self._busy, self._idle = {}, []

    def _give(self, order: Order) -> None:
        worker = self._idle.pop() if self._idle else Worker(self._function)
        limit = math.inf if order.limit is None else order.limit
        self._busy[worker] = (order, time.monotonic() + limit)
        worker.give(order.item)

    def _ended(self, patience: float) -> list[Ended]:
        """What ended, after news of a worker, or when the first is late, or after `patience`."""
        first = min(deadline for _, deadline in self._busy.values())
        patience = min(patience, max(0.0, first - time.monotonic()))
        workers = ready(self._busy, None if patience == math.inf else patience)
        found = [self._taken(worker) for worker in workers]
        now = time.monotonic()
        for worker, (order, deadline) in list(self._busy.items()):
            if now >= deadline:
                del self._busy[worker]
                worker.stop()
                told = f"it took longer than {order.limit:g} s and was stopped"
                found.append(Ended(order.key, error=TimeoutError(told)))
        return found

    def _taken(self, worker: Worker) -> Ended:
        order, _ = self._busy.pop(worker)
        try:
            ended = Ended(order.key, worker.take())
        except WorkerDied as died:
            worker.stop()
            return Ended(order.key, error=died)
        except WorkerError as error:
            ended = Ended(order.key, error=error)
        self._idle.append(worker)
        return ended
