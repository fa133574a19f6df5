"""The one place that starts worker processes.

They are spawned, never forked: a forked child hangs in its first parallel numba kernel when the
parent has run one. Each works with one torch thread and one numba thread, so that as many run side
by side as there are cores. They end with their parent, however it ends.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from operator import attrgetter
from typing import Any, NamedTuple

NO_START = (
    "too little memory, or a script that starts workers outside of `if __name__ == '__main__':`"
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class WorkerError(RuntimeError):
    """A worker failed at one item; `index` says at which, `trace` holds the worker's traceback."""

    def __init__(self, index: int, message: str, trace: str) -> None:
        super().__init__(f"item {index}: {message}")
        self.index = index
        self.trace = trace


class WorkerDied(RuntimeError):
    """A worker's process ended before its item was done; `awake` tells whether it ever began.

    >>> print(WorkerDied(-9, awake=True))
    the process died (signal 9)
    """

    def __init__(self, code: int | None, *, awake: bool) -> None:
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        why = "" if awake else f" as it started: {NO_START}"
        super().__init__(f"the process died ({how}){why}")
        self.awake = awake


class _Failure(NamedTuple):
    """An exception as text: exceptions themselves do not always survive the way back."""

    message: str
    trace: str


def run(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    workers: int | None = None,
    timeout: float | None = None,
    on_result: Callable[[int, Any], None] | None = None,
) -> list[Any]:
    """Return [function(item) for item in items], computed in processes of their own.

    `function` is given by name, so it must stand in a module. `on_result(index, result)` is called
    here as each item is done. The first failure, Ctrl-C or the timeout stops every worker.

    Units:
        workers: processes, one per core if None
        timeout: seconds for the whole call

    Errors:
        TypeError: `function` cannot be found by name in a fresh process
        ValueError: `workers` is not positive
        WorkerError: an item failed, or its process died
        TimeoutError: not done in time

    >>> run(abs, [-1, 2, -3], workers=1)
    [1, 2, 3]
    """
    _check(function, workers)
    items = list(items)
    if not items:
        return []
    pool = ProcessPoolExecutor(
        max_workers=min(len(items), workers or cores()),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare,
    )
    try:
        futures = {pool.submit(_call, function, item): at for at, item in enumerate(items)}
        return _collect(futures, timeout, on_result)
    except BaseException:
        _stop(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def apart(function: Callable[[int, Any], None], item: Any) -> tuple[SpawnProcess, Connection]:
    """Start function(handle, item) in a process of its own; return it, and what reads its pipe.

    `handle` is the number of the pipe's other end, to be written to with os.write. Whoever calls
    this ends the process: marslab.containment does, for code that is not ours.

    Errors:
        TypeError: `function` cannot be found by name in a fresh process
    """
    where = named(function)  # by its name, so that nothing is loaded before _prepare has run
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work_apart, args=(where, item, writer), daemon=True)
    process.start()
    writer.close()
    return process, reader


def named(function: Callable[..., Any]) -> tuple[str, str]:
    """Return the module and the name by which a fresh process finds `function`.

    Errors:
        TypeError: it cannot

    >>> named(cores)
    ('marslab.workers', 'cores')
    """
    _check(function, None)
    return function.__module__, function.__qualname__


class Worker:
    """A process that works on one item after the other; who holds it says which, and when.

    Errors:
        TypeError: `function` cannot be found by name in a fresh process
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        _check(function, None)
        context = multiprocessing.get_context("spawn")
        self.awake = False
        self._pipe, there = context.Pipe()
        # No daemon, so that what it does may start workers too; so it is ended by hand at the exit.
        self._process = context.Process(target=_serve, args=(function, there), daemon=False)
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
        if isinstance(result, _Failure):
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


def one_thread() -> None:
    """Let torch and numba work on one thread, in this thread and in those that it starts."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    # The variables are read at import, which a script's own imports may have done already.
    for library in ("torch", "numba"):
        if library in sys.modules:
            sys.modules[library].set_num_threads(1)


def cores() -> int:
    """How many cores this process may use.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check(function: Callable[..., Any], workers: int | None) -> None:
    name = getattr(function, "__qualname__", "<unnamed>")
    fresh = function.__module__ != "__main__" or hasattr(sys.modules["__main__"], "__file__")
    if "<" in name or not fresh:
        raise TypeError(
            f"workers.run: {name} cannot be found by name in a fresh process; "
            "define the function at the top of a module and import it"
        )
    if workers is not None and workers < 1:
        raise ValueError(f"workers.run: workers must be at least 1, got {workers}")


def _collect(
    futures: dict[Future, int],
    timeout: float | None,
    on_result: Callable[[int, Any], None] | None,
) -> list[Any]:
    results: list[Any] = [None] * len(futures)
    done = 0
    try:
        for future in as_completed(futures, timeout):
            at = futures[future]
            result = _result(future, at)
            results[at] = result
            done += 1
            if on_result is not None:
                on_result(at, result)
    except TimeoutError:
        raise TimeoutError(
            f"workers.run: {done} of {len(futures)} items were done after {timeout} s; "
            "allow more time or give each worker less to do"
        ) from None
    return results


def leave_tracker() -> None:
    """Close this process's end of the pipe to multiprocessing's resource tracker."""
    tracker = resource_tracker._resource_tracker
    handle: int | None = tracker._fd  # pyright: ignore[reportAttributeAccessIssue]
    if handle is not None:
        os.close(handle)
        tracker._fd = None  # pyright: ignore[reportAttributeAccessIssue]


def _result(future: Future, at: int) -> Any:
    try:
        result = future.result()
    except BrokenProcessPool as error:
        raise WorkerError(
            at,
            f"a worker process died before it was done: {NO_START}",
            "",
        ) from error
    except Exception as error:  # the item or the result could not be sent
        raise WorkerError(at, f"{type(error).__name__}: {error}", "") from error
    if isinstance(result, _Failure):
        raise WorkerError(at, result.message, result.trace)
    return result


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once, in the middle of what they do."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    try:
        return function(item)
    except Exception as error:
        return _Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def _work_apart(where: tuple[str, str], item: Any, writer: Connection) -> None:
    _prepare()
    attrgetter(where[1])(import_module(where[0]))(writer.fileno(), item)


def _serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    _prepare()
    pipe.send("awake")
    with suppress(EOFError):
        while True:
            result = _call(function, pipe.recv())
            try:
                pipe.send(result)
            except Exception as error:  # pickle's, of many kinds: the result cannot be sent
                pipe.send(_Failure(f"{type(error).__name__}: {error}", ""))


def _prepare() -> None:
    """Make a fresh process a quiet worker: one thread a library, Ctrl-C left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
