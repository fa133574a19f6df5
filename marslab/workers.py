"""The one place that starts worker processes.

They are spawned, never forked: a forked child hangs in its first parallel numba kernel when the
parent has run one. Each works with one torch thread and one numba thread, so that as many run side
by side as there are cores. They end with their parent, however it ends.
"""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, NamedTuple

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class WorkerError(RuntimeError):
    """A worker failed at one item; `index` says at which, `trace` holds the worker's traceback."""

    def __init__(self, index: int, message: str, trace: str) -> None:
        super().__init__(f"item {index}: {message}")
        self.index = index
        self.trace = trace


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


def cores() -> int:
    """How many cores this process may use.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check(function: Callable[[Any], Any], workers: int | None) -> None:
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


def _result(future: Future, at: int) -> Any:
    try:
        result = future.result()
    except BrokenProcessPool as error:
        raise WorkerError(
            at,
            "a worker process died before it was done: out of memory, or a script that starts "
            "workers outside of `if __name__ == '__main__':`",
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


def _prepare() -> None:
    """Make a fresh process a quiet worker: one thread a library, Ctrl-C left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    # The variables are read at import, which a script's own imports may have done already.
    for library in ("torch", "numba"):
        if library in sys.modules:
            sys.modules[library].set_num_threads(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
