"""The ways of doing an op that are timed: our backends, other people's code, yardsticks."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module, metadata
from types import MappingProxyType
from typing import Any

from torch import Tensor

from marslab.kernels import available
from marslab.lab.bench.cases import BOTH, Case
from marslab.lab.bench.forms import PLAIN, Form
from marslab.lab.bench.report import OURS, PEER, YARDSTICK

Function = Callable[..., Tensor]
PLACES = {
    "numba": ("cpu",),
    "triton": ("cuda",),
    "torch": ("cpu", "cuda"),
    "naive": ("cpu",),  # on a GPU a loop over t is thousands of launches
}


def _anything(case: Case) -> str:
    return ""


@dataclass(frozen=True)
class Variant:
    """One way of doing an op. A yardstick does other work of about the same kind.

    Units:
        bytes: that it must move, where that differs from the op's own cost
    """

    name: str
    kind: str  # OURS, PEER or YARDSTICK
    devices: tuple[str, ...]
    load: Callable[[], Function]
    form: Form = PLAIN
    note: str = ""
    unfit: Callable[[Case], str] = _anything  # why it does not do a row; empty when it does
    needs: str = ""  # a backend of ours, or the distribution whose version is recorded
    install: str = ""
    bytes: Callable[[Case], int] | None = None
    risky: bool = False  # may break the device: measured when all else is done

    @property
    def version(self) -> str:
        """The installed version of what it needs; empty when that is missing or is ours."""
        try:
            return metadata.version(self.needs) if self.kind != OURS and self.needs else ""
        except metadata.PackageNotFoundError:
            return ""

    @property
    def missing(self) -> str:
        """Why this machine cannot run it; empty when it can."""
        if self.kind == OURS:
            return available()[self.needs].reason if not available()[self.needs].ok else ""
        return (
            "" if self.version or not self.needs else f"not installed: pip install {self.install}"
        )


def ours(
    function: Function,
    *backends: str,
    extra: str = "",
    options: Mapping[str, Any] = MappingProxyType({}),
    **about: Any,
) -> tuple[Variant, ...]:
    """Our own function in each of its backends, with `options`; `extra` is added to the names."""
    return tuple(
        Variant(
            f"{backend} {extra}".rstrip(),
            OURS,
            PLACES[backend],
            partial(partial, function, backend=backend, **options),
            needs=backend,
            **about,
        )
        for backend in backends
    )


def yardstick(name: str, function: Function, **about: Any) -> Variant:
    """Something of torch that stands beside ours, on any device, without a gradient."""
    return Variant(name, YARDSTICK, ("cpu", "cuda"), lambda: function, unfit=forward_only, **about)


def peer(name: str, needs: str, on: str, load: Callable[[], Function], **about: Any) -> Variant:
    """A function of somebody else's package; `on` names one device or two."""
    return Variant(name, PEER, tuple(on.split()), load, needs=needs, **{"install": needs, **about})


def attribute(module: str, name: str) -> Any:
    """A function of a package, looked up when it is wanted."""
    return getattr(import_module(module), name)


def forward_only(case: Case) -> str:
    """Why a variant without a gradient does not do a row."""
    return "it has no gradient" if case.direction == BOTH else ""


@lru_cache(maxsize=256)
def loaded(variant: Variant) -> Function | str:
    """The variant's function, or why there is none; a compiler runs once, even to fail."""
    try:
        with stdout_to_stderr():
            return variant.load()
    except Exception as problem:  # someone else's code, compilers included: anything may go wrong
        return line(problem)


def line(problem: BaseException) -> str:
    """An error in one line."""
    text = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {text[0][:200] if text else 'no message'}"


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Compilers that a peer starts write to the process's stdout, which belongs to our data."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
