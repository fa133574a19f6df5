"""Ctrl-C that waits for the end of a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody asked to stop."""

    asked = False


@contextmanager
def listening() -> Iterator[Stop]:
    """Turn the first Ctrl-C into a flag: weights are never caught half moved. A second one acts.

    Outside of the main thread no Ctrl-C arrives, and nothing is changed.

    >>> with listening() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    ...     stop.asked
    True
    """
    stop = Stop()
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not main or not callable(before):
        yield stop
        return

    def first(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, first)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
