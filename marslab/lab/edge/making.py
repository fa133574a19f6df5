"""One trained model, and what is made of it."""

import copy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from marslab.compress.distilling import taught_by
from marslab.compress.int8 import to_int8
from marslab.compress.pruning import make_permanent, prune
from marslab.compress.pt2e import convert, prepare_qat, to_static_int8
from marslab.config import override, read_preset
from marslab.lab.edge.plan import EdgePlan
from marslab.learning.fit import fit
from marslab.learning.mars import MarsTrainer
from marslab.learning.mars_plan import MarsTraining
from marslab.seeding import seed_everything
from marslab.systems.mars.deployed import MarsDeployed
from marslab.systems.mars.model import MarsModel
from marslab.systems.registry import build
from marslab.tasks import Split

BATCH = 128  # examples at once when ranges are found
FIRST = "fp32"
DYNAMIC = "int8, dynamic"  # runs in torch alone


def variants(plan: EdgePlan, split: Split, seed: int) -> dict[str, nn.Module]:
    """Train the plan's model from `seed`, and return it under FIRST with all that is made of it.

    The order where steps meet is prune, fine-tune, train rounded, convert (erratum M37).
    """
    whole = _whole(plan, split, seed)
    pruned = _pruned(whole, plan, split, seed, structured=False)
    rows = _pruned(whole, plan, split, seed, structured=True)
    student = _student(whole, plan, split, seed)
    return {
        FIRST: whole.eval(),
        DYNAMIC: to_int8(copy.deepcopy(whole), activations="int8", skip=()),
        "int8, static": _static(whole, plan, split),
        "int8, trained": _trained_rounded(whole, plan, split, seed),
        "pruned": make_permanent(copy.deepcopy(pruned)).eval(),
        "pruned rows": make_permanent(rows).eval(),
        "pruned, int8 trained": _trained_rounded(pruned, plan, split, seed),
        "distilled": student.eval(),
        "distilled, int8 static": _static(student, plan, split),
    }


def _whole(plan: EdgePlan, split: Split, seed: int) -> nn.Module:
    seed_everything(seed)
    whole = build(plan.preset, plan.overrides)
    if isinstance(whole, MarsModel):
        return _mars(whole, plan, split, seed)
    fit(whole, split, epochs=plan.epochs, lr=plan.lr, seed=seed)
    return whole


def _mars(model: MarsModel, plan: EdgePlan, split: Split, seed: int) -> nn.Module:
    """Train by MARS's own way, deep supervision and a memory; return it as it is deployed."""
    training = override(MarsTraining(), read_preset(plan.preset).get("training", {}))
    training = override(training, {"epochs": plan.epochs, "lr": plan.lr})
    with TemporaryDirectory(prefix="marslab-edge-mars-") as folder:
        trainer = MarsTrainer(model.config, training, split, Path(folder), seed=seed)
        trainer.run()
    return MarsDeployed(trainer.model, depth=1)


def _pruned(
    whole: nn.Module, plan: EdgePlan, split: Split, seed: int, *, structured: bool
) -> nn.Module:
    model = prune(copy.deepcopy(whole), plan.share, structured=structured)
    fit(model, split, epochs=plan.fine_epochs, lr=plan.fine_lr, seed=seed)
    return model


def _student(teacher: nn.Module, plan: EdgePlan, split: Split, seed: int) -> nn.Module:
    student = build(plan.preset, {**plan.overrides, **plan.student})
    student = MarsDeployed(student, depth=1) if isinstance(student, MarsModel) else student
    loss = taught_by(teacher, T=plan.T, alpha=plan.alpha)
    fit(student, split, epochs=plan.student_epochs, lr=plan.lr, seed=seed, objective=loss)
    return student


def _static(model: nn.Module, plan: EdgePlan, split: Split) -> nn.Module:
    seen = split.train_x[: plan.calibration]
    return to_static_int8(model, seen[:1], seen.split(BATCH))


def _trained_rounded(model: nn.Module, plan: EdgePlan, split: Split, seed: int) -> nn.Module:
    rounded = prepare_qat(model, split.train_x[:1])
    fit(rounded, split, epochs=plan.qat_epochs, lr=plan.fine_lr, seed=seed)
    return convert(rounded)


def quick(plan: EdgePlan) -> EdgePlan:
    """The plan with a small model and one epoch of everything, to see that all of it runs.

    >>> quick(EdgePlan()).seeds
    (0,)
    """
    depth = "layers" if plan.preset.startswith("mars-") else "blocks"
    small = {**plan.overrides, "d_model": 24, depth: 1}
    brief = {"epochs": 2, "student_epochs": 2, "fine_epochs": 1, "qat_epochs": 1, "repeats": 20}
    return replace(plan, overrides=small, student={"d_model": 16}, seeds=plan.seeds[:1], **brief)
