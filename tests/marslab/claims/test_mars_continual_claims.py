"""What MARS promises of continual learning: what the figures mean, and that the sums can be so."""

import pytest
import torch

from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs import mars_continual
from marslab.learning.continual.runner import Sequence
from marslab.tasks.continual import SCENARIOS


def figures(outcome: Outcome) -> dict[str, float]:
    return {name: float(value) for name, value in outcome.figures.items()}


def test_means_are_taken_score_by_score() -> None:
    runs = [
        Sequence(torch.tensor([[high, 0.25], [0.25, 1.0]]), torch.tensor([0.5, 0.25]), (0, 0))
        for high in (0.75, 0.5)
    ]
    found = mars_continual._scored(runs)
    assert found == (0.625, -0.375, 0.0, 0.375, 0.375, 0.75)
    assert set(mars_continual.SHORT) == set(SCENARIOS)


@pytest.mark.slow
def test_a_backward_transfer_of_nine_tenths_is_out_of_reach() -> None:
    """M39."""
    found = figures(mars_continual.backward())
    assert found["best_bwt"] < found["largest_possible"] < 0.5
    assert -0.2 < found["bwt_split"] and found["best_bwt"] < 0.1
    forward = figures(mars_continual.forward())
    assert forward["best_fwt"] == forward["fwt_rotated"] < forward["possible_there"]
    assert forward["fwt_split"] <= 0 < 0.2 < forward["fwt_rotated"] < 0.85


@pytest.mark.slow
def test_stiff_springs_forget_little_and_learn_little() -> None:
    found = figures(mars_continual.forgotten())
    below = sum(value < 0.05 for name, value in found.items() if name.startswith("forgetting_"))
    assert found["forgetting_split_told"] < 0.05 and found["scenarios_below_5_percent"] == below
    assert found["least_just_learned"] < 0.8 and found["average_split_told"] > 0.85
    assert found["average_split"] < found["average_joint_split"] - 0.2
