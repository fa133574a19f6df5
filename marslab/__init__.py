"""Understand the architectures after the Transformer by building, watching and breaking them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marslab.seeding import seed_everything
    from marslab.systems.registry import build, load, models
    from marslab.tracing import Trace, trace

__version__ = "0.1.0"
__all__ = ["Trace", "__version__", "build", "load", "models", "seed_everything", "trace"]

# Loaded when first asked for, so that `import marslab` costs nothing. No name here is that of a
# submodule: importing the submodule would silently replace it.
_HOME = {
    "Trace": "marslab.tracing",
    "build": "marslab.systems.registry",
    "load": "marslab.systems.registry",
    "models": "marslab.systems.registry",
    "seed_everything": "marslab.seeding",
    "trace": "marslab.tracing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'marslab' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
