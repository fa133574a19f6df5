"""How a trace lies in a file: a zip of JSON (the events) and safetensors (their tensors).

Reading checks every size before it unpacks and executes nothing.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from os import PathLike, fspath
from typing import Any

import torch
from torch import Tensor

from marslab import home
from marslab.errors import UserError

MAX_BYTES = 2 << 30  # what a saved trace may unpack to
_EVENTS, _TENSORS = "events.json", "tensors.safetensors"
Row = tuple[str, int, Mapping[str, Any]]


def pack(events: Iterable[Row]) -> bytes:
    """Return the bytes of a trace file; equal events make equal bytes."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    rows = [
        [name, step, {field: _packed(value, tensors) for field, value in fields.items()}]
        for name, step, fields in events
    ]
    content = json.dumps({**home.stamp("trace"), "events": rows})
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # ZipInfo by name alone carries no date
        archive.writestr(zipfile.ZipInfo(_EVENTS), content, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo(_TENSORS), save(tensors), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpack(path: str | PathLike[str], max_bytes: int) -> Iterator[Row]:
    """Yield the events of a trace file.

    Errors:
        UserError: no such file, not a trace, damaged, too large, or of another format
    """
    content, tensors = _read(path, max_bytes)
    try:
        for name, step, fields in content["events"]:
            values = {field: _unpacked(value, tensors) for field, value in fields.items()}
            yield str(name), step, values
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(f"{fspath(path)} is damaged: its events cannot be read") from error


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The JSON that stands for `value`; a tensor goes to `tensors`, complex ones as pairs."""
    if not isinstance(value, Tensor):
        return value
    key = str(len(tensors))
    pairs = value.is_complex()
    tensors[key] = torch.view_as_real(value).contiguous() if pairs else value
    return {"tensor": key, "complex": pairs}


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    found = tensors[value["tensor"]]
    return torch.view_as_complex(found) if value["complex"] else found


def _read(path: str | PathLike[str], max_bytes: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The JSON and the tensors of a saved trace, every size checked before it is unpacked."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != [_EVENTS, _TENSORS]:
                raise UserError(f"{fspath(path)} is not a trace: it lacks {_EVENTS} or {_TENSORS}")
            size = sum(entry.file_size for entry in entries)
            if size > max_bytes:
                raise UserError(
                    f"{fspath(path)} would unpack to {size:,} bytes, more than the {max_bytes:,} "
                    "allowed: pass a larger max_bytes if you trust it"
                )
            content = json.loads(archive.read(_EVENTS))
            home.check("trace", content, path)
            return content, load(archive.read(_TENSORS))
    except FileNotFoundError:
        raise UserError(f"there is no trace at {fspath(path)}") from None
    except UserError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,  # encrypted, a compression that zipfile lacks, JSON nested too deep
        ValueError,
        SafetensorError,
    ) as error:
        raise UserError(f"{fspath(path)} is not a trace, or is damaged: {error}") from error
