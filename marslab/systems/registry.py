"""Models by name: `build` makes an untrained one, `load` a trained one that ships with marslab."""

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from os import PathLike
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from marslab import checkpoint
from marslab.config import from_json, override, presets, read, read_preset
from marslab.errors import UserError, unknown

# Where each system registers itself; imported when one of its models is asked for.
MODULES = {
    "digits-recurrence": "marslab.systems.digits_recurrence",
    "digits-scan": "marslab.systems.digits_scan",
    "mars": "marslab.systems.mars.model",
    "tars": "marslab.systems.tars.system",
    "tars-reflex": "marslab.systems.tars.reflex",
}
# What a checkpoint may keep its weights in: half the bytes for a language model.
STORED = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Made = TypeVar("Made", bound=Callable[[Any], nn.Module])


class System(NamedTuple):
    """A kind of model: its config class and what makes a model of a config."""

    config: type
    make: Callable[[Any], nn.Module]


class ModelRecord(NamedTuple):
    """One shipped checkpoint."""

    name: str
    system: str
    parameters: int
    bytes: int
    data: str
    scores: dict[str, float]
    licence: str


_systems: dict[str, System] = {}


def register(name: str, *, config: type) -> Callable[[Made], Made]:
    """Make a class (called with its config) known as the system `name`."""

    def remember(make: Made) -> Made:
        _systems[name] = System(config, make)
        return make

    return remember


def system(name: str) -> System:
    """Return the system `name`, importing its module on first use.

    Errors:
        UserError: no such system
    """
    if name not in MODULES:
        raise UserError(unknown("system", name, MODULES))
    import_module(MODULES[name])
    return _systems[name]


def build(name: str, overrides: Mapping[str, Any] | None = None) -> nn.Module:
    """Return an untrained model of the preset `name`, with some settings changed.

    Its weights are drawn from torch's global generator: seed that to repeat them.

    Errors:
        UserError: no such preset or setting, or a value that the setting refuses

    >>> build("digits-recurrence", {"recurrence.d_state": 16}).config.recurrence.d_state
    16
    """
    preset = read_preset(name)
    kind = system(preset["system"])
    config = read(kind.config, preset.get("config", {}))
    return kind.make(override(config, overrides or {}))


def load(
    name: str, *, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> nn.Module:
    """Return the trained model `name`, in eval mode. Needs no network.

    Errors:
        UserError: no such model, or its file is damaged
        ValueError: no such device here, or a dtype that is not floating point

    >>> load("digits-recurrence").training
    False
    """
    _place(device, dtype)
    shipped = _shipped()
    if name not in shipped:
        raise UserError(unknown("trained model", name, shipped))
    with as_file(shipped[name]) as path:
        return load_file(path, device=device, dtype=dtype)


def load_file(
    path: str | PathLike[str],
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Return the trained model of a checkpoint file, in eval mode and, without `dtype`, float32.

    Errors:
        UserError: no such file, or it is damaged
        ValueError: no such device here, or a dtype that is not floating point
    """
    place = _place(device, dtype)
    with torch.random.fork_rng(devices=[]):
        header = checkpoint.read_header(path)
        kind = system(header["system"])
        model = kind.make(from_json(kind.config, json.dumps(header["config"])))
        model.to(STORED[header.get("stored", "float32")])
        checkpoint.load_into(path, model)
    return model.to(place, dtype or torch.float32).eval()


def models() -> list[ModelRecord]:
    """List the trained models that ship with marslab.

    >>> [record.name for record in models()]
    ['digits-recurrence', 'digits-scan', 'mars-mini', 'tars-mini', 'tars-nano']
    """
    records = []
    for name, file in _shipped().items():
        with as_file(file) as path:
            header, size = checkpoint.read_header(path), path.stat().st_size
        told = (header[key] for key in ("data", "scores", "licence"))
        records.append(ModelRecord(name, header["system"], header["parameters"], size, *told))
    return records


def _shipped() -> dict[str, Traversable]:
    folder = files("marslab.data") / "checkpoints"
    found = {name: folder / f"{name}.safetensors" for name in presets()}
    return {name: file for name, file in found.items() if file.is_file()}


def _place(device: str | torch.device, dtype: torch.dtype | None) -> torch.device:
    """The device, after a check that it is here and that `dtype` can hold weights."""
    if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"dtype must be a floating-point torch.dtype or None, got {dtype!r}")
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"device {device!r} is not available here; use 'cpu'"
            + (", or 'cuda'" if torch.cuda.is_available() else "")
        ) from error
    return place
