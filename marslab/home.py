"""Where marslab keeps what is the user's: work copies, progress, traces, stores, studies.

Every file there says what it is and in which version of its format, so that a later marslab can
read it, or say in one sentence why it cannot.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from marslab.errors import UserError

# Raise a kind's number when its format changes; kinds that are not listed are in their first.
VERSIONS: dict[str, int] = {"bench": 2, "trace": 1, "checkpoint": 1}


def home() -> Path:
    """Return the folder MARSLAB_HOME, or the platform's place for user data; made on first use.

    Errors:
        UserError: the folder cannot be made
    """
    named = os.environ.get("MARSLAB_HOME")
    if named:
        folder = Path(named).expanduser()
    else:
        from platformdirs import user_data_path

        folder = user_data_path("marslab", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"marslab cannot make its folder {folder} ({error.strerror}): "
            "set MARSLAB_HOME to a folder that you can write"
        ) from error
    return folder


def stamp(kind: str) -> dict[str, str | int]:
    """Return what a file of this kind begins with.

    >>> stamp("trace")
    {'kind': 'trace', 'schema': 1}
    """
    return {"kind": kind, "schema": VERSIONS.get(kind, 1)}


def check(kind: str, found: object, where: str | os.PathLike[str]) -> None:
    """Raise UserError unless `found`, the parsed content of the file `where`, is of this kind.

    >>> check("trace", {"kind": "trace", "schema": 1, "events": []}, "run.trace")
    >>> check("trace", {"kind": "trace", "schema": 9}, "run.trace")
    Traceback (most recent call last):
    marslab.errors.UserError: run.trace has format 9 of a trace, this marslab reads 1: ...
    """
    have = found.get("kind") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or have != kind:
        told = f"it says {have!r}" if have is not None else "it does not say what it is"
        raise UserError(f"{os.fspath(where)} is not a {kind} file of marslab: {told}")
    version, reads = found.get("schema"), VERSIONS.get(kind, 1)
    if version != reads:
        raise UserError(
            f"{os.fspath(where)} has format {version!r} of a {kind}, this marslab reads {reads}: "
            "use the marslab that wrote it, or write the file again"
        )
