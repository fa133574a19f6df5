"""What goes wrong in a worker, and how it is told."""

from typing import NamedTuple

NO_START = (
    "too little memory, or a script that starts workers outside of `if __name__ == '__main__':`"
)


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


class Failure(NamedTuple):
    """An exception as text: exceptions themselves do not always survive the way back."""

    message: str
    trace: str
