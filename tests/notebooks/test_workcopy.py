"""The work copy over a learner's year: runs, edits, releases, accidents."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab import notebooks, workcopy

MANIFEST = workcopy.MANIFEST


def write(path: Path, *cells: str, outputs: list | None = None) -> None:
    """A notebook of these code cells."""
    made = [
        {"cell_type": "code", "source": [cell], "outputs": outputs or [], "metadata": {}}
        for cell in cells
    ]
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4}), "utf-8")


def cell(path: Path) -> str:
    return json.loads(path.read_text("utf-8"))["cells"][0]["source"][0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What ships: two notebooks of the first release."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    write(folder / "00_start.ipynb", "start 1")
    write(folder / "01_scan.ipynb", "scan 1")
    return folder


@pytest.fixture
def work(root: Path, tmp_path: Path) -> Path:
    return workcopy.sync(tmp_path / "work", root=root)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)


def test_the_first_use_makes_the_copy_in_the_users_home(root: Path, tmp_path: Path) -> None:
    assert workcopy.sync(root=root) == (tmp_path / "home" / "notebooks").resolve()
    assert files(tmp_path / "home" / "notebooks") == ["00_start.ipynb", "01_scan.ipynb"]


def test_the_shipped_course_can_be_copied(tmp_path: Path) -> None:
    folder = workcopy.sync(tmp_path / "mine")
    assert files(folder) == [f"{name}.ipynb" for name in notebooks.names()]


def test_a_second_sync_does_nothing(root: Path, work: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in work.iterdir()}
    done = workcopy.update(work, root=root)
    assert list(done.sentences()) == []
    assert {path: path.stat().st_mtime_ns for path in work.iterdir()} == before


def test_a_release_adds_and_updates_what_is_untouched(root: Path, work: Path) -> None:
    write(work / "01_scan.ipynb", "scan 1", outputs=[{"output_type": "stream"}])  # run, not edited
    ran = (work / "01_scan.ipynb").read_bytes()
    write(root / "01_scan.ipynb", "scan 2")
    write(root / "02_waves.ipynb", "waves 2")
    done = workcopy.update(work, root=root)
    (aside,) = work.glob("01_scan.*.bak.ipynb")
    assert aside.read_bytes() == ran, "its results are kept"
    aside.unlink()
    assert files(work) == ["00_start.ipynb", "01_scan.ipynb", "02_waves.ipynb"]
    assert cell(work / "01_scan.ipynb") == "scan 2"
    assert list(done.sentences()) == [
        f"1 notebook added to {work}",
        "1 notebook brought up to date: 01_scan.ipynb",
    ]


def test_an_edited_notebook_is_never_overwritten(root: Path, work: Path) -> None:
    write(work / "01_scan.ipynb", "mine")
    assert workcopy.update(work, root=root).beside == [], "no new release, nothing beside"
    write(root / "01_scan.ipynb", "scan 2")
    done = workcopy.update(work, root=root)
    assert cell(work / "01_scan.ipynb") == "mine"
    assert cell(work / "01_scan.new.ipynb") == "scan 2"
    assert list(done.sentences()) == [
        "you edited 01_scan.ipynb, so the new release is beside it: 01_scan.new.ipynb"
    ]


def test_a_fresh_one_that_was_deleted_does_not_come_back(root: Path, work: Path) -> None:
    write(work / "01_scan.ipynb", "mine")
    write(root / "01_scan.ipynb", "scan 2")
    workcopy.sync(work, root=root)
    (work / "01_scan.new.ipynb").unlink()
    workcopy.sync(work, root=root)
    assert files(work) == ["00_start.ipynb", "01_scan.ipynb"]


def test_a_fresh_one_follows_releases_until_it_is_edited(root: Path, work: Path) -> None:
    write(work / "01_scan.ipynb", "mine")
    for release in ("scan 2", "scan 3"):
        write(root / "01_scan.ipynb", release)
        workcopy.sync(work, root=root)
        assert cell(work / "01_scan.new.ipynb") == release
    write(work / "01_scan.new.ipynb", "mine too")
    write(root / "01_scan.ipynb", "scan 4")
    assert workcopy.update(work, root=root).beside == ["01_scan.new-2.ipynb"]
    assert cell(work / "01_scan.new.ipynb") == "mine too"


def test_a_deleted_notebook_comes_back(root: Path, work: Path) -> None:
    (work / "00_start.ipynb").unlink()
    assert workcopy.update(work, root=root).added == ["00_start.ipynb"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b'{"cells": [1]}'])
def test_a_file_that_is_no_notebook_any_more_counts_as_edited(
    root: Path, work: Path, content: bytes
) -> None:
    (work / "01_scan.ipynb").write_bytes(content)
    write(root / "01_scan.ipynb", "scan 2")
    workcopy.sync(work, root=root)
    assert (work / "01_scan.ipynb").read_bytes() == content
    assert workcopy.state("1", work, root=root) == "edited"


def test_without_the_manifest_what_differs_is_kept(root: Path, work: Path) -> None:
    (work / MANIFEST).unlink()
    write(root / "01_scan.ipynb", "scan 2")
    workcopy.sync(work, root=root)
    assert cell(work / "01_scan.ipynb") == "scan 1"
    assert cell(work / "01_scan.new.ipynb") == "scan 2"


def test_reset_restores_one_and_loses_nothing(root: Path, work: Path) -> None:
    asides = []
    for text in ("mine", "mine again"):
        write(work / "01_scan.ipynb", text)
        asides.append(workcopy.reset("1", work, root=root))
        assert cell(work / "01_scan.ipynb") == "scan 1"
    assert [cell(path) for path in asides if path] == ["mine", "mine again"]
    assert all(path and path.name.endswith(".bak.ipynb") for path in asides)
    assert workcopy.state("1", work, root=root) == "shipped"
    assert workcopy.reset("1", work, root=root) is None, "as shipped: nothing to put aside"


def test_states(root: Path, work: Path) -> None:
    write(work / "01_scan.ipynb", "mine")
    (work / "00_start.ipynb").unlink()
    assert workcopy.state("0", work, root=root) == "missing"
    assert workcopy.state("1", work, root=root) == "edited"
    workcopy.sync(work, root=root)
    assert workcopy.state("0", work, root=root) == "shipped"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "cannot be read .*: delete it, and every notebook there counts as edited"),
        ('{"kind": "trace", "schema": 1}', "is not a notebook-manifest file of marslab"),
        ('{"kind": "notebook-manifest", "schema": 9}', "has format 9 .* this marslab reads 1"),
        ('{"kind": "notebook-manifest", "schema": 1}', "lists no notebooks: delete it, and every"),
    ],
)
def test_a_manifest_that_cannot_be_used(
    root: Path, work: Path, content: str, sentence: str
) -> None:
    (work / MANIFEST).write_text(content)
    with pytest.raises(UserError, match=sentence):
        workcopy.sync(work, root=root)


def test_the_shipped_folder_is_no_work_copy() -> None:
    with pytest.raises(UserError, match="holds the shipped notebooks: choose another folder"):
        workcopy.sync(notebooks.shipped())


def test_a_folder_that_cannot_be_used_gets_a_sentence(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot hold the work copy .*: name another with --work"):
        workcopy.sync(tmp_path / "file" / "work", root=root)


KILLED = """
import sys
from pathlib import Path
from marslab.files import write_text
from marslab.lab import workcopy
root, work = map(Path, sys.argv[1:])
print("ready", flush=True)
while True:
    for release in ("1", "2"):
        for path in root.glob("*.ipynb"):
            text = path.read_text().replace("scan 1", "scan x").replace("scan 2", "scan 1")
            write_text(path, text.replace("scan x", "scan 2"))  # a release is never half there
        workcopy.update(work, root=root)
        workcopy.reset("9", work, root=root)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_whole_files_and_every_edit(root: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    write(root / "09_mine.ipynb", "mine 1")
    for number in range(10, 30):
        write(root / f"{number}_scan.ipynb", "scan 1")
    workcopy.sync(work, root=root)
    write(work / "01_scan.ipynb", "edited")
    for delay in (0.0, 0.013, 0.031, 0.057, 0.11):
        command = [sys.executable, "-c", KILLED, str(root), str(work)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline()
            time.sleep(delay)
            process.kill()
        for path in root.glob("*_scan.ipynb"):
            write(path, "scan 1")
        workcopy.sync(work, root=root)
        assert cell(work / "01_scan.ipynb") == "edited"
        for path in work.glob("*.ipynb"):
            assert json.loads(path.read_text("utf-8"))["cells"], f"{path.name} is not whole"
