"""One process, and who holds it: for one item, or for one after the other."""

import atexit
import multiprocessing
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from marslab.workers.failures import Failure, WorkerDied, WorkerError
from marslab.workers.inside import serve, work_apart
from marslab.workers.naming import check, named


def apart(function: Callable[[int, Any], None], item: Any) -> tuple[SpawnProcess, Connection]:
    """Start function(handle, item) in a process of its own; return it, and what reads its pipe.

    `handle` is the number of the pipe's other end, to be written to with os.write. Whoever calls
    this ends the process: marslab.containment does, for code that is not ours.

    Errors:
        TypeError: `function` cannot be found by name in a fresh process
    """
    where = named(function)  # by its name, so that nothing is loaded before prepare has run
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=work_apart, args=(where, item, writer), daemon=True)
    process.start()
    writer.close()
    return process, reader


class Worker:
    """A process that works on one item after the other; who holds it says which, and when.

    Errors:
        TypeError: `function` cannot be found by name in a fresh process
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        check(function)
        context = multiprocessing.get_context("spawn")
        self.awake = False
        self._pipe, there = context.Pipe()
        # No daemon, so that what it does may start workers too; so it is ended by hand at the exit.
        self._process = context.Process(target=serve, args=(function, there), daemon=False)
        self._process.start()
        atexit.register(self.stop)
        there.close()  # the process holds the only other end: when it dies, the pipe ends

    def give(self, item: Any) -> None:
        """Let the process work on `item`. One that died says so at `take`."""
        with suppress(BrokenPipeError):
            self._pipe.send(item)

    def has_news(self) -> bool:
        """Whether there is a result, or the process is dead; that it woke up is no news."""
        if not self.awake and self._pipe.poll():
            try:
                self._pipe.recv()
            except (EOFError, OSError):
                return True
            self.awake = True
        return self._pipe.poll()

    def take(self) -> Any:
        """Return the result of the item that was given, once there is news.

        Errors:
            WorkerError: the item failed
            WorkerDied: the process died
        """
        try:
            result = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise WorkerDied(self._process.exitcode, awake=self.awake) from None
        if isinstance(result, Failure):
            raise WorkerError(0, result.message, result.trace)
        return result

    def stop(self) -> None:
        """End the process at once, in the middle of what it does."""
        atexit.unregister(self.stop)
        self._process.kill()
        self._process.join()
        self._pipe.close()


def ready(workers: Iterable[Worker], timeout: float | None = None) -> list[Worker]:
    """Return the workers that have news; waits for a sign of one of them, or for the timeout.

    Units:
        timeout: seconds
    """
    workers = list(workers)
    signs = wait([worker._pipe for worker in workers], timeout)
    return [worker for worker in workers if worker._pipe in signs and worker.has_news()]
