"""Which implementation runs: named by argument, by `use`, by MARSLAB_BACKEND, or by the device.

An argument either runs or raises. The other two are preferences: an op without that backend, or a
tensor on another device, takes the automatic choice. The choice made is told to `observer`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.util import find_spec
from typing import NamedTuple

import torch

NAMES = ("naive", "torch", "numba", "triton")
FASTEST = {"cuda": "triton", "cpu": "numba"}
_preferred: ContextVar[str | None] = ContextVar("marslab_backend", default=None)
# Set by whoever records; called with (op, backend). Kernels import nothing from above.
observer: ContextVar[Callable[[str, str], None] | None] = ContextVar(
    "marslab_observer", default=None
)


class Backend(NamedTuple):
    """What `available` says of one backend: can it run, why not, on which device."""

    ok: bool
    reason: str
    device: str


EVERYWHERE = Backend(True, "", "any")


def interpreted() -> bool:
    """Whether Triton kernels run in Triton's interpreter, on CPU tensors."""
    return os.environ.get("TRITON_INTERPRET") == "1"


@lru_cache(maxsize=1)
def _numba() -> Backend:
    found = find_spec("numba") is not None  # a look at the disk: not for every call of an op
    return Backend(found, "" if found else "numba is not installed: pip install numba", "cpu")


@lru_cache(maxsize=2)
def _triton(interpret: bool) -> Backend:
    if find_spec("triton") is None:
        return Backend(False, "triton is not installed: pip install 'marslab[gpu]'", "none")
    if interpret:
        return Backend(True, "interpreter (slow, for tests)", "cpu")
    if not torch.cuda.is_available():
        return Backend(False, "no CUDA device; set TRITON_INTERPRET=1 before Python starts", "none")
    return Backend(True, torch.cuda.get_device_name(), "cuda")


def available() -> dict[str, Backend]:
    """Tell what this machine has: backend name -> Backend(ok, reason, device).

    >>> available()["naive"]
    Backend(ok=True, reason='', device='any')
    """
    return {name: _backend(name) for name in NAMES}


def _backend(name: str) -> Backend:
    if name == "numba":
        return _numba()
    return _triton(interpreted()) if name == "triton" else EVERYWHERE


@contextmanager
def use(name: str) -> Iterator[None]:
    """Prefer a backend inside a `with` block.

    Errors:
        ValueError: no such backend

    >>> with use("torch"):
    ...     pass
    """
    _known(name, "use")
    token = _preferred.set(name)
    try:
        yield
    finally:
        _preferred.reset(token)


def _known(name: str, where: str) -> None:
    if name != "auto" and name not in NAMES:
        raise ValueError(f"{where}: unknown backend {name!r}; choose from {['auto', *NAMES]}")


def _problem(name: str, device: torch.device) -> str:
    """Why `name` cannot serve tensors on `device`; empty when it can."""
    backend = _backend(name)
    if not backend.ok:
        return backend.reason
    if backend.device not in ("any", device.type):
        return f"it needs {backend.device} tensors, got {device}; move them or use 'auto'"
    return ""


def choose(op: str, wanted: str, device: torch.device, has: Sequence[str]) -> str:
    """Return the backend that runs `op` on `device`; `has` names the ones that the op has.

    Errors:
        ValueError: `wanted` is unknown, or the op or this machine cannot serve it
    """
    _known(wanted, op)
    name = wanted
    if wanted != "auto":
        problem = (
            _problem(wanted, device) if wanted in has else f"for this input the op has {list(has)}"
        )
        if problem:
            raise ValueError(f"{op}: backend {wanted!r} cannot run: {problem}")
    else:
        name = _automatic(op, device, has)
    told = observer.get()
    if told is not None:
        told(op, name)
    return name


# A compiled graph keeps the backend that it was traced with. This is all that
# torch.compiler.assume_constant_result does, but calling that would load dynamo and triton.
choose._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def _automatic(op: str, device: torch.device, has: Sequence[str]) -> str:
    preferred = _preferred.get() or os.environ.get("MARSLAB_BACKEND", "auto")
    _known(preferred, "MARSLAB_BACKEND")
    if preferred in has and not _problem(preferred, device):
        return preferred
    fast = FASTEST.get(device.type, "torch")
    return fast if fast in has and not _problem(fast, device) else "torch"
