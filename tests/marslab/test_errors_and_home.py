"""The sentences for users, and the folder and stamps of their files."""

from pathlib import Path

import pytest

from marslab.errors import MissingExtra, UserError, nearest, unknown
from marslab.home import check, home, stamp


def test_the_exit_codes() -> None:
    assert UserError("x").exit_code == 2
    assert MissingExtra("gpu", "triton").exit_code == 3
    assert isinstance(MissingExtra("gpu", "triton"), ValueError)


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtra("gpu", "triton")
    assert str(error) == "triton is not installed: pip install 'marslab[gpu]'"
    assert (error.extra, error.module) == ("gpu", "triton")


def test_only_a_near_name_is_proposed() -> None:
    assert nearest("scna", ["scan", "wave"]) == " Did you mean 'scan'?"
    assert nearest("zebra", ["scan", "wave"]) == ""


def test_an_unknown_name_lists_what_there_is() -> None:
    assert unknown("view", "zebra", ["scan"]) == "there is no view 'zebra'. Choose from: scan."
    assert unknown("view", "zebra", []) == "there is no view 'zebra'. There is none yet."


def test_home_is_the_variable_and_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSLAB_HOME", str(tmp_path / "x" / "y"))
    assert home() == tmp_path / "x" / "y"
    assert home().is_dir()


def test_without_the_variable_home_is_the_platforms_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MARSLAB_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home().name == "marslab"
    assert home().is_relative_to(tmp_path)


def test_a_home_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MARSLAB_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(UserError, match="set MARSLAB_HOME to a folder that you can write"):
        home()


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([], "f is not a trace file of marslab: it does not say what it is"),
        ({"kind": "progress", "schema": 1}, "f is not a trace file of marslab: it says 'progress'"),
        (
            {"kind": "trace", "schema": 7},
            "f has format 7 of a trace, this marslab reads 1: "
            "use the marslab that wrote it, or write the file again",
        ),
        ({"kind": "trace"}, "f has format None of a trace, this marslab reads 1: "),
    ],
)
def test_a_file_of_another_kind_or_format_is_refused(found: object, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        check("trace", found, "f")
    assert str(error.value).startswith(sentence)


def test_what_is_stamped_is_accepted() -> None:
    for kind in ("trace", "checkpoint", "something new"):
        check(kind, {**stamp(kind), "content": 1}, "f")
