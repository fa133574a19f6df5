"""numba's threads: which layer they use, and where compiled kernels are kept.

Import this before the first `numba.njit`. The layers `omp` and `tbb` may be entered from several
Python threads at once; `workqueue` aborts the process, so there a lock stands before every call.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from threading import Lock

import numba
import torch
from numba.core import config

# Below this, waking a second thread costs more than it saves.
WORTH_WAKING = 65_536
# fastmath without nnan and ninf: a NaN has to travel
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}


def _layer() -> str:
    for name in ("omp", "tbb"):
        try:
            import_module(f"numba.np.ufunc.{name}pool")
        except ImportError:
            continue
        return name
    return "workqueue"


def _cache_folder() -> str:
    """A folder in the environment; numba's own choice when that cannot be written."""
    folder = Path(sys.prefix) / "var" / "marslab" / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


LAYER = _layer()
config.THREADING_LAYER = LAYER  # pyright: ignore[reportAttributeAccessIssue]
if not config.CACHE_DIR:  # pyright: ignore[reportAttributeAccessIssue]
    config.CACHE_DIR = _cache_folder()  # pyright: ignore[reportAttributeAccessIssue]
_one_at_a_time: AbstractContextManager = Lock() if LAYER == "workqueue" else nullcontext()


@contextmanager
def entry(cells: int) -> Iterator[None]:
    """Held while a parallel kernel over so many cells runs; few cells get one thread."""
    of_torch, threads = torch.get_num_threads(), numba.get_num_threads()
    with _one_at_a_time:
        if cells < WORTH_WAKING:
            numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(threads)
            if torch.get_num_threads() != of_torch:  # numba's first kernel sets OpenMP's for both
                torch.set_num_threads(of_torch)
