"""Study files: what they may say, the sentence for what they may not, what they mean."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marslab.errors import UserError
from marslab.lab.ablation import Study, read_study
from marslab.lab.ablation.ablate import resolve
from marslab.lab.ablation.changes import grid_of, values_of
from marslab.lab.ablation.plan import Plan, plan
from marslab.lab.ablation.study import find_study, from_values, shipped, unnamed

STUDY = """
study: parts
preset: digits-scan
task: digits
budget: {epochs: 2, seconds: 60}
seeds: [0, 3]
mode: each
grid:
  ssm.enabled: [true, false]
  ssm.d_state: [8, 1, 4]
  task.lr: [1e-2, 1e-3]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "parts.yaml"
    file.write_text(text)
    return file


def variants(made: Plan) -> list[str]:
    return [variant.name for variant in made.variants]


def test_a_file_is_read_and_resolved(tmp_path: Path) -> None:
    made = plan(read_study(written(tmp_path, STUDY)))
    assert variants(made) == [
        "baseline",
        "ssm.enabled=false",
        "ssm.d_state=1",
        "ssm.d_state=4",
        "task.lr=0.001",
    ]
    assert [(job.variant, job.seed) for job in made.jobs][:3] == [
        ("baseline", 0),
        ("baseline", 3),
        ("ssm.enabled=false", 0),
    ]
    last = made.variants[-1]
    assert last.config.ssm.d_state == 8 and last.settings.lr == 0.001
    assert made.variants[2].changes == {"ssm.d_state": 1}
    assert made.variants[2].config.ssm.d_state == 1
    # from the budget; from the preset's training
    assert (last.settings.epochs, last.settings.batch) == (2, 64)
    assert made.jobs[0].seconds == 60


