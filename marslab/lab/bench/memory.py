"""The most memory that a call takes, as the system counts it."""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

SELF = Path("/proc/self")
FORGET_PEAK = "5"  # what Linux takes for: the high-water mark starts anew


class HighWater:
    """The most bytes that this process holds within the block, beyond those held before it.

    Pages that were touched count, whoever touched them: tensors, compiled code, a library's own
    buffers. `bytes` is None where the system keeps no mark that can be reset (other than Linux).

    >>> with HighWater() as memory:
    ...     held = b"x" * 2**25
    >>> memory.bytes is None or memory.bytes >= 2**25
    True
    """

    bytes: int | None = None

    def __enter__(self) -> "HighWater":
        release()
        try:
            (SELF / "clear_refs").write_text(FORGET_PEAK)
            self._before = _status("VmRSS")
        except (OSError, KeyError):
            self._before = None
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            self.bytes = max(0, _status("VmHWM") - self._before)


def release() -> None:
    """Give freed memory back to the system, where the C library can."""
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> int:
    """One line of what the system tells of this process, in bytes."""
    told = dict(line.split(":", 1) for line in (SELF / "status").read_text().splitlines())
    return 1024 * int(told[name].split()[0])
