"""Presets: the settings of each named model, as YAML files in data/presets."""

from importlib.resources import files
from typing import Any

from marslab.errors import UserError, unknown

MAX_BYTES = 64 << 10  # a preset has a few hundred bytes


def presets() -> list[str]:
    """Return the names of the presets.

    >>> "digits-recurrence" in presets()
    True
    """
    found = (files("marslab.data") / "presets").iterdir()
    return sorted(p.name.removesuffix(".yaml") for p in found if p.name.endswith(".yaml"))


def read_preset(name: str) -> dict[str, Any]:
    """Return the content of the preset `name`.

    Errors:
        UserError: no such preset

    >>> read_preset("digits-recurrence")["system"]
    'digits-recurrence'
    """
    known = presets()
    if name not in known:
        raise UserError(unknown("preset", name, known))
    file = files("marslab.data") / "presets" / f"{name}.yaml"
    return read_yaml(file.read_text(encoding="utf-8"), f"preset {name}")


def read_yaml(text: str, where: str, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the mapping that a YAML text holds.

    Only plain data: no objects, no aliases (a few lines of them unfold without bound), no name
    given twice. `1e-3` is a number here, as in YAML 1.2.

    Errors:
        UserError: not YAML, not a mapping, too large, or one of the above

    >>> read_yaml("lr: 1e-3", "here")
    {'lr': 0.001}
    """
    import yaml

    if len(text.encode("utf-8", "replace")) > max_bytes:
        raise UserError(f"{where} is larger than {max_bytes:,} bytes: this is no preset")
    try:
        values = _loader()(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where}{line} is not plain YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise UserError(f"{where} is not plain YAML: {told}") from error
    if not isinstance(values, dict):
        raise UserError(f"{where} must hold `name: value` lines, got {type(values).__name__}")
    return values


def _loader() -> Any:
    """yaml.SafeLoader, stricter."""
    import re

    import yaml
    from yaml.composer import ComposerError
    from yaml.constructor import ConstructorError

    class Strict(yaml.SafeLoader):
        def compose_node(self, parent, index):
            if self.check_event(yaml.AliasEvent):
                mark = self.peek_event().start_mark
                raise ComposerError(None, None, "aliases are not allowed", mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node, deep=False):
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue  # not hashable, which the base class says
                if key.value in seen:
                    problem = f"{key.value!r} is given twice"
                    raise ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    number = re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
    Strict.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    return Strict
