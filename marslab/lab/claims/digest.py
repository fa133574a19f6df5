"""Whether the code behind a figure is still the code that gave it.

A claim names modules and packages ("marslab.kernels.ssd") and data files ("data/bench/x.json").
Their text is hashed without importing any of it.
"""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from marslab.errors import UserError
from marslab.lab.claims.schema import Claim

DATA = "data/"
LENGTH = 16  # characters of a digest


def code_of(claim: Claim) -> str:
    """Return the digest of everything that the figures of a claim depend on."""
    names = (*claim.code, claim.run.partition(":")[0])
    return digest(tuple(dict.fromkeys(names)))


def terms_of(claim: Claim) -> str:
    """Return the digest of what was tested and how it was judged."""
    terms = (claim.test, claim.run, claim.figures, [str(rule) for rule in claim.rule])
    return _hash([repr(terms).encode()])


def digest(names: tuple[str, ...]) -> str:
    """Return the digest of the files that `names` stand for.

    Errors:
        UserError: there is no such module or data file
    """
    parts = []
    for name in names:
        for path in sources(name):
            # Line ends differ between systems, the code does not.
            parts += [f"{name}/{path.name}".encode(), path.read_bytes().replace(b"\r\n", b"\n")]
    return _hash(parts)


@cache
def sources(name: str) -> tuple[Path, ...]:
    """Return the files of a module, of a package and all below it, or the one data file.

    Errors:
        UserError: there is no such module or data file

    >>> [path.name for path in sources("marslab.kernels.roofline")]
    ['roofline.py']
    """
    if name.startswith(DATA):
        found = Path(str(files("marslab.data"))) / name.removeprefix(DATA)
        paths = [found] if found.is_file() else []
    else:
        paths = _modules(name)
    if not paths:
        raise UserError(
            f"there is no module or data file {name!r}: write marslab.package.module, or data/FILE"
        )
    return tuple(paths)


def _modules(name: str) -> list[Path]:
    """Walk down from the second part: finding a module deeper would import what is above it."""
    first, *rest = name.split(".")[1:] or [""]
    found = find_spec(f"marslab.{first}") if name.startswith("marslab.") and first else None
    if found is None or found.origin is None:
        return []
    if not found.submodule_search_locations:
        return [] if rest else [Path(found.origin)]
    below = Path(found.origin).parent.joinpath(*rest)
    if below.is_dir():
        return sorted(below.rglob("*.py"))
    return [path] if (path := below.with_suffix(".py")).is_file() else []


def _hash(parts: list[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()[:LENGTH]
