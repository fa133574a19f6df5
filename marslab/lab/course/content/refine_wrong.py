"""Known wrong answers to the exercises of notebook 37, and what whoever gives one is told."""

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.lab.course.registry import Wrong

States = tuple[Tensor, Tensor]


def net(s: Tensor, W: Tensor) -> Tensor:
    """The one net of the exercise: tanh(s W)."""
    return torch.tanh(s @ W)


def row_losses(logits: Tensor, right: Tensor) -> Tensor:
    """The cross entropy of each logit with its truth value, or with a share of truth, [B]."""
    return F.binary_cross_entropy_with_logits(logits, right.to(logits.dtype), reduction="none")


def _latent(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> Tensor:
    for _ in range(n):
        z = net(x + y + z, W)
    return z


def _without_x(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    z = _latent(torch.zeros_like(x), z, y, W, n)
    return z, net(y + z, W)


def _without_y(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    z = _latent(x, z, torch.zeros_like(y), W, n)
    return z, net(y + z, W)


def _two_cells(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    z = _latent(x, z, y, W, n)
    return z, net(y, W)


def _early(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    return _latent(x, z, y, W, n), net(y + z, W)


def _with_x(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    z = _latent(x, z, y, W, n)
    return z, net(x + y + z, W)


def _each_time(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    for _ in range(n):
        z = net(x + y + z, W)
        y = net(y + z, W)
    return z, y


def _once(x: Tensor, z: Tensor, y: Tensor, W: Tensor, n: int) -> States:
    z = _latent(x, z, y, W, 1)
    return z, net(y + z, W)


REFINE = (
    Wrong("the question is forgotten", _without_x, "when x is left out: it enters at each z."),
    Wrong(
        "the answer is not looked at",
        _without_y,
        "when z does not see y: the latent state works on the answer that there is.",
    ),
    Wrong(
        "two cells that never meet",
        _two_cells,
        "when y does not see z: then nobody ever hears of the latent state.",
    ),
    Wrong("the old latent", _early, "when y takes z as it was before the steps."),
    Wrong("the question in the answer", _with_x, "when x enters at y too: it enters at z alone."),
    Wrong(
        "an answer each time", _each_time, "when y changes after each z: it comes once, at last."
    ),
    Wrong("one step", _once, "when z takes one step in place of n."),
)


def _cells(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return row_losses(q, (answers == targets).to(q.dtype).mean(1)).mean()


def _any(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return row_losses(q, (answers == targets).any(1)).mean()


def _refine_on(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return row_losses(q, ~(answers == targets).all(1)).mean()


def _batch(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return row_losses(q.mean(), (answers == targets).all())


def _squared(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return (q.sigmoid() - (answers == targets).all(1).to(q.dtype)).square().mean()


def _twice(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return row_losses(q.sigmoid(), (answers == targets).all(1)).mean()


def _sum(q: Tensor, answers: Tensor, targets: Tensor) -> Tensor:
    return row_losses(q, (answers == targets).all(1)).sum()


HALTING = (
    Wrong(
        "a share is right",
        _cells,
        "when the target is the share of right places: an answer is right or it is not.",
    ),
    Wrong("one place is enough", _any, "when one right place makes an answer right."),
    Wrong(
        "should refine",
        _refine_on,
        "when the target is upside down: q is high where the answer is right.",
    ),
    Wrong("one for all", _batch, "when the whole batch is judged as one: each row has its own."),
    Wrong("a distance", _squared, "when the squared error is taken in place of the cross entropy."),
    Wrong("sigmoid twice", _twice, "when the logits go through a sigmoid before the loss does it."),
    Wrong("a sum", _sum, "when the rows are summed: take their mean."),
)


def first_above(sure: Tensor, halt: float) -> Tensor:
    """The refinement, counted from 1, at which each row's probability is above `halt`; else T."""
    above = sure > halt
    above[:, -1] = True
    return above.int().argmax(1) + 1


def _from_zero(sure: Tensor, halt: float) -> Tensor:
    return first_above(sure, halt) - 1


def _together(sure: Tensor, halt: float) -> Tensor:
    return first_above(sure.mean(0, keepdim=True), halt).expand(len(sure)).clone()


def _never_is_first(sure: Tensor, halt: float) -> Tensor:
    return (sure > halt).int().argmax(1) + 1


def _surest(sure: Tensor, halt: float) -> Tensor:
    return sure.argmax(1) + 1


def _count(sure: Tensor, halt: float) -> Tensor:
    return ((sure <= halt).sum(1) + 1).clamp(max=sure.shape[1])


def _at_least(sure: Tensor, halt: float) -> Tensor:
    above = sure >= halt
    above[:, -1] = True
    return above.int().argmax(1) + 1


STOPS = (
    Wrong("from zero", _from_zero, "when refinements are counted from 0: the first one is 1."),
    Wrong(
        "the mean of the batch",
        _together,
        "when all rows stop together, at the mean of their probabilities, as printed.",
    ),
    Wrong(
        "never means at once",
        _never_is_first,
        "when a row that is never sure stops at 1: argmax of nothing but False is 0.",
    ),
    Wrong("the surest", _surest, "when the largest probability is taken: the first one counts."),
    Wrong("a count", _count, "when the unsure refinements are counted: q may fall again later."),
    Wrong("at least", _at_least, "when exactly `halt` is enough: it must be above."),
)
