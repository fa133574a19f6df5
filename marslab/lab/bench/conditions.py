"""The conditions of a measurement: without them a figure says nothing."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from marslab import workers
from marslab.kernels.roofline import stream
from marslab.lab.bench.cases import SEED
from marslab.lab.bench.ops import find
from marslab.lab.bench.report import Condition
from marslab.lab.bench.timing import BUDGET, COPIES, FEWEST, WARM_UP
from marslab.lab.sources import digest

PACKAGES = ("marslab", "torch", "numpy", "numba", "triton")


def conditions(ops: list[str], device: str, repeats: int) -> dict[str, Condition]:
    """Collect machine, versions, threads and the way of measuring; measures the stream rate."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, Condition] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine(device),
        "processor": processor(),
        "cores": usable or 1,
        "load": _load(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "threads_torch": torch.get_num_threads(),
        "threads_numba": _numba_threads(),
        "stream_gb_s": stream(device) / 1e9,
        "repeats": repeats,
        "warm_up": WARM_UP,
        "method": _method(device),
        "inputs": f"random, seed {SEED}",
        **{f"inputs of {op}": find(op).inputs for op in ops},
        **{f"code of {op}": code_of(op) for op in ops},
    }
    if device == "cuda":
        found["cuda"] = str(torch.version.cuda)
    return found


def surroundings(packages: Sequence[str]) -> dict[str, Any]:
    """Date, processor, system, versions of packages and load: of what is timed on a CPU's thread.

    >>> surroundings(["torch"])["torch"].startswith("2.")
    True
    """
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": processor(),
        "cores": workers.cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in packages},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def code_of(op: str) -> str:
    """The digest of the code of an op: a figure is that code's alone.

    >>> code_of("circular_conv") == code_of("circular_corr") != code_of("ssd")
    True
    """
    package = find(op).cost.__module__.rpartition(".")[0]  # its work.py stands beside the op
    return digest((package,))


def machine(device: str) -> str:
    """The name of the device that runs the work."""
    return torch.cuda.get_device_name() if device == "cuda" else processor()


def processor() -> str:
    """The CPU's model, as far as the system tells."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _method(device: str) -> str:
    turns = (
        f"variants take turns; slow ones run as often as fits {BUDGET:g} s, "
        f"at least {FEWEST} times, once when a run alone takes longer"
    )
    if device == "cuda":
        return f"{turns}; device events, each call queued behind {COPIES} copies of 1 GiB, median"
    return f"{turns}; wall clock, results freshly allocated and freed after the clock stops, median"


def _load() -> str:
    """Processes that wanted a core in the last minute, where the system tells."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _numba_threads() -> int:
    if find_spec("numba") is None:
        return 0
    import numba

    return numba.get_num_threads()
