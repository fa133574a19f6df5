"""Run the docstring examples.

`pytest --doctest-modules kernels` would import a second copy: kernels.x, not marslab.kernels.x.
"""

import doctest
import importlib
import pkgutil
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ["marslab.kernels", "marslab", "marslab.widgets"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]["optional-dependencies"]
OPTIONAL = {Requirement(line).name: extra for extra, found in EXTRAS.items() for line in found}


def modules() -> list[str]:
    names = []
    for floor in FLOORS:
        package = importlib.import_module(floor)
        names += [floor, *(m.name for m in pkgutil.walk_packages(package.__path__, floor + "."))]
    return sorted({name for name in names if not name.endswith("__main__")})


def load(name: str) -> ModuleType:
    """Import `name`; skip the test if that needs an extra that is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name in OPTIONAL:
            pytest.skip(
                f"{error.name} is not installed: pip install 'marslab[{OPTIONAL[error.name]}]'"
            )
        raise


@pytest.mark.parametrize("name", modules())
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(name)
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


def test_there_are_examples() -> None:
    """A silently empty doctest run is a green that means nothing."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    light = [name for name in modules() if name.startswith(("marslab.kernels", "marslab.home"))]
    found = [t for n in light if not n.endswith("gpu") for t in finder.find(load(n)) if t.examples]
    assert len(found) >= 4
