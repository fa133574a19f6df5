"""Files that are either the old one or the new one, whenever the process is killed.

The new content goes to a temporary name in the same folder, is flushed to the disk, and takes the
place of the old file in one step.
"""

import os
import secrets
from pathlib import Path


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` atomically; missing folders are made, a link's target is replaced.

    Errors:
        OSError: the folder cannot be written; the old file is untouched
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # A fixed-length temporary name: the target's own name may already be as long as names can be.
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _settle(target.parent)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8 with the newlines it has.

    Errors:
        OSError: the folder cannot be written; the old file is untouched
    """
    write_bytes(path, text.encode("utf-8"))


def _settle(folder: Path) -> None:
    """Flush the folder's own entry, where the system can open folders (Windows cannot)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
