"""A training on the disk: safetensors with a JSON header, written whole or not at all.

The header's `sha256` covers header and tensors. Nothing in the file is ever executed.
"""

import hashlib
import json
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab import files, home
from marslab.errors import UserError

KEY = "marslab"
KEEP = 2  # a checkpoint that the disk spoils leaves one before it


class Snapshot(NamedTuple):
    """What a checkpoint of a training holds: named tensors, and what JSON can say."""

    tensors: dict[str, Tensor]
    header: dict[str, Any]


def write(folder: str | PathLike[str], step: int, snapshot: Snapshot) -> Path:
    """Write the checkpoint of a step atomically, remove all but the last two, return its path.

    Errors:
        OSError: the folder cannot be written; the checkpoints there are untouched
    """
    from safetensors.torch import save as pack

    tensors = {k: x.detach().cpu().contiguous().clone() for k, x in snapshot.tensors.items()}
    header = json.loads(json.dumps({**home.stamp("training"), **snapshot.header, "step": step}))
    header["sha256"] = _digest(header, tensors)
    path = Path(folder) / f"step-{step:010d}.safetensors"
    files.write_bytes(path, pack(tensors, {KEY: json.dumps(header)}))
    there = checkpoints(folder)
    at = there.index(path)
    for old in there[: max(0, at + 1 - KEEP)] + there[at + 1 :]:  # a later one was damaged
        old.unlink(missing_ok=True)
    return path


def checkpoints(folder: str | PathLike[str]) -> list[Path]:
    """Return the checkpoints of a training, the oldest first."""
    return sorted(Path(folder).glob("step-*.safetensors"))


def read(path: str | PathLike[str]) -> Snapshot:
    """Read one checkpoint of a training.

    Errors:
        UserError: no such file, not a checkpoint of a training, damaged, or of another format
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
    except FileNotFoundError as error:
        raise UserError(f"there is no checkpoint at {fspath(path)}") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(f"{fspath(path)} is damaged: {error}") from error
    try:
        header = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{fspath(path)} is not a checkpoint of a training") from error
    home.check("training", header, path)
    expected = header.pop("sha256", None)
    if _digest(header, tensors) != expected:
        raise UserError(f"{fspath(path)} is damaged: its checksum is not the one it was saved with")
    return Snapshot(tensors, header)


def newest(folder: str | PathLike[str]) -> Snapshot | None:
    """Read the newest checkpoint that is whole; None if there is none at all.

    Errors:
        UserError: there are checkpoints, and every one of them is damaged
    """
    problem: UserError | None = None
    for path in reversed(checkpoints(folder)):
        try:
            return read(path)
        except UserError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return None


def under(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the entries whose name begins with "prefix/", without it.

    >>> under({"model/w": 1, "ema/w": 2}, "ema")
    {'w': 2}
    """
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in values.items() if k.startswith(start)}


def compare(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str) -> None:
    """Raise UserError unless both have the same names, shapes and dtypes."""
    names = sorted(found.keys() ^ wanted.keys())
    other = [n for n in wanted if n in found and _kind(found[n]) != _kind(wanted[n])]
    if not names and not other:
        return
    if names:
        name = names[0]
        told = f"it {'lacks' if name in wanted else 'has'} {name!r} ({len(names)} names differ)"
    else:
        name = other[0]
        told = f"{name!r} is {_kind(found[name])}, the model has {_kind(wanted[name])}"
    raise UserError(
        f"the training in {where} is of another model: {told}. "
        "Build the model with the same config, or choose another folder"
    )


def _kind(x: Tensor) -> str:
    return f"{list(x.shape)} {str(x.dtype).removeprefix('torch.')}"


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"\0{name} {_kind(tensors[name])}\0".encode())
        digest.update(tensors[name].flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
