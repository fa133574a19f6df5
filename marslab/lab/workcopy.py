"""The notebooks a learner works in: a copy of the shipped ones that updates never overwrite.

A manifest beside the copies tells what was shipped under which name. A copy whose cells are still
those is untouched, also when it was run, and follows new releases; an edited one stays as it is
and the fresh one lands beside it, as NN_name.new.ipynb.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from marslab import home
from marslab.errors import UserError
from marslab.files import write_bytes, write_text
from marslab.lab.notebooks import joined, names, resolve, shipped

MANIFEST = ".marslab-notebooks.json"
KIND = "notebook-manifest"


@dataclass
class Update:
    """What `sync` did, as names of files in the work copy."""

    folder: Path
    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    def sentences(self) -> Iterator[str]:
        """Say what changed, for the user; nothing when nothing did."""
        if self.added:
            yield f"{_count(self.added)} added to {self.folder}"
        if self.updated:
            yield f"{_count(self.updated)} brought up to date: {', '.join(self.updated)}"
        for name in self.beside:
            yield f"you edited {original(name)}, so the new release is beside it: {name}"


def place(work: Path | None = None) -> Path:
    """Return the folder of the work copy: `work`, or notebooks/ in MARSLAB_HOME.

    Errors:
        UserError: it would be the folder that the notebooks come from
    """
    folder = (home.home() / "notebooks" if work is None else work).expanduser().resolve()
    if folder == shipped().resolve():
        raise UserError(f"{folder} holds the shipped notebooks: choose another folder to work in")
    return folder


def sync(work: Path | None = None, *, root: Path | None = None) -> Path:
    """Make the work copy, or bring it up to this release, and return its folder.

    Errors:
        UserError: the folder cannot be used, or its manifest is of a later marslab
    """
    return update(work, root=root).folder


def update(work: Path | None = None, *, root: Path | None = None) -> Update:
    """Do what `sync` does, and return what that was."""
    root, folder = root or shipped(), place(work)
    known, done = _manifest(folder), Update(folder)
    before = dict(known)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names(root):
            _bring(root / f"{name}.ipynb", folder, known, done)
    except OSError as error:
        raise UserError(
            f"{folder} cannot hold the work copy ({error.strerror}): name another with --work"
        ) from error
    finally:
        if known != before:
            _write_manifest(folder, known)
    return done


def reset(name: str, work: Path | None = None, *, root: Path | None = None) -> Path | None:
    """Restore a notebook as shipped; return where yours went, or None if there was none to keep.

    Errors:
        UserError: no such notebook
    """
    root, folder = root or shipped(), place(work)
    source = root / f"{resolve(name, names(root))}.ipynb"
    known, mine, content = _manifest(folder), folder / source.name, source.read_bytes()
    aside = None
    if mine.exists() and mine.read_bytes() != content:
        aside = _aside(mine)
        os.replace(mine, aside)
    write_bytes(mine, content)
    known[mine.name] = digest(content)
    _write_manifest(folder, known)
    return aside


def state(name: str, work: Path | None = None, *, root: Path | None = None) -> str:
    """Return whether the copy of a notebook is "shipped", "edited" or "missing"."""
    folder = place(work)
    copy = folder / f"{resolve(name, names(root or shipped()))}.ipynb"
    if not copy.exists():
        return "missing"
    return "shipped" if digest(copy.read_bytes()) == _manifest(folder).get(copy.name) else "edited"


def digest(content: bytes) -> str:
    """Return a fingerprint of the cells; outputs and counts of a run do not change it.

    >>> one = b'{"cells": [{"cell_type": "code", "source": ["1 + 1"], "outputs": []}]}'
    >>> digest(one) == digest(one.replace(b'"outputs": []', b'"outputs": [{}]'))
    True
    >>> digest(one) == digest(one.replace(b"1 + 1", b"1 + 2"))
    False
    """
    try:
        cells = [[cell["cell_type"], joined(cell)] for cell in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(content).hexdigest()  # no notebook any more: every byte counts
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def original(name: str) -> str:
    """Return the name of the notebook that a fresh one lies beside.

    >>> original("03_waves.new-2.ipynb")
    '03_waves.ipynb'
    """
    return name.partition(".")[0] + ".ipynb"


def _count(names: list[str]) -> str:
    return f"{len(names)} notebook{'' if len(names) == 1 else 's'}"


def _bring(source: Path, folder: Path, known: dict[str, str], done: Update) -> None:
    """Bring one shipped notebook into the work copy; an edited one is left alone."""
    content, copy = source.read_bytes(), folder / source.name
    fresh = digest(content)
    if not copy.exists():
        write_bytes(copy, content)
        done.added.append(copy.name)
    elif digest(copy.read_bytes()) not in (fresh, known.get(copy.name)):
        # The manifest remembers what was laid beside, so that a deleted one does not come back.
        if known.get(copy.name) != fresh:
            done.beside.append(_beside(copy, content, known))
    elif known.get(copy.name) not in (fresh, None):
        if _ran(copy.read_bytes()):
            os.replace(copy, _aside(copy))  # its results are the reader's
        write_bytes(copy, content)
        done.updated.append(copy.name)
    known[copy.name] = fresh


def _ran(content: bytes) -> bool:
    return any(cell.get("outputs") for cell in json.loads(content)["cells"])


def _beside(copy: Path, content: bytes, known: dict[str, str]) -> str:
    """Write the fresh notebook beside the edited one, over no other that was edited too."""
    number = 1
    while True:
        path = copy.with_name(f"{copy.stem}.new{f'-{number}' if number > 1 else ''}.ipynb")
        fresh = digest(content)
        if not path.exists() or digest(path.read_bytes()) in (fresh, known.get(path.name)):
            write_bytes(path, content)
            known[path.name] = fresh
            return path.name
        number += 1


def _aside(mine: Path) -> Path:
    """A name for a copy that is put away: the time, and a number if that is taken."""
    stamp, number = datetime.now().strftime("%Y%m%d-%H%M%S"), 1
    while True:
        path = mine.with_name(f"{mine.stem}.{stamp}{f'-{number}' if number > 1 else ''}.bak.ipynb")
        if not path.exists():
            return path
        number += 1


def _manifest(folder: Path) -> dict[str, str]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}): delete it, and every notebook there counts as edited"
        ) from error
    home.check(KIND, found, path)
    if not isinstance(found.get("notebooks"), dict):
        raise UserError(
            f"{path} lists no notebooks: delete it, and every notebook there counts as edited"
        )
    return {str(name): str(shown) for name, shown in found["notebooks"].items()}


def _write_manifest(folder: Path, known: dict[str, str]) -> None:
    content = home.stamp(KIND) | {"notebooks": dict(sorted(known.items()))}
    write_text(folder / MANIFEST, json.dumps(content, indent=1) + "\n")
