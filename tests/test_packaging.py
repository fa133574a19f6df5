"""The wheel holds everything that the editable install can see, and works from another folder."""

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "setuptools"
]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "tests")
NOT_SHIPPED = {"data/screenshots"}  # the README's pictures


def test_every_package_is_listed() -> None:
    on_disk = set()
    for name, folder in FOLDERS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            on_disk.add(".".join((name, *parts)))
    assert on_disk == set(SETUPTOOLS["packages"])


def test_no_module_bears_the_name_of_a_dependency() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dependencies = {line.partition(">")[0].lower() for line in config["dependencies"]}
    names = {path.stem for folder in FOLDERS.values() for path in (ROOT / folder).rglob("*.py")}
    assert names & (dependencies | {"triton"}) == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(ROOT, folder / "source", ignore=IGNORED)  # building writes there
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_every_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    missing = []
    for name, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*")):
            kept = path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
            place = path.relative_to(ROOT / folder).as_posix()
            if kept and f"{folder}/{place}".rpartition("/")[0] not in NOT_SHIPPED:
                target = f"{name.replace('.', '/')}/{place}"
                missing += [target] * (target not in inside)
    assert missing == []


USES_IT = """
import importlib, json, sys
from importlib.resources import files
import torch, marslab
from marslab.kernels import linear_scan

places = [importlib.import_module(name).__file__ for name in json.loads(sys.argv[1])]
one = torch.ones(1, 3, 1)
print(json.dumps({
    "places": places,
    "data": sorted(entry.name for entry in files("marslab.data").iterdir()),
    "notebooks": sorted(entry.name for entry in files("marslab.notebooks").iterdir()),
    "scan": linear_scan(one, one, backend="naive").flatten().tolist(),
}))
"""


@pytest.mark.slow
def test_the_installed_wheel_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True)
    # -P and another folder: nothing of the checkout is found by its place
    done = subprocess.run(
        [sys.executable, "-P", "-c", USES_IT, json.dumps(SETUPTOOLS["packages"])],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [place for place in told["places"] if not place.startswith(str(target))] == []
    assert {"catalogue.yaml", "README.md", "presets"} <= set(told["data"])
    assert [name for name in told["notebooks"] if name.endswith(".ipynb")]
    assert told["scan"] == [1.0, 2.0, 3.0]
