"""`marslab nb ...` as a user types it: data on stdout, words on stderr, exit codes, sentences."""

import json
import sys
from pathlib import Path

import pytest

from marslab import cli
from marslab.lab import server

Run = tuple[int, str, str]


@pytest.fixture
def nb(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A function (*words) -> (exit code, stdout, stderr) of `marslab nb words`."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*words: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["marslab", "nb", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_build_prints_what_it_made(nb, course) -> None:
    root = course(nb01_ok="", nb02_more="")
    (root / "02_more.ipynb").unlink()
    code, out, err = nb("build", "2", "--root", root)
    assert (code, out, err) == (0, f"{root / '02_more.ipynb'}\n", "")
    assert (root / "02_more.ipynb").exists()


def test_pull_prints_the_source(nb, course) -> None:
    root = course(nb01_ok="")
    code, out, _ = nb("pull", root / "01_ok.ipynb", "--root", root)
    assert (code, out) == (0, f"{root / 'src' / '01_ok.py'}\n")


def test_list_tells_name_title_and_copy(nb, course, tmp_path: Path) -> None:
    root, work = course(nb01_ok="", nb02_more=""), tmp_path / "work"
    nb("reset", "1", "--root", root, "--work", work)
    code, out, err = nb("list", "--json", "--root", root, "--work", work)
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        {"name": "01_ok", "title": "About ok", "copy": "shipped"},
        {"name": "02_more", "title": "About more", "copy": "missing"},
    ]
    code, out, _ = nb("list", "--root", root, "--work", work)
    assert code == 0 and "About more" in out and "\x1b" not in out


def test_run_prints_a_table_of_times(nb, course, tmp_path: Path) -> None:
    root = course(nb01_ok="\n# %%\nassert (seed, fast) == (3, True)\n")
    words = ("run", "1", "-p", "seed=3", "--root", root, "--output", tmp_path / "out")
    code, out, err = nb(*words)
    assert code == 0
    assert all(word in out for word in ("seconds", "slowest cell", "01_ok", "In ["))
    assert err.startswith("01_ok: ok, ")
    assert (tmp_path / "out" / "01_ok.ipynb").exists()


def test_run_full_means_not_fast(nb, course) -> None:
    root = course(nb01_ok="\n# %%\nassert not fast\n")
    assert nb("run", "--full", "--root", root)[0] == 0


def test_a_failed_cell_is_exit_code_1_with_source_and_traceback(nb, course) -> None:
    root = course(nb01_bad="\n# %%\nx = {}\nx['key']\n")
    code, out, err = nb("run", "--json", "--root", root)
    assert code == 1
    (row,) = json.loads(out)
    assert (row["name"], row["ok"], row["failure"]["error"]) == ("01_bad", False, "KeyError: 'key'")
    assert "01_bad, In [3]: KeyError: 'key'\n\nx = {}\nx['key']\n" in err
    assert "----> 2 x['key']" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "7"], "marslab: there is no notebook '7'. Choose from: 01_ok.\n"),
        (["run", "01_okay"], "marslab: there is no notebook '01_okay'. Did you mean '01_ok'?"),
        (["run", "-p", "seed"], "marslab: --parameter takes name=value, as seed=3; got 'seed'\n"),
        (["run", "-p", "sed=1"], "marslab: 01_ok has no parameter 'sed'. Did you mean 'seed'?"),
        (["build", "7"], "marslab: there is no notebook '7'. Choose from: 01_ok.\n"),
        (["reset", "o"], "marslab: there is no notebook 'o'."),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(nb, course, words, sentence: str) -> None:
    code, out, err = nb(*words, "--root", course(nb01_ok=""))
    assert (code, out) == (2, "")
    assert err.startswith(sentence) and err.count("\n") == 1


def test_reset_says_where_yours_went(nb, course, tmp_path: Path) -> None:
    root, work = course(nb01_ok=""), tmp_path / "work"
    nb("reset", "1", "--root", root, "--work", work)
    (work / "01_ok.ipynb").write_text("mine")
    code, out, err = nb("reset", "01_ok", "--root", root, "--work", work)
    assert (code, out) == (0, f"{work / '01_ok.ipynb'}\n")
    (aside,) = work.glob("*.bak.ipynb")
    assert err == f"yours is now {aside.name}\n" and aside.read_text() == "mine"


def test_open_asks_for_the_lab_on_that_notebook(nb, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}
    monkeypatch.setattr(server, "open_lab", lambda **given: asked.update(given) or 0)
    code, _, err = nb("open", "0", "--no-browser", "--port", "9000")
    assert (code, err) == (0, "")
    wanted = {"work": None, "port": 9000, "browser": False, "check": False}
    assert asked == wanted | {"notebook": "00_start"}


def test_several_values_are_a_sweep_and_one_value_is_a_run(nb, course, tmp_path: Path) -> None:
    root, target = course(nb01_ok="\n# %%\nassert seed < 3\n"), tmp_path / "found.csv"
    words = ("run", "1", "--root", root, "--workers", "1", "--json")
    code, out, err = nb(*words, "-p", "seed=1,4", "-p", "fast=false", "--output", tmp_path / "out")
    assert code == 1
    assert [(row["parameters"], row["ok"]) for row in json.loads(out)] == [
        ({"seed": 1, "fast": False}, True),
        ({"seed": 4, "fast": False}, False),
    ]
    assert "01_ok seed=4 fast=False: FAILED, AssertionError: , " in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "01_ok.seed=1.fast=False.ipynb",
        "01_ok.seed=4.fast=False.ipynb",
    ]
    code, out, _ = nb(*words, "-p", "seed=1")
    assert code == 0 and json.loads(out)[0]["name"] == "01_ok"
    code, out, _ = nb(*words, "-p", "seed=1", "--table", target)
    assert code == 0 and json.loads(out)[0]["parameters"] == {"seed": 1}
    assert target.read_text("utf-8").startswith("notebook,seed,run,seconds,error\n")


def test_a_text_may_hold_a_comma(nb, course) -> None:
    root = course(nb01_ok="\n# %%\nassert seed == 'a, b'\n")
    assert nb("run", "1", "--root", root, "-p", 'seed="a, b"')[0] == 0
