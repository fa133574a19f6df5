"""What is kept of a learner's progress, and that nothing of it is ever lost."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from marslab.errors import UserError
from marslab.lab.course import progress, records, registry
from marslab.lab.course.records import Record
from marslab.lab.course.registry import Exercise


def test_tries_and_hints_are_counted_until_it_is_solved(scan: Exercise) -> None:
    kept = [records.note(scan, passed=passed) for passed in (False, False, False, False, True)]
    assert [(record.tries, record.hints) for record in kept] == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 2),
    ]
    assert [record.state for record in kept[:2]] == ["tried once", "tried 2 times"]
    assert kept[-1].passed and kept[-1].state == "solved" and kept[-1].first_passed
    assert records.note(scan, passed=False) == records.note(scan, passed=True) == kept[-1]
    assert records.read("scan.1") == kept[-1]


def test_a_record_is_one_small_file_without_source_code(scan: Exercise) -> None:
    records.note(scan, passed=False)
    assert json.loads(records.file_of("scan.1").read_text("utf-8")) == {
        "kind": "progress",
        "schema": 1,
        "exercise": "scan.1",
        "tries": 1,
        "hints": 0,
        "passed": False,
        "first_passed": None,
    }


def test_reading_writes_nothing(scan: Exercise) -> None:
    assert records.read("scan.1") == Record("scan.1")
    assert progress().solved == 0
    assert list(records.folder().iterdir()) == []


NOTE = """
from marslab.lab.course import records
from marslab.lab.course.registry import Exercise
exercise = Exercise("scan.1", "f", "01", "title", print, (), ("hint",) * 1000, ())
for _ in range(40):
    records.note_hint(exercise)
"""


def test_two_notebooks_at_once_lose_nothing() -> None:
    both = [subprocess.Popen([sys.executable, "-P", "-c", NOTE]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert records.read("scan.1").hints == 80


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\0\0\0",
        '{"kind": "trace", "schema": 1}',
        '{"kind": "progress", "schema": 1}',
        '{"kind": "progress", "schema": 1, "tries": "3", "hints": 0, "passed": false, '
        '"first_passed": null}',
        '{"kind": "progress", "schema": 1, "tries": 3, "hints": 0, "passed": "no", '
        '"first_passed": null}',
    ],
)
def test_a_damaged_file_is_moved_aside_with_a_sentence(
    scan: Exercise, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = records.file_of("scan.1")
    path.write_text(text)
    assert records.note(scan, passed=False).tries == 1
    told = capsys.readouterr().err
    assert told.startswith("the progress of scan.1 could not be read (")
    assert told.endswith(
        "): the file is kept as scan.1.json.damaged, and scan.1 counts as not started\n"
    )
    assert path.with_name("scan.1.json.damaged").read_text() == text


def test_no_damaged_file_replaces_another(scan: Exercise) -> None:
    for text in ("first", "second", "third"):
        records.file_of("scan.1").write_text(text)
        records.read("scan.1")
    kept = sorted(records.folder().glob("*.damaged*"))
    assert [path.read_text() for path in kept] == ["first", "second", "third"]


def test_a_file_of_a_later_marslab_is_left_alone(scan: Exercise) -> None:
    path = records.file_of("scan.1")
    path.write_text('{"kind": "progress", "schema": 2, "stars": 5}')
    with pytest.raises(UserError, match="use the marslab that wrote it"):
        records.note(scan, passed=True)
    assert json.loads(path.read_text())["stars"] == 5


def test_forgetting_keeps_every_old_record(scan: Exercise) -> None:
    assert records.forget("scan.1") is None
    kept: list[Path | None] = []
    for tries in (1, 2):
        for _ in range(tries):
            records.note(scan, passed=False)
        kept.append(records.forget("scan.1"))
    assert [path.name for path in kept if path] == ["scan.1.json.bak", "scan.1.json.bak2"]
    assert [json.loads(path.read_text())["tries"] for path in kept if path] == [1, 2]
    assert records.read("scan.1") == Record("scan.1")


@pytest.fixture
def three(scan: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [replace(scan, id=id, title="<b>") for id in ("scan.1", "scan.2", "ssm.1")]
    found[2] = replace(found[2], notebook="02_selective_ssm")
    monkeypatch.setattr(registry, "exercises", lambda: {each.id: each for each in found})
    records.note(found[0], passed=True)
    records.note(found[1], passed=False)


@pytest.mark.usefixtures("three")
def test_the_table_of_all_exercises() -> None:
    found = progress()
    assert str(found) == (
        "1 of 3 exercises solved\n"
        "01_from_loop_to_scan  1 of 2  scan.1 solved, scan.2 tried once\n"
        "02_selective_ssm      0 of 1  ssm.1"
    )
    shown = found._repr_html_()
    assert shown.count("<tr>") == 3
    assert "scan.1 solved, scan.2 tried once" in shown
