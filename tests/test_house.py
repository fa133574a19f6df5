"""Sizes, what no file may hold, and that README, Makefile and .ci/run say what is so."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from marslab.lab.catalogue import course_table

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ("kernels", "marslab", "widgets", "notebooks", "data")
README = (ROOT / "README.md").read_text(encoding="utf-8")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def kept_files() -> list[Path]:
    """What git keeps or would keep; without git, what stands in the folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return [p for folder in (*SOURCE, "tests") for p in (ROOT / folder).rglob("*.*")]
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def lines(function: Function) -> int:
    """Lines from `def` to the end, the docstring not counted."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return whole
    return whole - ((first.end_lineno or first.lineno) - first.lineno + 1)


def is_jit(function: Function) -> bool:
    return any("jit" in ast.unparse(decorator) for decorator in function.decorator_list)


@pytest.mark.parametrize("path", python_files(*SOURCE, "tests"), ids=name_of)
def test_sizes(path: Path) -> None:
    if path.parent.name != "src":  # a notebook is a document: its cells are measured, not its file
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for function in functions(path):
        assert lines(function) <= (80 if is_jit(function) else 40), function.name


@pytest.mark.parametrize("path", python_files("marslab", "widgets"), ids=name_of)
def test_at_most_six_positional_parameters(path: Path) -> None:
    if "import typer" in path.read_text(encoding="utf-8"):
        return  # the parameters of a command are the options that a user names
    for function in functions(path):
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        assert len([n for n in names if n not in ("self", "cls")]) <= 6, function.name


FORBIDDEN_IMPORTS = {"pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "os.fork", "yaml.load", "yaml.unsafe_load"}
POOLS = {"multiprocessing", "ProcessPoolExecutor"}


def forbidden(source: str, *, may_make_processes: bool = False) -> list[str]:
    """Names in `source` that would run or unpickle foreign data, or make processes elsewhere."""
    banned = FORBIDDEN_IMPORTS if may_make_processes else FORBIDDEN_IMPORTS | POOLS
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            words = {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            words = {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            words = {node.attr} & POOLS
        elif isinstance(node, ast.Call):
            found += [ast.unparse(node.func)] if ast.unparse(node.func) in FORBIDDEN_CALLS else []
            continue
        else:
            continue
        found += sorted(words & banned)
    return found


@pytest.mark.parametrize("path", python_files(*SOURCE), ids=name_of)
def test_nothing_is_unpickled_evaluated_or_forked(path: Path) -> None:
    pool = path.parent == ROOT / "marslab" / "workers"
    assert forbidden(path.read_text(encoding="utf-8"), may_make_processes=pool) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from concurrent.futures import ProcessPoolExecutor",
        "import concurrent.futures as cf\ncf.ProcessPoolExecutor()",
        "from torch import multiprocessing",
        "import torch\ntorch.load('x')",
        "eval('1')",
        "import os\nos.fork()",
    ],
)
def test_such_a_line_is_found(source: str) -> None:
    assert forbidden(source)


def test_a_model_may_go_to_eval_mode() -> None:
    assert forbidden("model.eval()") == []


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w.\]}~])/(work|tmp|root|home|opt|Users)/\w")
    found = []
    for path in kept_files():
        if path.suffix in (".safetensors", ".png"):
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{name_of(path)}: {m.group()}" for m in pattern.finditer(text)]
    assert found == []


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no {language} example"
    return found[1]


@pytest.mark.slow
def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    code = block("python")
    assert len([line for line in code.splitlines() if line]) <= 8
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert shown and [line.strip() for line in done.stdout.splitlines()][: len(shown)] == shown


def test_the_readme_shows_the_course() -> None:
    shown = re.search(r"<!-- course -->\n(.*?)<!-- /course -->", README, re.DOTALL)
    assert shown and shown[1].strip() == course_table().strip()


def test_the_readme_names_the_commands_and_only_real_files() -> None:
    assert "make lab" in README and "make test" in README
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_the_origin_of_each_data_file_is_told() -> None:
    folder = ROOT / "data"
    told = re.findall(r"^\| `([^`]+)`", (folder / "README.md").read_text(encoding="utf-8"), re.M)
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if p.suffix != ".pyc"}
    names -= {"README.md", "__init__.py"}
    assert [n for n in sorted(names) if not any(fnmatch(n, pattern) for pattern in told)] == []


def test_ci_runs_what_the_readme_says() -> None:
    run = ROOT / ".ci" / "run"
    text = run.read_text(encoding="utf-8")
    assert os.access(run, os.X_OK) and "MARSLAB_CI=1" in text
    assert text.rstrip().endswith("\nmake test")


def test_make_installs_no_system_package() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "apt-get" not in text and "brew install" not in text
    for target in ("lab", "dash", "test", "bench", "site", "clean"):
        assert re.search(rf"^{target}:", text, re.MULTILINE), target


FAKE = """#!/bin/sh
case "$2" in *version_info*) exit {version};; *ensurepip*) exit {ensurepip};; esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"version": 1, "ensurepip": 1}, "marslab needs Python 3.11 or newer"),
        ({"version": 0, "ensurepip": 1}, "sudo apt install python3-venv"),
    ],
)
def test_make_says_what_is_missing(tmp_path: Path, answers: dict[str, int], sentence: str) -> None:
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(FAKE.format(**answers))
    python.chmod(0o755)
    done = subprocess.run(
        ["make", "lab", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert sentence in done.stderr
    assert not (tmp_path / ".venv").exists()