WRONG = [
    ("mode: each", "mode: al", "parts.yaml: mode should be 'each' or 'product', got 'al'"),
    ("seeds:", "seed:", "parts.yaml: there is no setting 'seed'. Did you mean 'seeds'?"),
    ("seeds: [0, 3]", "seeds: []", "parts.yaml: seeds is empty: name at least one"),
    ("seeds: [0, 3]", "seeds: [1, 1]", r"parts.yaml: seeds must differ, got \[1, 1\]"),
    ("seeds: [0, 3]", "seeds: [-1]", "parts.yaml: seeds must be from 0 to 4294967295, got -1"),
    ("seconds: 60", "seconds: 0", "budget.seconds must be a positive number, got 0"),
    ("study: parts", "study: ../parts", "the name of a study is letters, digits"),
    ("[8, 1, 4]", "[]", "parts.yaml: grid: ssm.d_state has no values: give the baseline's first"),
    ("study: parts\n", "", "parts.yaml: study is missing"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_a_file_that_is_no_study_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in STUDY
    with pytest.raises(UserError, match=told):
        read_study(written(tmp_path, STUDY.replace(old, new)))


MEANT = [
    ("ssm.enabled: ", "ssm.enabeld: ", "study parts: grid: .* Did you mean 'ssm.enabled'?"),
    ("ssm.enabled: ", "task.epoch: ", "grid: .*'task.epoch'. Did you mean 'task.epochs'?"),
    ("epochs: 2", "epoch: 2", "budget: there is no setting 'epoch'. Did you mean 'epochs'?"),
    ("epochs: 2", "epochs: 0", "study parts: epochs must be positive, got 0"),
    ("epochs: 2", "epochs: two", "study parts: epochs should be a valid integer, got 'two'"),
    ("[8, 1, 4]", "[8, 0]", "grid: ssm.d_state=0: ssm.d_state must be positive, got 0"),
    ("digits-scan", "digit-scan", "there is no preset 'digit-scan'. Did you mean 'digits-scan'?"),
    ("task: digits", "task: digit", "there is no task 'digit'. Did you mean 'digits'?"),
    ("mode: each", "metric: held", "there is no metric 'held'. Did you mean 'held_out'?"),
    ("preset: digits-scan\n", "", "the task digits trains a model: name a preset"),
    ("task: digits", "task: scan", "the task scan has no model: leave the preset out"),
]


@pytest.mark.parametrize(("old", "new", "told"), MEANT)
def test_what_a_study_cannot_mean_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in STUDY
    with pytest.raises(UserError, match=told):
        plan(read_study(written(tmp_path, STUDY.replace(old, new, 1))))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError, match="the study gone.yaml cannot be read: No such file"):
        find_study("gone.yaml")
    with pytest.raises(UserError, match="Did you mean 'digits-scan-parts'?"):
        find_study("digits-scan-part")
    with pytest.raises(UserError, match="digits-scan is a preset: say what to change"):
        find_study("digits-scan")


def test_a_product_holds_every_combination_once(study: Callable[..., Study]) -> None:
    made = plan(study({"task.width": [1, 2, 1], "task.wait": [0, 0.0, 1]}, mode="product"))
    assert variants(made) == [
        "baseline",
        "task.wait=1",
        "task.width=2",
        "task.width=2, task.wait=1",
    ]
    assert len({job.id for job in made.jobs}) == len(made.jobs) == 4 * 3


def test_each_leaves_the_baseline_one_setting_at_a_time(study: Callable[..., Study]) -> None:
    made = plan(study({"task.width": [2, 1], "task.wait": [0.5, 0.0]}))
    assert variants(made) == ["baseline", "task.width=1", "task.wait=0.0"]
    assert [(v.settings.width, v.settings.wait) for v in made.variants] == [
        (2, 0.5),
        (1, 0.5),
        (2, 0.0),
    ]


def test_a_grid_without_bounds_is_refused(study: Callable[..., Study]) -> None:
    axis = list(range(1, 101))
    grid = {"task.width": axis, "task.wait": axis}
    with pytest.raises(UserError, match="asks for 30,000 runs, the most is 10,000"):
        plan(study(grid, mode="product"))
    assert len(plan(study(grid, seeds=(0,))).jobs) == 199


def test_the_id_of_a_run_is_what_it_computes(study: Callable[..., Study]) -> None:
    def ids(grid: dict[str, list[Any]], **fields: Any) -> set[str]:
        return {job.id for job in plan(study(grid, **fields)).jobs}

    one = ids({"task.width": [1, 2]}, seeds=(0,))
    assert ids({"task.width": [2, 1]}, seeds=(0,), study="other", title="x") == one
    assert ids({"task.width": [1, 2]}, seeds=(0,), budget={"seconds": 3}) == one
    assert ids({"task.width": [1, 2]}, seeds=(1,)) & one == set()
    assert ids({"task.width": [1, 2]}, seeds=(0,), budget={"wait": 1}) & one == set()


def test_a_study_survives_its_own_writing(tmp_path: Path) -> None:
    made = read_study(written(tmp_path, STUDY))
    assert from_values(made.to_dict(), "here") == made


@pytest.mark.parametrize("name", sorted(shipped()))
def test_each_shipped_study_is_sound(name: str) -> None:
    found = find_study(name)
    assert found.study == name and found.title
    assert 3 <= len(plan(found).jobs) <= 400


def test_the_same_change_of_a_preset_is_the_same_study() -> None:
    def name(seeds: int, **budget: Any) -> str:
        return resolve("digits-scan", {"ssm.gate": [True, False]}, seeds=seeds, budget=budget).study

    assert name(1) == name(3) != name(3, epochs=2)


def test_what_ablate_is_given_must_fit_together() -> None:
    grid = {"ssm.gate": [True, False]}
    parts = find_study("digits-scan-parts")
    with pytest.raises(UserError, match="has a grid"):
        resolve(parts, grid)
    with pytest.raises(UserError, match="a study has its task and its mode"):
        resolve(parts, mode="product")
    with pytest.raises(UserError, match="seeds must be at least 1, got 0"):
        resolve(parts, seeds=0)
    changed = resolve(parts, seeds=[4], budget={"lr": 0.1})
    assert changed.seeds == (4,) and changed.budget == parts.budget | {"lr": 0.1}
    with pytest.raises(UserError, match="the grid holds what a study cannot"):
        resolve("digits-scan", {"ssm.gate": [object()]})
    long = unnamed("p", {"x" * 90: [1]}, task="tiny", budget={}, seeds=[0], mode="each")
    assert len(long.study) < 100


def test_the_one_liner_becomes_a_grid() -> None:
    assert grid_of("digits-scan", ["ssm.gate"], ["ssm.discretisation=zoh,euler"]) == {
        "ssm.gate": [True, False],
        "ssm.discretisation": ["zoh", "euler"],
    }
    assert values_of("ssm.step_largest = 1e-1, 1", "--set") == ("ssm.step_largest", [0.1, 1])


@pytest.mark.parametrize(
    ("off", "sets", "told"),
    [
        ("ssm.gat", "ssm.d_state=1", "there is no setting 'ssm.gat'. Did you mean 'ssm.gate'?"),
        ("ssm.d_state", "a=1", "ssm.d_state is 8: use --set ssm.d_state=8,... with the values"),
        ("ssm.gate", "ssm.gate=true", "ssm.gate is given twice"),
        ("ssm.gate", "ssm.d_state", "--set takes NAME=VALUE, as ssm.d_state=8,1"),
        ("ssm.gate", "ssm.d_state=[", "--set ssm.d_state=.* is not plain YAML"),
    ],
)
def test_a_one_liner_that_makes_no_sense_is_told(off: str, sets: str, told: str) -> None:
    with pytest.raises(UserError, match=told.replace("[", r"\[")):
        grid_of("digits-scan", [off], [sets])
