"""pyproject.toml, constraints.txt and environment.yml agree; what is imported is declared."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT["optional-dependencies"].items()
}
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {
    canonicalize_name(pin.name): pin
    for pin in (Requirement(line) for line in LINES if not line.startswith("#"))
}
ON_DEMAND = ("embed", "hub")  # they bring models and data from elsewhere: who wants them asks
DIRECT = [*BASE, *(r for found in EXTRAS.values() for r in found)]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def pinned(name: str) -> Version:
    (exact,) = PINS[canonicalize_name(name)].specifier
    return Version(exact.version)


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda r: r.name)
def test_the_pin_is_in_the_range(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned(requirement.name))


def test_pins_are_exact_and_fit_every_platform() -> None:
    for name, pin in PINS.items():
        (exact,) = pin.specifier
        assert exact.operator == "==" and Version(exact.version).local is None, name
        assert not name.startswith("nvidia-") and name != "marslab"


def test_the_pin_of_torch_brings_the_triton_of_the_extra() -> None:
    assert str(pinned("torch")) == "2.13.0"
    assert str(EXTRAS["gpu"][0]) == 'triton==3.7.1; sys_platform == "linux"'


def test_conda_gets_the_same_environment() -> None:
    *conda, pip = ENVIRONMENT["dependencies"]
    assert ENVIRONMENT["name"] == PROJECT["name"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.11.0")
    extras = ",".join(name for name in EXTRAS if name not in ON_DEMAND)
    assert pip["pip"] == ["-c constraints.txt", f"torch=={pinned('torch')}", f"-e .[{extras}]"]


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"marslab"}


@pytest.mark.parametrize("folder", ["kernels", "marslab", "widgets", "notebooks", "tests"])
def test_what_is_imported_is_declared(folder: str) -> None:
    """A package that comes by way of another one may leave the same way."""
    allowed = {canonicalize_name(r.name) for r in DIRECT}
    if folder != "tests":
        allowed -= {canonicalize_name(r.name) for r in EXTRAS["dev"]}
    owners = packages_distributions()
    ours = {path.stem for path in (ROOT / "tests").rglob("*.py")}  # some folders are on the path
    undeclared = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in imports(path) - ours:
            found = {canonicalize_name(owner) for owner in owners.get(name, [name])}
            if not found & allowed:
                undeclared.setdefault(name, path.relative_to(ROOT).as_posix())
    assert undeclared == {}
