"""Which code ran, and on which machine."""

import os
import platform
from functools import lru_cache
from importlib import metadata
from typing import Any

from marslab.lab.sources import digest

# What decides the figures of a run. What only draws or lists them is left out.
PACKAGES = tuple(
    f"marslab.{name}"
    for name in ("kernels", "layers", "systems", "tasks", "learning", "lab.ablation.tasks")
)


@lru_cache(maxsize=1)
def code() -> str:
    """Return a digest of the source files that decide what a run finds.

    >>> len(code())
    16
    """
    return digest(PACKAGES)


def machine() -> dict[str, Any]:
    """Return the machine's processor and system, and the versions that a figure depends on."""
    from marslab.lab.bench.conditions import processor
    from marslab.workers import cores

    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in ("torch", "numpy", "numba")},
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
