"""Which code ran, and on which machine."""

import hashlib
import os
import platform
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# What decides the figures of a run. What only draws or lists them is left out.
PACKAGES = ("kernels", "layers", "systems", "tasks", "learning", "lab.ablation.tasks")


@lru_cache(maxsize=1)
def code() -> str:
    """Return a hash of the source files that decide what a run finds.

    >>> len(code())
    12
    """
    found = hashlib.sha256()
    for package in PACKAGES:
        spec = find_spec(f"marslab.{package}")
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for file in sorted(Path(folder).rglob("*.py")):
                found.update(f"{package}/{file.relative_to(folder).as_posix()}\0".encode())
                found.update(file.read_bytes() + b"\0")
    return found.hexdigest()[:12]


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
