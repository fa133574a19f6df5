"""MARS on continual learning: EWC with HDC replay on four scenarios, and what scores can be."""

from functools import cache
from statistics import mean
from typing import NamedTuple

import torch

from marslab.lab.claims.outcome import Outcome
from marslab.learning.continual import Budget, bwt_limit, learn_tasks, make_method, mlp
from marslab.learning.continual.runner import Sequence
from marslab.tasks.continual import SCENARIOS, find_scenario

MARS, SEEDS = "ewc-hdc-replay", (0, 1)  # with the printed lambda, 1000
BUDGET = Budget(epochs=5, lr=2e-3)
SHORT = {
    "split-digits-class": "split",
    "split-digits-task": "split_told",
    "permuted-digits": "permuted",
    "rotated-digits": "rotated",
}


class Scored(NamedTuple):
    """The means over the seeds for one scenario."""

    average: float
    bwt: float
    fwt: float
    forgetting: float
    bwt_limit: float
    fwt_limit: float


def backward() -> Outcome:
    """BWT in each scenario, and the most that it could be with the accuracies just learned."""
    found = _measured()
    best = max(found, key=lambda name: found[name].bwt)
    limits = [each.bwt_limit for each in found.values()]
    figures = {"best_bwt": found[best].bwt, "largest_possible": max(limits)}
    figures |= {f"bwt_{name}": each.bwt for name, each in found.items()}
    says = (
        "BWT is the accuracy at the end less that just after learning, so 0.9 takes tasks that are "
        f"learned to 10 % or less. Here it is {figures['best_bwt']:+.2f} at best ({best}), "
        f"{min(each.bwt for each in found.values()):+.2f} at worst, and could be at most "
        f"{max(limits):+.2f}."
    )
    return Outcome(figures, says)


def forgotten() -> Outcome:
    """Forgetting in each scenario, and beside it how much was there to be forgotten."""
    found, joint = _measured(), _joint()
    below = [name for name, each in found.items() if each.forgetting < 0.05]
    worst = max(found, key=lambda name: found[name].forgetting)
    learned = {name: 1 - each.bwt_limit for name, each in found.items()}
    figures: dict[str, float] = {"scenarios_below_5_percent": len(below)}
    figures["least_just_learned"] = min(learned.values())
    figures |= {f"forgetting_{name}": each.forgetting for name, each in found.items()}
    figures |= {f"average_{name}": each.average for name, each in found.items()}
    figures |= {f"average_joint_{name}": value for name, value in joint.items()}
    says = (
        f"Forgetting is below 5 % in {len(below)} of {len(found)} scenarios, at worst "
        f"{found[worst].forgetting:.1%} ({worst}). But springs this stiff also keep new tasks out: "
        f"just taught, they are known to {learned['split']:.0%} where no task is told. The average "
        f"at the end is {found['split'].average:.0%} there, with all tasks at once "
        f"{joint['split']:.0%}."
    )
    return Outcome(figures, says)


def forward() -> Outcome:
    """FWT in each scenario, and the most that it could be against the untrained network."""
    found = _measured()
    best = max(found, key=lambda name: found[name].fwt)
    figures = {"best_fwt": found[best].fwt, "possible_there": found[best].fwt_limit}
    figures |= {f"fwt_{name}": each.fwt for name, each in found.items()}
    says = (
        f"FWT is {figures['best_fwt']:+.2f} at best ({best}, where a task looks like the one "
        f"before; at most {figures['possible_there']:.2f} there). Classes that were not taught yet "
        f"are never answered: {found['split'].fwt:+.2f}."
    )
    return Outcome(figures, says)


@cache
def _measured() -> dict[str, Scored]:
    return {
        SHORT[scenario]: _scored([_learned(scenario, MARS, seed) for seed in SEEDS])
        for scenario in SCENARIOS
    }


def _joint() -> dict[str, float]:
    return {
        short: mean(_learned(scenario, "joint", seed).scores.average for seed in SEEDS)
        for scenario, short in SHORT.items()
        if short.startswith("split")
    }


def _learned(scenario: str, method: str, seed: int) -> Sequence:
    tasks = find_scenario(scenario)
    torch.manual_seed(seed)
    return learn_tasks(tasks, mlp(tasks), make_method(method, seed=seed), BUDGET, seed=seed)


def _scored(runs: list[Sequence]) -> Scored:
    rows = [(*run.scores, bwt_limit(run.R), 1 - run.untrained[1:].mean().item()) for run in runs]
    return Scored(*map(mean, zip(*rows, strict=True)))
