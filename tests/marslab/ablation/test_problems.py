"""The task "problems": a brain that is trained, and asked what it never saw."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marslab.config import override
from marslab.lab.ablation.tasks import Trial, find, problems
from marslab.lab.ablation.tasks.problems import ProblemsSettings
from marslab.seeding import seed_everything
from marslab.systems.tars.config import TarsConfig
from marslab.systems.tars.lm import TarsLM
from marslab.systems.tars.system import Tars
from marslab.tasks.corpus import Packed

from tars_models import SMALL


def trained(seed: int, steps: int, rounds: int = 0, **changes) -> tuple[dict[str, float], list]:
    seed_everything(seed)
    tars = Tars(override(TarsConfig(), SMALL | {"waves.count": 2} | changes))
    sizes: dict[str, Any] = {"tokens": 512, "length": 32, "count": 300, "asked": 20}
    plan = ProblemsSettings(steps=steps, families=("add",), device="cpu", rounds=rounds, **sizes)
    found = find("problems").run(Trial(tars, plan, seed))
    return found.metrics, list(found.curve)


@pytest.mark.slow
def test_it_learns_and_says_how_much() -> None:
    metrics, curve = trained(0, 60)
    assert set(metrics) == {"held_out", "pooled", "loss"} and 0 <= metrics["held_out"] <= 1
    assert len(curve) == 20 and metrics["loss"] < 0.8 * curve[0][1]
    assert trained(0, 3) == trained(0, 3) != trained(1, 3)


@pytest.mark.slow
def test_a_part_can_be_switched_off() -> None:
    assert trained(0, 2, **{"block.omega.enabled": False})[0]["loss"] > 0


@pytest.mark.slow
def test_with_the_pool_it_is_asked_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def all_right(lm: TarsLM, rows: Packed, rounds: int) -> Tensor:
        asked.append(rounds)
        return torch.ones(len(rows.ids), dtype=torch.bool)

    monkeypatch.setattr(problems, "flawless_pooled", all_right)
    with_rounds, without_rounds = (trained(0, 3, rounds=n)[0] for n in (2, 0))
    assert with_rounds["loss"] != without_rounds["loss"]  # the pool's loss reached the brain
    assert with_rounds["pooled"] == 1.0 and asked == [2]
    no_pool = trained(0, 3, rounds=2, **{"idme.enabled": False})[0]
    for each in (without_rounds, no_pool):
        assert each["pooled"] == each["held_out"] < 1
    assert asked == [2]
