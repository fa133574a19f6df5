"""The task "continual", and `continual`: tidy figures, R, intervals, and runs that stay."""

from pathlib import Path

import pytest
import torch

from marslab.errors import UserError
from marslab.lab.ablation.ablate import ablate
from marslab.lab.ablation.continual import ContinualResults, continual, continual_study
from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.statistics import interval
from marslab.lab.ablation.study import find_study
from marslab.lab.ablation.tasks import Trial, find
from marslab.lab.ablation.tasks.continual import ContinualSettings
from marslab.learning.continual.methods import METHODS
from marslab.learning.continual.metrics import scores

QUICK = {"epochs": 1, "hidden": 16, "lr": 0.01}


def figures(**settings) -> dict[str, float]:
    found = find("continual").run(Trial(None, ContinualSettings(**(QUICK | settings)), 0))
    assert [x for x, _ in found.curve] == [1, 2, 3, 4, 5]
    return found.metrics


def test_a_run_tells_r_and_what_follows_from_it() -> None:
    found = figures(method="replay")
    R = torch.tensor([[found[f"R[{i},{j}]"] for j in range(1, 6)] for i in range(1, 6)])
    b = torch.tensor([found[f"b[{j}]"] for j in range(1, 6)])
    for name, value in scores(R, b)._asdict().items():
        assert found[name] == pytest.approx(value, abs=1e-6)
    assert found["memory"] == 200 * (64 * 4 + 8 + 10) and found["growth"] == 0
    assert found["needs_task_id"] == 0 and found["weights"] == 64 * 16 + 16 + 160 + 10


def test_validation_scores_on_other_examples() -> None:
    assert figures(scored="validation") != figures()
    assert figures() == figures()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "ewd"}, "Did you mean 'ewc'"),
        ({"scenario": "split-digits"}, "there is no scenario"),
        ({"method": "joint", "strength": 1.0}, "joint has no strength"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"lr": 0}, "lr must be positive"),
    ],
)
def test_what_cannot_be_is_refused_before_a_run(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ContinualSettings(**settings)


def test_the_shipped_studies_can_be_run() -> None:
    for name, scenario in (("", "split-digits-class"), ("-task", "split-digits-task")):
        main = plan(find_study(f"continual-digits{name}"))
        assert {v.settings.scenario for v in main.variants} == {scenario}
        assert {v.settings.method for v in main.variants} == set(METHODS)
    sweep = plan(find_study("continual-ewc-lambda"))
    assert {v.settings.scored for v in sweep.variants} == {"validation"}
    assert sweep.variants[0].settings.strength == 1000  # the printed one


def test_tables_and_a_second_call_that_runs_nothing(tmp_path: Path, here: list[str]) -> None:
    def go():
        return continual(
            "split-digits-class", ["naive", "replay"], seeds=3, budget=QUICK, home=tmp_path
        )

    found = go()
    assert len(here) == 6
    frame, table = found.frame(), found.table()
    assert len(frame) == 6 and set(frame["seed"]) == {0, 1, 2}
    assert list(table["method"]) == ["naive", "replay"] and list(table["runs"]) == [3, 3]
    of = frame[frame["method"] == "replay"]["bwt"].tolist()
    row = table.iloc[1]
    assert (row["bwt"], row["bwt_low"], row["bwt_high"]) == interval(of)[:3]
    assert min(table["seconds"].tolist()) > 0
    R = found.matrix("split-digits-class", "replay")
    expected = frame[frame["method"] == "replay"]["R[5,2]"].mean()
    assert R.shape == (5, 5) and R.loc[5, 2] == pytest.approx(expected)
    with pytest.raises(UserError, match="no run of ewc on split-digits-class"):
        found.matrix("split-digits-class", "ewc")
    again = go()
    assert len(here) == 6 and again.frame().equals(frame)


def test_a_study_that_names_its_scenario_in_the_budget_has_tables_too(
    tmp_path: Path, here: list[str]
) -> None:
    study = find_study("continual-digits-task").replaced(
        seeds=[0], grid={"task.method": ["naive", "replay"]}
    )
    budget = QUICK | {"scenario": "split-digits-task"}
    found = ContinualResults(ablate(study, budget=budget, home=tmp_path))
    assert found.matrix("split-digits-task", "replay").shape == (5, 5) and len(here) == 2
    assert set(found.table()["scenario"]) == {"split-digits-task"}


def test_arguments_become_a_study() -> None:
    study = continual_study(["split-digits-task"], "ewc", seeds=[4, 7], budget={"strength": 10.0})
    assert study.seeds == (4, 7) and study.mode == "product"
    assert plan(study).variants[0].settings.strength == 10
