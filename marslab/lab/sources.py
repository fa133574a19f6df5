"""Which code a figure comes from: one digest of modules, packages and data files.

Their text is hashed without importing any of it.
"""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from marslab.errors import UserError

DATA = "data/"
LENGTH = 16  # characters of a digest


def digest(names: tuple[str, ...]) -> str:
    """Return the digest of the files that `names` stand for: "marslab.kernels.ssd", "data/x.json".

    Errors:
        UserError: there is no such module or data file
    """
    parts = []
    for name in names:
        for path in sources(name):
            # Line ends differ between systems, the code does not.
            parts += [f"{name}/{path.name}".encode(), path.read_bytes().replace(b"\r\n", b"\n")]
    return hashed(parts)


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


def hashed(parts: list[bytes]) -> str:
    """Return one digest of several texts; where one ends and the next begins counts too.

    >>> hashed([b"ab", b"c"]) == hashed([b"a", b"bc"])
    False
    """
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()[:LENGTH]
