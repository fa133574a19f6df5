"""A system's settings: a tree of plain frozen dataclasses, changed by dotted names.

What a user writes (a preset, an override) is checked by pydantic: no unknown name, no silent
conversion but int to float. What marslab itself wrote (the config in a checkpoint) is rebuilt by
plain recursion over the fields, so that a model loads without pydantic.
"""

import dataclasses
import json
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from marslab.errors import UserError, unknown
from marslab.presets import presets, read_preset

__all__ = ["from_json", "names", "override", "presets", "read", "read_preset", "to_json"]

Config = TypeVar("Config")
_SCALARS = (bool, int, float, str)


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """Return `config` with some settings changed, named by dots or by nested mappings.

    Errors:
        UserError: no such setting, a value of another type, or one that the setting refuses

    >>> @dataclasses.dataclass(frozen=True)
    ... class Scan:
    ...     width: int = 8
    >>> override(Scan(), {"width": 16})
    Scan(width=16)
    >>> override(Scan(), {"widht": 16})
    Traceback (most recent call last):
    marslab.errors.UserError: there is no setting 'widht'. Did you mean 'width'? Choose from: ...
    """
    values = _plain(config)
    _merge(values, changes, type(config), "")
    return _validated(type(config), values)


def read(cls: type[Config], values: Mapping[str, Any]) -> Config:
    """Return a `cls` made of what a user wrote; settings left out keep their defaults.

    Errors:
        UserError: as in `override`, or a setting without a default is missing
    """
    merged: dict[str, Any] = {}
    _merge(merged, values, cls, "")
    return _validated(cls, merged)


def names(cls: type) -> list[str]:
    """Return the dotted names of all settings of a config class.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Scan:
    ...     width: int = 8
    >>> names(Scan)
    ['width']
    """
    found = []
    for name, hint in _hints(cls).items():
        inner = _dataclass(hint)
        found += [f"{name}.{below}" for below in names(inner)] if inner else [name]
    return found


def to_json(config: Any) -> str:
    """Return a resolved config as JSON.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Scan:
    ...     sizes: tuple[int, ...] = (8, 16)
    >>> to_json(Scan())
    '{"sizes": [8, 16]}'
    >>> from_json(Scan, '{"sizes": [1]}')
    Scan(sizes=(1,))
    """
    return json.dumps(dataclasses.asdict(config))


def from_json(cls: type[Config], text: str) -> Config:
    """Rebuild what `to_json` wrote, without pydantic.

    Errors:
        UserError: not JSON, an unknown setting, a value that does not fit
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the config is not JSON: {error}") from error
    return _rebuilt(cls, values, "")


def _hints(cls: type) -> dict[str, Any]:
    if not (dataclasses.is_dataclass(cls) and isinstance(cls, type)):
        raise TypeError(f"a config must be a dataclass, got {cls!r}")
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def _options(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union; the hint itself otherwise."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _dataclass(hint: Any) -> type | None:
    return next((o for o in _options(hint) if dataclasses.is_dataclass(o)), None)  # pyright: ignore[reportReturnType]


def _plain(config: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"a config must be a dataclass instance, got {config!r}")
    return json.loads(to_json(config))


def _merge(values: dict[str, Any], changes: Any, cls: type, above: str) -> None:
    """Write `changes` into `values`, every name checked against the fields of `cls`.

    A mapping given for a part of the tree changes that part; given for a dict it replaces it.
    """
    if not isinstance(changes, Mapping):
        raise UserError(f"{above or 'the config'} must be a mapping of settings, got {changes!r}")
    hints, prefix = _hints(cls), f"{above}." if above else ""
    for name, value in changes.items():
        if not isinstance(name, str):
            raise UserError(f"the name of a setting must be text, got {name!r}")
        first, dot, rest = name.partition(".")
        hint = hints.get(first)
        inner = _dataclass(hint)
        if first not in hints or (dot and inner is None):
            raise UserError(unknown("setting", prefix + name, [prefix + n for n in names(cls)]))
        change = {rest: value} if dot else value
        if inner is None or (change is None and NoneType in _options(hint)):
            values[first] = change
        else:
            values[first] = {} if values.get(first) is None else values[first]
            _merge(values[first], change, inner, prefix + first)


def _validated(cls: type[Config], values: Mapping[str, Any]) -> Config:
    from pydantic import TypeAdapter, ValidationError

    try:
        text = json.dumps(values)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"a setting holds what a config cannot: {error}") from error
    try:
        # From JSON, because there strict means: lists for tuples and mappings for dataclasses,
        # int for float, and no other conversion.
        return TypeAdapter(cls).validate_json(text, strict=True)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
    if first["type"] == "value_error":
        raise UserError(str(first.get("ctx", {})["error"]))
    where = ".".join(str(part) for part in first["loc"]) or "the config"
    if first["type"] in ("missing", "missing_argument"):
        raise UserError(f"{where} is missing: give it a value")
    wanted = first["msg"].removeprefix("Input ")
    raise UserError(f"{where} {wanted}, got {first['input']!r}")


def _rebuilt(hint: Any, value: Any, where: str) -> Any:
    """`value` from JSON as an object of the type `hint`."""
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _rebuilt_dataclass(hint, value, where)  # pyright: ignore[reportArgumentType]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _rebuilt_union(args, value, where)
    if origin is Literal and any(value == a and type(value) is type(a) for a in args):
        return value
    if origin in (tuple, list) and isinstance(value, list):
        return _rebuilt_sequence(origin, args, value, where)
    if origin is dict and isinstance(value, dict):
        return {key: _rebuilt(args[1], item, f"{where}.{key}") for key, item in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if hint in (*_SCALARS, NoneType) and type(value) is hint:
        return value
    name = getattr(hint, "__name__", str(hint)) if origin is None else str(hint)
    raise UserError(f"{where or 'the config'} should be {name}, got {value!r}")


def _rebuilt_dataclass(cls: type, values: dict[str, Any], where: str) -> Any:
    hints = _hints(cls)
    for name in values:
        if name not in hints:
            raise UserError(unknown("setting", f"{where}.{name}".lstrip("."), names(cls)))
    parts = {k: _rebuilt(hints[k], v, f"{where}.{k}".lstrip(".")) for k, v in values.items()}
    try:
        return cls(**parts)
    except TypeError as error:
        raise UserError(f"{where or 'the config'} is incomplete: {error}") from error
    except ValueError as error:
        raise UserError(str(error)) from error


def _rebuilt_union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    *others, last = sorted(options, key=lambda option: option is NoneType, reverse=True)
    for option in others:
        try:
            return _rebuilt(option, value, where)
        except UserError:
            continue
    return _rebuilt(last, value, where)


def _rebuilt_sequence(kind: type, args: tuple[Any, ...], value: list, where: str) -> Any:
    if kind is tuple and args[-1] is not Ellipsis:
        hints = args
    else:
        hints = (args[0],) * len(value)
    if len(hints) != len(value):
        raise UserError(f"{where} should have {len(hints)} values, got {len(value)}")
    pairs = zip(hints, value, strict=True)
    return kind(_rebuilt(hint, item, f"{where}.{at}") for at, (hint, item) in enumerate(pairs))
