"""The task "hdc" and its shipped studies."""

import pytest

from marslab.lab.ablation.plan import plan
from marslab.lab.ablation.study import find_study
from marslab.lab.ablation.tasks import Trial, find
from marslab.learning.hdc import train_hdc
from marslab.learning.hdc_plan import HdcTraining


@pytest.mark.parametrize(("name", "runs"), [("hdc-encoders", 400), ("hdc-torchhd", 90)])
def test_a_shipped_study_means_what_it_says(name: str, runs: int) -> None:
    planned = plan(find_study(name))
    assert len(planned.jobs) == runs and planned.task.name == "hdc"


def test_a_run_is_a_training() -> None:
    settings = HdcTraining("wine", "online", dim=64, bits=4, epochs=2)
    found, score = find("hdc").run(Trial(None, settings, 1)).metrics, train_hdc(settings, 1)
    expected = {"held_out": score.held_out, "train": score.train, "class_bytes": 3 * 32}
    assert found == expected and 0.5 < score.held_out <= 1
