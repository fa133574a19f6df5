"""Exercises of 33_mole_routing: a low-rank correction, a router's weights, and the balance loss."""

import torch
from torch import Tensor

from marslab.lab.course.content import mole_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "33_mole_routing"
LORA = recognised(*mole_wrong.LORA)
ROUTE = recognised(*mole_wrong.ROUTE)
BALANCE = recognised(*mole_wrong.BALANCE)


def lora(x: Tensor, down: Tensor, up: Tensor, alpha: float) -> Tensor:
    """The correction (alpha / r) up (down x) that one expert makes.

    Shapes (D width, r rank): x: [D]; down: [r, D]; up: [D, r]; returns [D]
    """
    return alpha / len(down) * up @ (down @ x)


def route(scores: Tensor, k: int, temperature: float) -> Tensor:
    """The softmax over the k largest scores / temperature; all others weigh 0.

    Shapes (E experts): scores: [E]; returns [E], which add up to 1
    """
    best, index = (scores / temperature).topk(k)
    weights = torch.zeros_like(scores)
    weights[index] = best.softmax(0)
    return weights


def balance(scores: Tensor, k: int) -> Tensor:
    """E sum_i f_i P_i: 1 where all experts are used alike, up to E / k where k do all the work.

    f_i is the share of all choices that fell on i, P_i its mean probability among all experts.

    Shapes (N tokens, E experts): scores: [N, E]; returns one number
    """
    N, E = scores.shape
    chosen = torch.bincount(scores.topk(k).indices.flatten(), minlength=E).to(scores)
    return E * (chosen / (N * k) * scores.softmax(-1).mean(0)).sum()


def _square(draw: Draw) -> tuple[Tensor, Tensor, Tensor, float]:
    return _adapter(draw, 2, 2)


def _low_rank(draw: Draw) -> tuple[Tensor, Tensor, Tensor, float]:
    r = draw.size(2)
    return _adapter(draw, r + 1 + draw.integer(0, 1), r)


def _adapter(draw: Draw, D: int, r: int) -> tuple[Tensor, Tensor, Tensor, float]:
    x = draw.tensor(D, low=-3, high=3, step=1)
    down, up = (draw.tensor(*shape, step=1) for shape in ((r, D), (D, r)))
    return x, down, up, draw.choice((3.0, 4.0))


def _scores(draw: Draw, E: int) -> Tensor:
    """Scores of which no two are equal, so that the choice is clear."""
    return torch.tensor(draw.permutation(E), dtype=torch.float64) / 4 - draw.choice((0.0, 0.5))


def _routed(draw: Draw) -> tuple[Tensor, int, float]:
    E = draw.size(4, low=3)
    return _scores(draw, E), 2, draw.choice((0.5, 0.25, 2.0))


def _one_of(draw: Draw) -> tuple[Tensor, int, float]:
    return _scores(draw, draw.size(3, low=2)), 1, draw.choice((0.5, 2.0))


def _shared(draw: Draw) -> tuple[Tensor, int]:
    N, E = draw.size(3), draw.size(4, low=3)
    return torch.stack([_scores(draw, E) for _ in range(N)]), draw.choice((2, 1))


def _even(draw: Draw) -> tuple[Tensor, int]:
    N = draw.size(4, low=3)
    return 4 * torch.eye(N, dtype=torch.float64), 1


EXERCISES = (
    Exercise(
        id="mole.1",
        name="lora",
        notebook=NOTEBOOK,
        title="A correction of low rank",
        solution=lora,
        checks=(
            Check("two dims, rank 2", _square, LORA),
            Check("fewer ranks than dims", _low_rank, LORA),
        ),
        hints=(
            "One product after the other: down takes x to r numbers, up takes these back to D.",
            "The result is scaled by alpha / r, and x itself is not in it: the layer adds that.",
            "alpha / len(down) * up @ (down @ x).",
        ),
        wrong=mole_wrong.LORA,
    ),
    Exercise(
        id="mole.2",
        name="route",
        notebook=NOTEBOOK,
        title="Weights from scores: the best k, and a temperature",
        solution=route,
        checks=(
            Check("one expert alone takes all", _one_of, ROUTE),
            Check("two share", _routed, ROUTE),
        ),
        hints=(
            "Divide by the temperature first, then choose, then let only the chosen ones compete.",
            "topk gives values and places. The softmax runs over the k values alone, so that "
            "they add up to 1; every other expert stays at 0.",
            "best, index = (scores / temperature).topk(k); weights = torch.zeros_like(scores); "
            "weights[index] = best.softmax(0).",
        ),
        wrong=mole_wrong.ROUTE,
    ),
    Exercise(
        id="mole.3",
        name="balance",
        notebook=NOTEBOOK,
        title="The balance loss",
        solution=balance,
        checks=(
            Check("all experts used alike", _even, BALANCE),
            Check("some used more", _shared, BALANCE),
        ),
        hints=(
            "Two shares for each expert. f: of all N * k choices, how many fell on it. P: its "
            "probability under a softmax over all experts, averaged over the tokens.",
            "torch.bincount(..., minlength=E) counts the indices that topk gives. P needs no topk.",
            "f = torch.bincount(scores.topk(k).indices.flatten(), minlength=E) / (N * k); "
            "P = scores.softmax(-1).mean(0); E * (f * P).sum().",
        ),
        wrong=mole_wrong.BALANCE,
    ),
)
