"""Sweeps: what a value is, every combination once, a failure is a row, one table in the end."""

import csv
import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from marslab.crew import Crew, Ended
from marslab.errors import UserError
from marslab.lab import engine, sweep_table, sweep_values, sweeps
from marslab.workers import WorkerDied

RECORDING = """
# %%
from marslab.lab.claims import record
record("double", 2 * seed)
record("fast", fast)
if seed == 3:
    raise ValueError("three is too many")
record("after", "yes, all")
"""


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3", [3]),
        ("1,2", [1, 2]),
        (" 1 , 2.5", [1, 2.5]),
        ("[1, 2]", [1, 2]),
        ("[1]", [1]),
        ("1e-3,1e-2", [0.001, 0.01]),
        ("true,null", [True, None]),
        ("", [None]),
        ('"a, b"', ["a, b"]),
        ("'a, b', c", ["a, b", "c"]),
        ("['a, b', c]", ["a, b", "c"]),
        ("[a, b], c", ["[a, b]", "c"]),
        ("[[1, 2], [3]]", ["[[1, 2], [3]]"]),
        ("{a: 1, b: 2}", ["{a: 1, b: 2}"]),
        ("don't, won't", ["don't", "won't"]),
        ("it's a [draft", ["it's a [draft"]),
        ("a: b", ["a: b"]),
        ('"half', ['"half']),
        ("1,1.0,'1',true", [1, 1.0, "1", True]),
        ("Привет, мир", ["Привет", "мир"]),
        ("2026-11-22", ["2026-11-22"]),
    ],
)
def test_what_a_text_means(text: str, values: list) -> None:
    found = sweep_values.values("x", text)
    assert found == values and list(map(type, found)) == list(map(type, values))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("seed", "--parameter takes name=value, as seed=3; got 'seed'"),
        ("a b=1", "--parameter takes name=value, as seed=3; got 'a b=1'"),
        (
            "x=1,",
            '--parameter x=1, has nothing beside a comma: write "" for an empty text, '
            "and quotes around a text that holds a comma",
        ),
        ("x=1,2,1", "--parameter x=1,2,1 has 1 twice: give each value once"),
        ("x=[a, a]", "--parameter x=[a, a] has 'a' twice: give each value once"),
    ],
)
def test_what_is_no_value(given: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        sweep_values.read([given])
    assert str(error.value) == sentence


def test_every_combination_is_a_row_with_what_it_recorded(course) -> None:
    root = course(nb01_one=RECORDING, nb02_two=RECORDING)
    grid = {"fast": [False], "seed": [1, 2]}
    table = sweeps.sweep(["1", "2"], grid, root=root, workers=1)
    columns = ["notebook", "fast", "seed", "run", "seconds", "double", "record fast", "after"]
    assert list(table.columns) == [*columns, "error"]
    rows = table[["notebook", "seed", "fast", "double", "record fast"]].to_numpy().tolist()
    assert rows == [
        [name, seed, False, 2 * seed, False] for name in ("01_one", "02_two") for seed in (1, 2)
    ]
    assert set(table["run"]) == {"ok"} and set(table["after"]) == {"yes, all"}
    assert min(table["seconds"]) > 0 and set(table["error"]) == {None}


def test_a_failed_point_is_a_row_and_the_others_run(course, tmp_path: Path) -> None:
    root = course(nb01_one=RECORDING)
    told = []
    found = sweeps.points(
        None, {"seed": [3, 4]}, root=root, workers=1, output_dir=tmp_path, on_point=told.append
    )
    assert [point.error for point in found] == ["ValueError: three is too many", None]
    assert [point.records for point in found] == [
        {"double": 6, "fast": True},
        {"double": 8, "fast": True, "after": "yes, all"},
    ]
    assert told == found and list(sweeps.frame(found)["run"]) == ["FAILED", "ok"]
    kept = sorted(path.name for path in tmp_path.glob("*.ipynb"))
    assert kept == ["01_one.seed=3.ipynb", "01_one.seed=4.ipynb"]
    assert [point.output for point in found] == [tmp_path / name for name in kept]
    assert "seed = 4" in (tmp_path / kept[1]).read_text("utf-8")


def test_a_damaged_record_is_a_failed_point(course) -> None:
    code = (
        "\n# %%\nfrom IPython.display import display\n"
        "display({'application/vnd.marslab.record+json': {'kind': 'record'}}, raw=True)\n"
    )
    (point,) = sweeps.points(["1"], {"seed": [1]}, root=course(nb01_one=code))
    assert point.error is not None and "run the notebook again" in point.error


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        ({"sed": [1]}, "01_one has no parameter 'sed'. Did you mean 'seed'?"),
        ({"seed": []}, "the parameter 'seed' has no value: give it one or more"),
        (
            {"seed": range(9_999_999), "fast": range(9_999_999)},
            "this grid has 99,999,980,000,001 points, and a sweep runs at most 1,000",
        ),
        (  # twice 505: there are two notebooks
            {"seed": range(101), "fast": [1, 2, 3, 4, 5]},
            "this grid has 1,010 points, and a sweep runs at most 1,000: give fewer values",
        ),
    ],
)
def test_what_is_refused_before_anything_runs(course, monkeypatch, grid, sentence: str) -> None:
    monkeypatch.setattr(engine, "run_one", lambda job: pytest.fail("it ran"))
    root = course(nb01_one="", nb02_two="")
    with pytest.raises(UserError) as error:
        sweeps.points(None, grid, root=root)
    assert str(error.value).startswith(sentence)


