"""The one-liner: `--off ssm.enabled --set ssm.d_state=8,1,4` as the grid of a preset."""

from typing import Any

from marslab.config import names, read, read_preset
from marslab.errors import UserError, unknown
from marslab.presets import read_yaml


def grid_of(preset: str, off: list[str], sets: list[str]) -> dict[str, list[Any]]:
    """Return the grid that switches each part in `off` off, and gives each of `sets` its values.

    Errors:
        UserError: no such preset or setting, one that cannot be off, a value that is no plain YAML

    >>> grid_of("digits-scan", ["ssm.enabled"], ["ssm.d_state=8,1,4"])
    {'ssm.enabled': [True, False], 'ssm.d_state': [8, 1, 4]}
    """
    settings = _settings(preset)
    grid: dict[str, list[Any]] = {name: _off(name, settings) for name in off}
    for each in sets:
        name, values = values_of(each, "--set")
        if name in grid:
            raise UserError(f"{name} is given twice: name it once, with all its values")
        grid[name] = values
    return grid


def values_of(text: str, option: str) -> tuple[str, list[Any]]:
    """Return the name and the values of NAME=VALUE,VALUE, each value read as YAML.

    >>> values_of("ssm.discretisation=zoh,euler", "--set")
    ('ssm.discretisation', ['zoh', 'euler'])
    """
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise UserError(f"{option} takes NAME=VALUE, as ssm.d_state=8,1; got {text!r}")
    found = read_yaml(f"values: [{values}]", f"{option} {text}")["values"]
    return name.strip(), found


def one_value(text: str, option: str) -> tuple[str, Any]:
    """Return the name and the value of NAME=VALUE.

    >>> one_value("epochs=3", "--budget")
    ('epochs', 3)
    """
    name, values = values_of(text, option)
    if len(values) != 1:
        raise UserError(f"{option} gives a setting one value, got {len(values)} in {text!r}")
    return name, values[0]


def _settings(preset: str) -> dict[str, Any]:
    """Every setting of a preset by its dotted name."""
    from marslab.systems.registry import system

    content = read_preset(preset)
    config = read(system(content["system"]).config, content.get("config", {}))
    found = {}
    for name in names(type(config)):
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part, None)
        found[name] = value
    return found


def _off(name: str, settings: dict[str, Any]) -> list[bool]:
    switches = [known for known, value in settings.items() if isinstance(value, bool)]
    if name not in settings:
        raise UserError(unknown("setting", name, switches))
    if name not in switches:
        raise UserError(
            f"--off takes a setting that is true or false, {name} is {settings[name]!r}: "
            f"use --set {name}={settings[name]},... with the values to try"
        )
    if not settings[name]:
        raise UserError(f"{name} is off already in this preset: use --set {name}=false,true")
    return [True, False]
