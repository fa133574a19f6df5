"""Items shared out among processes, with the results in the order of the items."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from marslab.workers.failures import NO_START, Failure, WorkerError
from marslab.workers.inside import call, prepare
from marslab.workers.naming import check


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
    check(function)
    if workers is not None and workers < 1:
        raise ValueError(f"workers.run: workers must be at least 1, got {workers}")
    items = list(items)
    if not items:
        return []
    pool = ProcessPoolExecutor(
        max_workers=min(len(items), workers or cores()),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=prepare,
    )
    try:
        futures = {pool.submit(call, function, item): at for at, item in enumerate(items)}
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
            f"a worker process died before it was done: {NO_START}",
            "",
        ) from error
    except Exception as error:  # the item or the result could not be sent
        raise WorkerError(at, f"{type(error).__name__}: {error}", "") from error
    if isinstance(result, Failure):
        raise WorkerError(at, result.message, result.trace)
    return result


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once, in the middle of what they do."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