def test_names_of_points_are_safe_and_different() -> None:
    values = ["a/b", "a:b", "A", "a", "../x", "é", "x" * 300, "x" * 301, 1, "1", None]
    names = sweeps.kept_as("01_one", [{"text": value, "seed": 1} for value in values])
    assert len({name.casefold() for name in names}) == len(values)
    assert names[-1] == "01_one.text=None.seed=1.ipynb"
    for name in names:
        assert name.endswith(".ipynb") and len(name) < 140 and name.isascii()
        assert not set(name) & set('/\\:*?"<>| ') and not name.startswith(".")


def test_a_notebook_that_ends_its_process_is_a_failed_point(course, monkeypatch) -> None:
    class OneDies(Crew):
        def work(self, orders, size, on_wait=None):
            for order in orders:
                died = WorkerDied(7, awake=True) if order.key == 1 else None
                yield Ended(order.key, None if died else self._function(order.item), died)

    monkeypatch.setattr(engine, "Crew", OneDies)
    root = course(nb01_one=RECORDING)
    found = sweeps.points(["1"], {"seed": [0, 1, 2]}, root=root, workers=2)
    assert [point.error for point in found] == [None, "the process died (exit code 7)", None]


def run(capsys, **given) -> SimpleNamespace:
    ok = sweep_table.run(["1"], {"seed": [1, 3]}, given.get("csv"), given["as_json"], **given["on"])
    out, err = capsys.readouterr()
    return SimpleNamespace(ok=ok, out=out, err=err)


def test_the_table_as_text_json_and_csv(course, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    on = {"root": course(nb01_one=RECORDING), "workers": 1}
    target = tmp_path / "deep" / "found.csv"
    ran = run(capsys, csv=target, as_json=False, on=on)
    assert not ran.ok
    assert "01_one seed=3: FAILED, ValueError: three is too many, " in ran.err
    assert f"written: {target}" in ran.err
    line = next(line for line in ran.out.splitlines() if "FAILED" in line)
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[0] == "3" and cells[3:] == ["6", "True", "-", "ValueError: three is too many"]
    rows = list(csv.DictReader(StringIO(target.read_text("utf-8"))))
    assert [(row["seed"], row["run"], row["after"]) for row in rows] == [
        ("1", "ok", "yes, all"),
        ("3", "FAILED", ""),
    ]
    told = json.loads(run(capsys, as_json=True, on=on).out)
    assert [(each["parameters"], each["ok"]) for each in told] == [
        ({"seed": 1}, True),
        ({"seed": 3}, False),
    ]
    assert told[0]["records"]["after"] == "yes, all" and told[1]["output"] is None


def test_json_has_no_word_for_infinity(course, capsys) -> None:
    code = "\n# %%\nfrom marslab.lab.claims import record\nrecord('loss', seed / 1.0)\n"
    grid = {"seed": [float("inf"), float("nan")]}
    root = course(nb01_one=code)
    assert sweep_table.run(["1"], grid, None, True, root=root, workers=1)
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [each["records"]["loss"] for each in told] == ["inf", "nan"]


def test_an_interrupted_sweep_shows_what_is_done(course, capsys, monkeypatch, tmp_path) -> None:
    root, target, real = course(nb01_one=RECORDING), tmp_path / "found.csv", engine.run_one

    def stopping(job: engine.Job) -> object:
        if job.parameters["seed"] == 2:
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(engine, "run_one", stopping)
    with pytest.raises(KeyboardInterrupt):
        sweep_table.run(["1"], {"seed": [1, 2]}, target, False, root=root, workers=1)
    assert len(target.read_text("utf-8").splitlines()) == 2
    assert "double" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", "found.txt", "found.ipynb"])
def test_a_table_goes_to_a_csv_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"no name for a table: give a file, as results\.csv"):
        sweep_table.run(["1"], {"seed": [1]}, tmp_path / name, False)
