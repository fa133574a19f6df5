"""How well a MARS does on held-out data: by depth, with its halting, and what thinking costs."""

from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor

from marslab.systems.mars.model import MarsModel
from marslab.tasks import Split
from marslab.tracing import trace

TOGETHER = 512  # examples that are examined at once


def as_parts(split: Split | Mapping[str, Split]) -> Mapping[str, Split]:
    """Data of several forms by name, or of one form without one."""
    return {"": split} if isinstance(split, Split) else split


@torch.no_grad()
def scores(
    model: MarsModel, split: Split | Mapping[str, Split], *, brief: bool = False
) -> dict[str, float]:
    """Return shares of the held-out examples that are right, 0..1, rounded to 4 digits.

    `held_out` is with halting, as in use; `depth_k` with exactly k refinements; `ponder` is the
    mean of the refinements taken with halting. `brief` gives `held_out` alone. Of several parts,
    `held_out_NAME` is the share of one, the others are of all examples.
    """
    training, parts = model.training, as_parts(split)
    model.eval()
    asked = {name: _asked(model, part, None, halt=True) for name, part in parts.items()}
    found = {"held_out": _right(torch.cat([right for right, _ in asked.values()]))}
    if not brief and len(parts) > 1:
        found |= {f"held_out_{name}": _right(right) for name, (right, _) in asked.items()}
    if not brief and model.reasoner is not None:
        taken = torch.cat([depth for _, depth in asked.values()])
        found["ponder"] = round(taken.double().mean().item(), 4)
        for depth in range(1, model.config.reasoner.max_depth + 1):
            right = [_asked(model, part, depth, halt=False)[0] for part in parts.values()]
            found[f"depth_{depth}"] = _right(torch.cat(right))
    model.train(training)
    return found


@torch.no_grad()
def sharing(model: MarsModel, parts: Mapping[str, Split]) -> dict[str, float]:
    """Return how well a memory that one part alone wrote is asked by another part.

    `A_by_B` is the share of held-out examples of B for which, in a memory of the training examples
    of A, the class most like them is their own. Without a memory, or with one part, nothing.
    """
    if model.memory is None or len(parts) < 2:
        return {}
    asked = deepcopy(model).eval()
    found = {}
    for written, part in parts.items():
        assert asked.memory is not None
        asked.memory.clear()
        remember(asked, part)
        for name, other in parts.items():
            found[f"{written}_by_{name}"] = _right(_nearest(asked, other) == other.test_y)
    return found


def remember(model: MarsModel, part: Split) -> None:
    """Write every training example of a part into the memory, under its class."""
    for rows in torch.arange(len(part.train_y)).split(TOGETHER):
        model.remember(part.train_x[rows], part.train_y[rows])


def _nearest(model: MarsModel, part: Split) -> Tensor:
    """The class [n] whose place in the memory is most like each held-out example."""
    with trace() as seen:
        for rows in torch.arange(len(part.test_y)).split(TOGETHER):
            model.answer(part.test_x[rows], 1)
    cosines = [torch.as_tensor(e.fields["cosines"]) for e in seen.events if e.name == "memory"]
    return torch.cat(cosines).argmax(-1).to(part.test_y.device)


def _asked(
    model: MarsModel, part: Split, depth: int | None, *, halt: bool
) -> tuple[Tensor, Tensor]:
    """Which held-out answers are right, and the refinements taken, both [n]."""
    found = [
        model.answer(part.test_x[rows], depth, halt=halt)
        for rows in torch.arange(len(part.test_y)).split(TOGETHER)
    ]
    chosen = torch.cat([f.logits.argmax(-1) for f in found])
    return chosen == part.test_y, torch.cat([f.depth for f in found])


def _right(found: Tensor) -> float:
    return round(found.double().mean().item(), 4)
