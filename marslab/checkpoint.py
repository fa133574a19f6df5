"""A trained model in one file: safetensors, with a JSON header that says what it is.

The header's `sha256` covers the header itself, the table of tensors and their bytes. Everything is
checked before the first weight changes, and nothing in the file is ever executed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from os import PathLike, fspath
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from marslab import files, home
from marslab.errors import UserError

KEY = "marslab"  # the header's name among safetensors' metadata
MAX_HEADER = 100 << 20  # safetensors' own limit


def save(
    path: str | PathLike[str],
    model: nn.Module,
    *,
    system: str,
    preset: str,
    config: Any,
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """Write `model` to `path`, atomically, and return the header.

    The header holds system, preset, the resolved config (a dataclass), the number of parameters,
    the date, and what `extra` adds: seed, data, scores, licence, ...

    Errors:
        ValueError: `extra` names what the header holds already, or holds what JSON cannot
        OSError: the file cannot be written; the old one is untouched
    """
    from safetensors.torch import save as pack

    header: dict[str, Any] = {
        **home.stamp("checkpoint"),
        "system": system,
        "preset": preset,
        "config": asdict(config),
        "parameters": sum(p.numel() for p in model.parameters()),
        "created": datetime.now(UTC).date().isoformat(),
    }
    taken = sorted(extra.keys() & {*header, "sha256"})
    if taken:
        raise ValueError(f"checkpoint.save: extra may not name {', '.join(taken)}")
    try:
        header = json.loads(json.dumps({**header, **extra}))
    except TypeError as error:
        raise ValueError(f"checkpoint.save: extra must be JSON: {error}") from error
    tensors = {name: x.cpu().contiguous().clone() for name, x in _state(model).items()}
    # The layout of the tensors does not depend on the metadata: pack once to hash, once to keep.
    parts = _split(pack(tensors, {KEY: ""}), "checkpoint.save")
    header["sha256"] = _digest(header, parts)
    files.write_bytes(path, pack(tensors, {KEY: json.dumps(header)}))
    return header


def read_header(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the header of a checkpoint without reading its tensors.

    Errors:
        UserError: no such file, not a checkpoint, damaged, or of another format
    """
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            size = min(int.from_bytes(start, "little"), MAX_HEADER)
            table = _split(start + file.read(size), path).table
    except OSError as error:
        raise _unreadable(path, error) from error
    return _header(table, path)


def load_into(path: str | PathLike[str], model: nn.Module) -> dict[str, Any]:
    """Give `model` the weights of a checkpoint and return the header; all of them or none.

    Errors:
        UserError: no such file, not a checkpoint, damaged, of another format, or made for a model
            with other tensors, shapes or dtypes; the model is as it was
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as unpack

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    parts = _split(data, path)
    header = _header(parts.table, path)
    expected = header.pop("sha256", None)
    if _digest(header, parts) != expected:
        raise UserError(f"{fspath(path)} is damaged: its checksum is not the one it was saved with")
    try:
        tensors = unpack(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{fspath(path)} is damaged: {error}") from error
    state = _state(model)
    _compare(path, tensors, state)
    with torch.no_grad():
        for name, x in state.items():
            x.copy_(tensors[name])
    return {**header, "sha256": expected}


class _Parts(NamedTuple):
    """A safetensors file: the table (names, dtypes, shapes, places, metadata) and the bytes."""

    table: dict[str, Any]
    tensors: bytes


def _split(data: bytes, path: str | PathLike[str]) -> _Parts:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > MAX_HEADER or len(data) < 8 + size:
        raise UserError(f"{fspath(path)} is not a checkpoint, or is cut off")
    try:
        table = json.loads(data[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise UserError(f"{fspath(path)} is not a checkpoint: its table is not JSON") from error
    if not isinstance(table, dict):
        raise UserError(f"{fspath(path)} is not a checkpoint: its table is not a mapping")
    return _Parts(table, data[8 + size :])


def _header(table: Mapping[str, Any], path: str | PathLike[str]) -> dict[str, Any]:
    metadata = table.get("__metadata__")
    text = metadata.get(KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise UserError(f"{fspath(path)} is not a checkpoint of marslab: it has no header")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{fspath(path)} is damaged: its header is not JSON") from error
    home.check("checkpoint", header, path)
    return header


def _digest(header: Mapping[str, Any], parts: _Parts) -> str:
    table = {name: entry for name, entry in parts.table.items() if name != "__metadata__"}
    head = json.dumps([header, table], sort_keys=True)
    return hashlib.sha256(head.encode() + b"\0" + parts.tensors).hexdigest()


def _state(model: nn.Module) -> dict[str, Tensor]:
    state = model.state_dict()
    other = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if other:
        raise ValueError(f"a checkpoint holds tensors only, the model also has {other[0]!r}")
    return state


def _compare(
    path: str | PathLike[str], found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> None:
    """Raise UserError unless both have the same names, shapes and dtypes."""
    missing, surplus = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or surplus:
        told = [f"lacks {name!r}" for name in missing[:1]]
        told += [f"has {name!r}" for name in surplus[:1]]
        raise UserError(
            f"{fspath(path)} is of another model: it {' and '.join(told)} "
            f"({len(missing)} missing, {len(surplus)} unexpected); build it with the same config"
        )
    for name, x in wanted.items():
        have, need = _kind(found[name]), _kind(x)
        if have != need:
            raise UserError(
                f"{fspath(path)} is of another model: {name!r} is {have}, the model has {need}; "
                "build it with the same config"
            )


def _kind(x: Tensor) -> str:
    return f"{list(x.shape)} {str(x.dtype).removeprefix('torch.')}"


def _unreadable(path: str | PathLike[str], error: OSError) -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError(f"there is no checkpoint at {fspath(path)}")
    return UserError(f"the checkpoint {fspath(path)} cannot be read: {error.strerror}")
