"""How well a MARS does on held-out data: by depth, with its halting, and what thinking costs."""

import torch
from torch import Tensor

from marslab.systems.mars.model import MarsModel
from marslab.tasks import Split

TOGETHER = 512  # examples that are examined at once


@torch.no_grad()
def scores(model: MarsModel, split: Split, *, brief: bool = False) -> dict[str, float]:
    """Return shares of the held-out examples that are right, 0..1, rounded to 4 digits.

    `held_out` is with halting, as in use; `depth_k` with exactly k refinements; `ponder` is the
    mean of the refinements taken with halting. `brief` gives `held_out` alone.
    """
    training = model.training
    model.eval()
    chosen, taken = _asked(model, split.test_x, None, halt=True)
    found = {"held_out": _right(chosen, split.test_y)}
    if not brief and model.reasoner is not None:
        found["ponder"] = round(taken.double().mean().item(), 4)
        for depth in range(1, model.config.reasoner.max_depth + 1):
            answered, _ = _asked(model, split.test_x, depth, halt=False)
            found[f"depth_{depth}"] = _right(answered, split.test_y)
    model.train(training)
    return found


def _asked(model: MarsModel, x: Tensor, depth: int | None, *, halt: bool) -> tuple[Tensor, Tensor]:
    """Classes answered and refinements taken, both [n]."""
    found = [model.answer(part, depth, halt=halt) for part in x.split(TOGETHER)]
    return torch.cat([f.logits.argmax(-1) for f in found]), torch.cat([f.depth for f in found])


def _right(answered: Tensor, y: Tensor) -> float:
    return round((answered == y).double().mean().item(), 4)
