"""The folder of a study: what is kept, what is told, and that nothing is lost."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marslab import home
from marslab.errors import UserError
from marslab.lab.ablation import Results, RunRecord, Study
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.execute import Place, Work
from marslab.lab.ablation.store import Store, studies

Made = Callable[..., Study]


def record(run: str = "a1", **fields: Any) -> RunRecord:
    base = {"study": "s", "variant": "baseline", "changes": {}, "seed": 0, "status": "done"}
    return RunRecord(**{"id": run, "metrics": {"score": 1.0}, "curve": [[1, 1.0]]} | base | fields)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "s")


def test_what_is_written_is_read(store: Store) -> None:
    one, two = record(), record("b2", status="failed", error="no", trace="...", metrics={})
    assert [store.write(each) for each in (one, two)] == [one, two]
    assert store.read() == ({"a1": one, "b2": two}, [])
    assert json.loads(store.path("a1").read_text())["kind"] == "study-run"


def test_the_first_result_stays_and_a_failure_makes_way(store: Store) -> None:
    first = store.write(record(seconds=1.0))
    before = store.path("a1").read_bytes()
    assert store.write(record(seconds=2.0)) == first
    assert store.write(record(status="failed", error="late")) == first
    assert store.path("a1").read_bytes() == before
    store.write(record("b2", status="failed", error="no"))
    assert store.write(record("b2")).status == "done"
    assert store.read()[0]["b2"].status == "done"


DAMAGE = [
    ("", "is no JSON"),
    ('{"kind": "study-ru', "is no JSON"),
    ("[" * 100_000, "is no JSON"),
    ('{"kind": "bench", "schema": 2}', "is not a study-run file of marslab: it says 'bench'"),
    ('{"kind": "study-run", "schema": 9}', "has format 9 of a study-run, this marslab reads 1"),
    ('{"kind": "study-run", "schema": 1, "id": "x"}', "is damaged: study, variant, changes"),
    (record("other").to_json(), "holds the run other: give it the name other.json"),
    (record("x").to_json().replace("done", "won"), "there is no status 'won'"),
    (record("x").to_json().replace('"seed": 0', '"seed": "0"'), "is damaged: seed"),
]


@pytest.mark.parametrize(("text", "told"), DAMAGE)
def test_a_file_that_is_no_run_is_named_and_the_others_read(
    store: Store, text: str, told: str
) -> None:
    store.write(record())
    store.path("x").write_text(text)
    found, (problem,) = store.read()
    assert list(found) == ["a1"]
    assert str(store.path("x")) in problem and told in problem


def test_bytes_that_are_no_text_are_named(store: Store) -> None:
    store.write(record())
    store.path("x").write_bytes(b"\xff\xfe{")
    assert len(store.read()[1]) == 1


def test_the_result_of_a_run_takes_the_place_of_a_damaged_file(store: Store) -> None:
    store.write(record())
    store.path("a1").write_text("torn")
    store.write(record())
    assert store.read() == ({"a1": record()}, [])
    (aside,) = [p for p in store.runs.iterdir() if p.name != "a1.json"]
    assert aside.read_text() == "torn" and aside.suffix != ".json"


@pytest.mark.usefixtures("here")
def test_fresh_moves_the_runs_aside(study: Made) -> None:
    made = study({"task.width": [1, 2]}, seeds=(0,))
    first = ablate(made)
    again = ablate(made, fresh=True)
    assert again.complete and again.folder == first.folder
    (aside,) = first.folder.glob("runs-before-*")
    assert len(list(aside.glob("*.json"))) == 2


def test_runs_of_other_code_are_told_and_kept(study: Made, here: list[str]) -> None:
    made = study({"task.width": [1, 2]}, seeds=(0,))
    folder = ablate(made).folder
    old = next((folder / "runs").glob("*.json"))
    content = json.loads(old.read_text()) | {"code": "0123456789ab"}
    old.write_text(json.dumps(content))
    work = Work(made)
    (note,) = work.notes
    assert note.startswith("1 of the 2 runs that are kept were made by other code (0123456789ab")
    assert "--fresh runs them again" in note
    assert work.missing == [] and len(here) == 2


def test_only_what_is_missing_is_run(study: Made, here: list[str]) -> None:
    ablate(study({"task.width": [1, 2]}, seeds=(0,)))
    results = ablate(study({"task.width": [2, 1, 3]}, seeds=(0, 1)))
    assert here == [
        *("baseline 0", "task.width=2 0"),
        *("baseline 1", "task.width=1 1", "task.width=3 0", "task.width=3 1"),
    ]
    # the run that was the baseline's has the name that it has now
    assert [(run.variant, run.seed) for run in results.runs][:3] == [
        ("baseline", 0),
        ("baseline", 1),
        ("task.width=1", 0),
    ]
    assert results.runs[2].changes == {"task.width": 1}


def test_a_failed_run_stays_until_it_is_tried_again(study: Made, here: list[str]) -> None:
    made = study({"task.act": ["score", "raise"]}, seeds=(0,))
    assert [run.status for run in ablate(made).runs] == ["done", "failed"]
    assert [run.status for run in ablate(made).runs] == ["done", "failed"]
    assert here == ["baseline 0", "task.act=raise 0"]
    ablate(made, retry=True)
    assert here[2:] == ["task.act=raise 0"]


def test_what_another_process_did_meanwhile_is_not_done_twice(study: Made, here: list[str]) -> None:
    made = study({"task.width": [1, 2]}, seeds=(0,))
    work, told = Work(made), []
    ablate(made)
    work.do(Place(), told.append)
    assert len(here) == 2 and [run.status for run in told] == ["done", "done"]


def test_results_are_found_by_name_and_by_folder(study: Made, here: list[str]) -> None:
    folder = ablate(study({"task.width": [1, 2]}, seeds=(0,))).folder
    assert folder == home.home() / "studies" / "tiny-study"
    assert studies() == ["tiny-study"]
    assert Results.load("tiny-study") == Results.load(folder)
    with pytest.raises(UserError, match="Did you mean 'tiny-study'?"):
        Results.load("tiny-studi")


@pytest.mark.parametrize("text", ["{", '{"kind": "study", "schema": 1}', '{"kind": "x"}'])
def test_a_damaged_study_is_told(study: Made, here: list[str], text: str) -> None:
    folder = ablate(study({"task.width": [1]}, seeds=(0,))).folder
    (folder / "study.json").write_text(text)
    with pytest.raises(UserError, match="study.json"):
        Results.load(folder)
    assert ablate(study({"task.width": [1]}, seeds=(0,))).complete  # running it again repairs it


def test_a_study_with_missing_runs_is_not_complete(study: Made, here: list[str]) -> None:
    results = ablate(study({"task.width": [1, 2]}, seeds=(0,)))
    assert results.complete
    fewer = dataclasses.replace(results, runs=results.runs[:1])
    assert not fewer.complete
    assert fewer.summary()["verdict"].tolist() == ["the baseline", "not run yet"]
