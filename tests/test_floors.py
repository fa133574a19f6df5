"""Imports point downwards: kernels <- marslab <- widgets <- notebooks, and so inside marslab."""

import ast
import sys
from pathlib import Path

import pytest

import marslab

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "marslab": "marslab",
    "kernels": "marslab.kernels",
    "widgets": "marslab.widgets",
    "data": "marslab.data",
    "notebooks": "marslab.notebooks",
}
# From the ground up; a floor may import itself and what stands before it.
FLOORS = [
    {"kernels"},
    {"root"},
    {"layers", "memory", "thinking", "text"},
    {"systems"},
    {"tasks", "learning", "compress"},
    {"lab", "cli"},
    {"widgets"},
    {"notebooks"},
]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}
GROUND = {"torch", "numpy", "numba", "triton"}
LAZY = marslab._HOME


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    folder, *parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([FOLDERS[folder], *(part for part in parts if part != "__init__")])


def level(module: str) -> int:
    """The floor of a module of ours. `marslab` itself leads everywhere: it counts as lab."""
    parts = module.split(".")
    if parts == ["marslab"]:
        return LEVEL["lab"]
    return LEVEL.get(parts[1], LEVEL["root"])


def imported(source: str) -> set[str]:
    """Every module that `source` names, `from x import y` as x.y, lazy names as their module."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found = {f"{base}.{alias.name}" for alias in node.names}
            names |= {LAZY.get(name.removeprefix("marslab."), name) for name in found}
        elif isinstance(node, ast.Call) and "import_module" in ast.unparse(node.func):
            names |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    return names


def problems(module: str, source: str) -> list[str]:
    """What is wrong with the imports of `module`."""
    found = []
    for name in sorted(imported(source)):
        top = name.partition(".")[0]
        if top in ("", "kernels", "widgets", "data", "notebooks"):
            found.append(f"{module}: import {name} by its full name, marslab...")
        elif top == "marslab" and level(name) > level(module):
            found.append(f"{module}: {name} stands above it")
        elif module.startswith("marslab.kernels") and top not in (
            GROUND | {"marslab"} | sys.stdlib_module_names
        ):
            found.append(f"{module}: the ground floor stands on {sorted(GROUND)}, not on {top}")
    return found


@pytest.mark.parametrize("path", files(*FOLDERS), ids=module_name)
def test_imports_point_downwards(path: Path) -> None:
    assert problems(module_name(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("marslab.kernels.x", "from marslab import tracing"),
        ("marslab.kernels.x", "import marslab"),
        ("marslab.kernels.x", "import pandas"),
        ("marslab.tracing", "from marslab import trace, load"),
        ("marslab.tracing", "import marslab.layers.x"),
        ("marslab.layers.x", "def f():\n    from marslab.systems import registry"),
        ("marslab.systems.x", "from marslab import tasks"),
        ("marslab.learning.x", "from marslab.lab.bench import table"),
        ("marslab.cli", "from marslab.widgets.figures import scan"),
        ("marslab.cli", "from importlib import import_module\nimport_module('marslab.widgets')"),
        ("marslab.widgets.x", "from marslab.notebooks import y"),
        ("marslab.widgets.x", "from kernels import linear_scan"),
        ("marslab.layers.x", "from . import y"),
    ],
)
def test_an_import_that_points_upwards_is_found(module: str, source: str) -> None:
    assert problems(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("marslab.tracing", "from marslab import kernels, files"),
        ("marslab.layers.x", "from marslab import trace"),
        ("marslab.widgets.x", "from marslab import load, layers"),
    ],
)
def test_an_import_that_points_downwards_is_not(module: str, source: str) -> None:
    assert problems(module, source) == []
