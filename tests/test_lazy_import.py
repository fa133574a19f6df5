"""`import marslab` is light, and what trains or measures needs nothing of the notebooks."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import marslab

HEAVY = {
    *("IPython", "anywidget", "ipywidgets", "jupytext", "matplotlib", "numba", "pandas", "panel"),
    *("papermill", "plotly", "pydantic", "scipy", "sklearn", "torchhd", "triton"),
}
ABSENT = ("pydantic", "torchhd", "plotly", "panel", "papermill", "IPython", "ipywidgets")


def python(code: str) -> str:
    """What `code` prints in a new interpreter that finds the installed package only (-P)."""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded(module: str, names: set[str]) -> str:
    return python(f"import sys, {module}; print(sorted({names} & set(sys.modules)))")


def test_the_root_loads_nothing_heavy() -> None:
    assert loaded("marslab", HEAVY | {"torch"}) == "[]"


def test_the_ground_floor_loads_nothing_heavy() -> None:
    assert loaded("marslab.kernels", HEAVY) == "[]"


def test_the_command_line_loads_no_torch() -> None:
    assert loaded("marslab.cli", HEAVY - {"pydantic"} | {"torch"}) == "[]"


def modules_of(package: str) -> list[str]:
    found = importlib.import_module(package).__path__
    inside = [m.name for m in pkgutil.walk_packages(found, package + ".")]
    return [package, *(name for name in inside if not name.endswith(".gpu"))]


def test_training_and_measuring_need_no_package_of_the_notebooks() -> None:
    parts = ("kernels", "layers", "learning", "systems", "tasks", "text")
    names = [name for part in parts for name in modules_of(f"marslab.{part}")]
    names += ["marslab.lab.bench", "marslab.tracing", "marslab.config", "marslab.checkpoint"]
    told = python(
        f"import importlib, sys\nsys.modules.update(dict.fromkeys({ABSENT}))\n"
        f"for name in {names}: importlib.import_module(name)\nprint('ok')"
    )
    assert told == "ok"


def test_the_block_blocks() -> None:
    with pytest.raises(AssertionError, match="pydantic"):
        python(f"import sys; sys.modules.update(dict.fromkeys({ABSENT})); import pydantic")


def test_no_lazy_name_is_that_of_a_submodule() -> None:
    submodules = {module.name for module in pkgutil.iter_modules(marslab.__path__)}
    assert set(marslab._HOME) & (submodules | {"kernels", "widgets", "data", "notebooks"}) == set()


@pytest.mark.parametrize("name", sorted(set(marslab.__all__) - {"__version__"}))
def test_each_lazy_name_is_there(name: str) -> None:
    assert name in dir(marslab)
    assert getattr(marslab, name).__module__ == marslab._HOME[name]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lood'"):
        marslab.lood  # noqa: B018
