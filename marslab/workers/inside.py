"""What runs inside of a worker's process."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from operator import attrgetter
from typing import Any

from marslab.workers.failures import Failure

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def one_thread() -> None:
    """Let torch and numba work on one thread, in this thread and in those that it starts."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    # The variables are read at import, which a script's own imports may have done already.
    for library in ("torch", "numba"):
        if library in sys.modules:
            sys.modules[library].set_num_threads(1)


def leave_tracker() -> None:
    """Close this process's end of the pipe to multiprocessing's resource tracker."""
    tracker = resource_tracker._resource_tracker
    handle: int | None = tracker._fd  # pyright: ignore[reportAttributeAccessIssue]
    if handle is not None:
        os.close(handle)
        tracker._fd = None  # pyright: ignore[reportAttributeAccessIssue]


def call(function: Callable[[Any], Any], item: Any) -> Any:
    """Return function(item), or the Failure that it ended in."""
    try:
        return function(item)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def work_apart(where: tuple[str, str], item: Any, writer: Connection) -> None:
    """Do one item with what stands at `where`; it writes to the pipe itself."""
    prepare()
    attrgetter(where[1])(import_module(where[0]))(writer.fileno(), item)


def serve(function: Callable[[Any], Any], pipe: Connection) -> None:
    """Do one item after the other, until whoever gives them is gone."""
    prepare()
    pipe.send("awake")
    with suppress(EOFError):
        while True:
            result = call(function, pipe.recv())
            try:
                pipe.send(result)
            except Exception as error:  # pickle's, of many kinds: the result cannot be sent
                pipe.send(Failure(f"{type(error).__name__}: {error}", ""))


def prepare() -> None:
    """Make a fresh process a quiet worker: one thread a library, Ctrl-C left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
