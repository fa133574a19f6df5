"""What is done with the library: benchmarks, notebooks, the lab, a look at the machine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marslab.lab.ablation.ablate import ablate
    from marslab.lab.sweeps import sweep

__all__ = ["ablate", "sweep"]

# Loaded when first asked for.
_HOME = {"ablate": "marslab.lab.ablation.ablate", "sweep": "marslab.lab.sweeps"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'marslab.lab' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
