"""Known wrong answers to the exercises of notebook 35, and what whoever gives one is told."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from marslab.lab.course.registry import Wrong

Numbers = Sequence[float]


def cosines(h: Tensor, domains: Tensor) -> Tensor:
    """The cosine of h [D] with each domain, [P]."""
    return F.cosine_similarity(h[None], domains, dim=1)


def best(priority: Tensor, used: Sequence[int], k: int) -> list[int]:
    """The k places of highest priority that are not used, the best one first."""
    order = priority.argsort(descending=True).tolist()
    return [place for place in order if place not in used][:k]


def _priority(h: Tensor, domains: Tensor, earned: Tensor) -> Tensor:
    return cosines(h, domains) + 0.1 * earned.tanh()


def _largest(gains: Numbers, able: Sequence[int]) -> int:
    return max(able, key=lambda i: gains[i], default=-1)


def _able(steps: Numbers, gains: Numbers, least: float) -> list[int]:
    return [i for i in range(len(gains)) if steps[i] >= least and gains[i] > 0]


def _first_then_asked(steps: Numbers, gains: Numbers, least: float) -> int:
    top = _largest(gains, range(len(gains)))
    return top if top in _able(steps, gains, least) else -1


def _mean(share: Tensor, weights: Tensor) -> Tensor:
    return (share / share.sum()) @ weights


SELECT = (
    Wrong(
        "longer is nearer",
        lambda h, domains, earned, used, k: best(domains @ h + 0.1 * earned.tanh(), used, k),
        "when products are compared in place of cosines: a long domain is no nearer.",
    ),
    Wrong(
        "nobody earns",
        lambda h, domains, earned, used, k: best(cosines(h, domains), used, k),
        "when efficiency counts for nothing: what has helped comes a little sooner.",
    ),
    Wrong(
        "without a limit",
        lambda h, domains, earned, used, k: best(cosines(h, domains) + 0.1 * earned, used, k),
        "when efficiency is added as it is: tanh keeps it below a tenth, however much was earned.",
    ),
    Wrong(
        "again and again",
        lambda h, domains, earned, used, k: best(_priority(h, domains, earned), (), k),
        "when used blocks may come again.",
    ),
    Wrong(
        "fewer each time",
        lambda h, domains, earned, used, k: [
            i for i in best(_priority(h, domains, earned), (), k) if i not in used
        ],
        "when the k best are taken first and the used ones struck out after: the next ones must "
        "move up.",
    ),
    Wrong(
        "the farthest",
        lambda h, domains, earned, used, k: best(-_priority(h, domains, earned), used, k),
        "when the blocks of lowest priority are taken.",
    ),
)

WINNER = (
    Wrong(
        "standing still wins",
        lambda steps, gains, least: _largest(gains, [i for i, g in enumerate(gains) if g > 0]),
        "when a candidate that does not move may win.",
    ),
    Wrong(
        "the least evil",
        lambda steps, gains, least: _largest(gains, [i for i, s in enumerate(steps) if s >= least]),
        "when the best candidate wins though it gains nothing: then h stays as it is.",
    ),
    Wrong(
        "more than the least",
        lambda steps, gains, least: _largest(
            gains, [i for i in _able(steps, gains, least) if steps[i] > least]
        ),
        "when a step of exactly `least` is not enough: it is.",
    ),
    Wrong(
        "the longest step",
        lambda steps, gains, least: _largest(steps, _able(steps, gains, least)),
        "when the longest step wins: the largest gain does.",
    ),
    Wrong(
        "asked too late",
        _first_then_asked,
        "when only the candidate of the largest gain is looked at: if it does not move, the next "
        "one may win.",
    ),
)

MERGED = (
    Wrong(
        "one pool, one vote",
        lambda weights, earned: weights.mean(0),
        "when every pool counts alike: count each by its efficiency.",
    ),
    Wrong(
        "harm counts backwards",
        lambda weights, earned: _mean(earned, weights),
        "when a negative efficiency keeps its sign: it counts as 0.",
    ),
    Wrong(
        "nothing over nothing",
        lambda weights, earned: _mean(earned.clamp(min=0), weights),
        "when 0 is divided by 0: where no pool has earned anything, all count alike.",
    ),
    Wrong(
        "a softmax",
        lambda weights, earned: earned.softmax(0) @ weights,
        "when the shares are a softmax: they are proportional to the efficiency.",
    ),
    Wrong(
        "the winner takes it all",
        lambda weights, earned: weights[earned.argmax()],
        "when only the pool of the highest efficiency is heard.",
    ),
    Wrong(
        "a sum",
        lambda weights, earned: torch.relu(earned) @ weights,
        "when the shares are not made to add up to 1.",
    ),
)
