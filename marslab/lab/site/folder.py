"""The folder of a site: made beside its place, then put there in one step, over a site only."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marslab import home
from marslab.errors import UserError
from marslab.files import write_text

MARKER = "marslab-site.json"
KIND = "site"
# The old site while the new one moves in, and while it is being deleted.
OLD, GONE = ".old", ".gone"


def checked(out: Path) -> Path:
    """Return the real place of `out`, after making sure that a site may stand there.

    Errors:
        UserError: it is a file, a folder with other things in it, or cannot be made
    """
    place = Path(os.path.realpath(out))
    if place.exists() and not place.is_dir():
        raise UserError(f"{out} is a file: name a folder for the site with --out")
    _mend(place)
    if place.is_dir() and any(place.iterdir()):
        _holds(place, out)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{out} cannot be made ({error.strerror}): name another folder with --out"
        ) from error
    return place


@contextmanager
def replacing(place: Path) -> Iterator[Path]:
    """Give an empty folder; when the block is done it takes the place of the site there.

    What somebody else put into the old site goes into the new one. If the block fails, or the
    process is killed in it, the old site stands as it stood.
    """
    fresh = place.parent / f".{place.name}-{secrets.token_hex(6)}.tmp"
    fresh.mkdir()
    try:
        yield fresh
        ours = sorted(p.relative_to(fresh).as_posix() for p in fresh.rglob("*") if p.is_file())
        write_text(fresh / MARKER, json.dumps(home.stamp(KIND) | {"files": ours}) + "\n")
        _swap(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _holds(place: Path, told: Path) -> set[str]:
    """The files of the site in a folder, by its marker."""
    try:
        found = json.loads((place / MARKER).read_text("utf-8"))
        home.check(KIND, found, place / MARKER)
        return {str(name) for name in found["files"]} | {MARKER}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{told} holds things that are no site made by marslab: "
            "empty it, or name another folder with --out"
        ) from None


def _swap(fresh: Path, place: Path) -> None:
    if not place.exists():
        os.replace(fresh, place)
        return
    aside = fresh.with_suffix(OLD)
    taken = [name for name in _others(place) if (fresh / name).exists()]
    if taken:
        raise UserError(
            f"{place / taken[0]} was not made by marslab and stands where a page must go: "
            "move it away"
        )
    os.replace(place, aside)
    os.replace(fresh, place)
    _inherit(aside, place)


def _inherit(aside: Path, place: Path) -> None:
    """Move what somebody else put into the old site into the new one; then the old one goes."""
    for name in _others(aside):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside / name, place / name)
    gone = aside.with_suffix(GONE)  # one step, so that nobody finds half of it
    os.replace(aside, gone)
    shutil.rmtree(gone, ignore_errors=True)


def _mend(place: Path) -> None:
    """Finish what a process began that was killed while it put a site in its place."""
    if not place.parent.is_dir():
        return
    for path in place.parent.iterdir():
        if not path.name.startswith(f".{place.name}-"):
            continue
        if path.suffix == GONE:
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix == OLD and place.exists():
            _inherit(path, place)
        elif path.suffix == OLD:
            os.replace(path, place)


def _others(place: Path) -> list[Path]:
    """The files in the folder that are not of its site."""
    if not any(place.iterdir()):
        return []
    ours = _holds(place, place)
    found = (path.relative_to(place) for path in place.rglob("*") if not path.is_dir())
    return sorted(path for path in found if path.as_posix() not in ours)
