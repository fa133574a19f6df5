"""A limit on the time of a piece of Python, in whichever thread it runs."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTime(BaseException):
    """The time is over. No Exception, so that no `except Exception` on the way swallows it."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise OutOfTime in the block once it has run for `seconds`; None is no limit.

    It comes between two steps of Python: a long call into compiled code is ended by whoever
    started this process.

    >>> with time_limit(60):
    ...     pass
    """
    if seconds is None:
        yield
        return
    # Not a signal: those reach the main thread alone, and Dask runs its work in another.
    thread, over, lock = threading.get_ident(), False, threading.Lock()

    def end() -> None:
        with lock:
            if not over:
                _raise_in(thread, OutOfTime)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
        _raise_in(thread, None)  # one that was on its way has nothing to end any more


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    raised = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
