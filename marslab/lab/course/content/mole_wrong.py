"""Known wrong answers to the exercises of notebook 33, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _kept(weights: Tensor, k: int) -> Tensor:
    """The k largest of the weights, the others 0."""
    index = weights.topk(k).indices
    return torch.zeros_like(weights).scatter(0, index, weights[index])


def _routed(scores: Tensor, k: int) -> Tensor:
    best, index = scores.topk(k)
    return torch.zeros_like(scores).scatter(0, index, best.softmax(0))


def _chosen(scores: Tensor, k: int) -> Tensor:
    """How many tokens chose each expert among their first k."""
    chosen = torch.bincount(scores.topk(k).indices.flatten(), minlength=scores.shape[1])
    return chosen.to(scores)


def _share(scores: Tensor, k: int) -> Tensor:
    return _chosen(scores, k) / (len(scores) * k)


def _probability(scores: Tensor) -> Tensor:
    return scores.softmax(-1).mean(0)


LORA = (
    Wrong(
        "element by element",
        lambda x, down, up, alpha: alpha / len(down) * (down @ x) * (up @ x),
        "when both matrices see x and the results are multiplied number by number, as the design "
        "prints it: up takes what down gives.",
    ),
    Wrong(
        "x as well",
        lambda x, down, up, alpha: x + alpha / len(down) * up @ (down @ x),
        "when x is added: the layer does that, once for all experts.",
    ),
    Wrong(
        "alpha alone",
        lambda x, down, up, alpha: alpha * up @ (down @ x),
        "when it is not divided by the rank.",
    ),
    Wrong(
        "divided by the width",
        lambda x, down, up, alpha: alpha / len(x) * up @ (down @ x),
        "when it is divided by the width: the rank is how many rows down has.",
    ),
    Wrong(
        "the other order",
        lambda x, down, up, alpha: alpha / len(down) * down.T @ (up.T @ x),
        "when up comes first, both transposed: down comes first.",
    ),
)

ROUTE = (
    Wrong(
        "no temperature",
        lambda scores, k, temperature: _routed(scores, k),
        "when the temperature is left out.",
    ),
    Wrong(
        "times the temperature",
        lambda scores, k, temperature: _routed(scores * temperature, k),
        "when the scores are multiplied by the temperature: divide, so that a low one sharpens.",
    ),
    Wrong(
        "all compete",
        lambda scores, k, temperature: _kept((scores / temperature).softmax(0), k),
        "when the softmax runs over all experts: then the weights of the chosen ones do not add up "
        "to 1.",
    ),
    Wrong(
        "nobody is left out",
        lambda scores, k, temperature: (scores / temperature).softmax(0),
        "when every expert gets a weight: only the k best do.",
    ),
    Wrong(
        "equal shares",
        lambda scores, k, temperature: (_routed(scores, k) > 0).to(scores) / k,
        "when the chosen ones share alike: a higher score weighs more.",
    ),
)

BALANCE = (
    Wrong(
        "no factor E",
        lambda scores, k: (_share(scores, k) * _probability(scores)).sum(),
        "when the factor E is left out: it makes 1 of an even use, for any number of experts.",
    ),
    Wrong(
        "probabilities twice",
        lambda scores, k: scores.shape[1] * _probability(scores).square().sum(),
        "when P is squared: one factor is what was really chosen.",
    ),
    Wrong(
        "choices twice",
        lambda scores, k: scores.shape[1] * _share(scores, k).square().sum(),
        "when f is squared: a count has no gradient, so one factor must be the probability.",
    ),
    Wrong(
        "the first choice alone",
        lambda scores, k: scores.shape[1] * (_share(scores, 1) * _probability(scores)).sum(),
        "when only the best expert of each token is counted: all k choices are.",
    ),
    Wrong(
        "counted per token",
        lambda scores, k: (
            scores.shape[1] * (_chosen(scores, k) / len(scores) * _probability(scores)).sum()
        ),
        "when the choices are divided by the tokens alone: there are N * k choices.",
    ),
)
