"""Known wrong answers to the exercises of notebook 40, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

Springs = list[tuple[float, float]]


def _all(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    bwt, fwt = R[-1, :-1] - R.diagonal()[:-1], R.diagonal(1) - b[1:]
    best = R[:-1, :-1].amax(0) - R[-1, :-1]
    return bwt.mean().item(), fwt.mean().item(), best.mean().item()


def _over_all_tasks(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    bwt, fwt, forgotten = _all(R, b)
    share = (len(R) - 1) / len(R)
    return bwt * share, fwt * share, forgotten * share


def _mean_of_the_last_row(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    _, fwt, forgotten = _all(R, b)
    return R[-1, :-1].mean().item(), fwt, forgotten


def _minus_bwt(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    bwt, fwt, _ = _all(R, b)
    return bwt, fwt, -bwt


def _below_the_diagonal(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    bwt, _, forgotten = _all(R, b)
    return bwt, (R.diagonal(-1) - b[:-1]).mean().item(), forgotten


def _no_baseline(R: Tensor, b: Tensor) -> tuple[float, float, float]:
    bwt, _, forgotten = _all(R, b)
    return bwt, R.diagonal(1).mean().item(), forgotten


def _gradients(W: Tensor, x: Tensor, y: Tensor) -> Tensor:
    off = torch.eye(len(W), dtype=W.dtype)[y] - (x @ W.T).softmax(1)
    return off[:, :, None] * x[:, None, :]


def _of_p(W: Tensor, x: Tensor, y: Tensor) -> Tensor:
    p = (x @ W.T).softmax(1).gather(1, y[:, None])
    return (p[:, :, None] * _gradients(W, x, y)).square().mean(0)


def _only_the_label(W: Tensor, x: Tensor, y: Tensor) -> Tensor:
    own = torch.eye(len(W), dtype=W.dtype)[y]
    return (own[:, :, None] * _gradients(W, x, y)).square().mean(0)


def _rest(new: float, springs: Springs, strength: float) -> float:
    pull = strength * sum(F * old for F, old in springs)
    return (new + pull) / (1 + strength * sum(F for F, _ in springs))


def _means(new: float, springs: Springs, strength: float) -> float:
    return _rest(new, springs, strength / len(springs))


def _largest(x: Tensor, count: int) -> Tensor:
    mask = torch.zeros_like(x, dtype=torch.bool)
    mask[x.topk(count).indices] = True
    return mask


def _each_tensor(gradients: list[Tensor], share: float) -> list[Tensor]:
    return [_largest(g.abs(), max(1, int(share * len(g)))) for g in gradients]


def _pooled(x: Tensor, like: list[Tensor], count: int) -> list[Tensor]:
    return list(_largest(x, count).split([len(g) for g in like]))


def _none_of_few(gradients: list[Tensor], share: float) -> list[Tensor]:
    flat = torch.cat(gradients).abs()
    return _pooled(flat, gradients, int(share * len(flat)))


def _signed(gradients: list[Tensor], share: float) -> list[Tensor]:
    flat = torch.cat(gradients)
    return _pooled(flat, gradients, max(1, int(share * len(flat))))


def _smallest(gradients: list[Tensor], share: float) -> list[Tensor]:
    flat = -torch.cat(gradients).abs()
    return _pooled(flat, gradients, max(1, int(share * len(flat))))


SCORES = (
    Wrong(
        "divided by T",
        _over_all_tasks,
        "when the sums are divided by T: each has T - 1 terms.",
    ),
    Wrong(
        "the last row as BWT",
        _mean_of_the_last_row,
        "when BWT is the mean of the last row: it is that less the diagonal (M39).",
    ),
    Wrong(
        "forgetting as -BWT",
        _minus_bwt,
        "when forgetting is taken from the diagonal: it is from the best that a task ever had.",
    ),
    Wrong(
        "below the diagonal",
        _below_the_diagonal,
        "when FWT is read below the diagonal: R[i - 1, i] stands above it.",
    ),
    Wrong(
        "no baseline",
        _no_baseline,
        "when FWT is not compared with the untrained model: subtract b.",
    ),
)

IMPORTANCE = (
    Wrong(
        "the mean gradient squared",
        lambda W, x, y: _gradients(W, x, y).mean(0).square(),
        "when the gradients are averaged first and squared then: examples cancel out (M25).",
    ),
    Wrong(
        "not squared",
        lambda W, x, y: _gradients(W, x, y).abs().mean(0),
        "when sizes of gradients are averaged: take their squares.",
    ),
    Wrong(
        "a sum",
        lambda W, x, y: _gradients(W, x, y).square().sum(0),
        "when the squares are summed: take their mean, or lambda grows with the data.",
    ),
    Wrong(
        "of p and not of log p",
        _of_p,
        "when the gradient is that of p(y|x): it is that of its logarithm.",
    ),
    Wrong(
        "only the label's row",
        _only_the_label,
        "when only the row of the label gets a gradient: softmax ties all classes together.",
    ),
)

REST = (
    Wrong(
        "without the half",
        lambda new, springs, strength: _rest(new, springs, 2 * strength),
        "when the springs have no factor 1/2: they pull twice as hard (M26).",
    ),
    Wrong(
        "the last spring only",
        lambda new, springs, strength: _rest(new, springs[-1:], strength),
        "when only the last task has a spring: the ones before are overwritten (M27).",
    ),
    Wrong(
        "the mean of the springs",
        _means,
        "when the springs are averaged: their energies add up.",
    ),
    Wrong(
        "no springs",
        lambda new, springs, strength: new,
        "when nothing holds the weight: it goes where the new task wants it.",
    ),
)

CHOSEN = (
    Wrong(
        "each tensor for itself",
        _each_tensor,
        "when each tensor chooses for itself: all weights compete.",
    ),
    Wrong(
        "none of few",
        _none_of_few,
        "when a share of less than one weight is none at all: at least one moves (M29).",
    ),
    Wrong(
        "with their signs",
        _signed,
        "when gradients are compared with their signs: a large negative one matters as much.",
    ),
    Wrong(
        "the smallest",
        _smallest,
        "when the smallest gradients are chosen: take the largest.",
    ),
)
