"""Exercises of 35_idme: who is tried in a round, who wins it, and how two pools become one."""

import torch
from torch import Tensor

from marslab.lab.course.content import idme_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "35_idme"
SELECT = recognised(*idme_wrong.SELECT)
WINNER = recognised(*idme_wrong.WINNER)
MERGED = recognised(*idme_wrong.MERGED)


def select(h: Tensor, domains: Tensor, earned: Tensor, used: list[int], k: int) -> list[int]:
    """The k unused blocks with the largest cosine + 0.1 tanh(efficiency), the best one first.

    Fewer where fewer are unused.

    Shapes (D width, P blocks): h: [D]; domains: [P, D]; earned: [P]
    """
    priority = idme_wrong.cosines(h, domains) + 0.1 * earned.tanh()
    return idme_wrong.best(priority, used, k)


def winner(steps: list[float], gains: list[float], least: float) -> int:
    """Which candidate wins the round: the largest gain above 0 among those that move; -1 for none.

    A candidate moves if its relative step is `least` or more.
    """
    able = [i for i in range(len(gains)) if steps[i] >= least and gains[i] > 0]
    return max(able, key=lambda i: gains[i], default=-1)


def merged(weights: Tensor, earned: Tensor) -> Tensor:
    """The mean of n versions of one weight, each counted by its efficiency.

    A negative efficiency counts as 0; where none is above 0, all count alike.

    Shapes (n pools): weights: [n, N]; earned: [n]; returns [N]
    """
    share = earned.clamp(min=0)
    share = share / share.sum() if share.sum() > 0 else torch.full_like(share, 1 / len(share))
    return share @ weights


def _cards(draw: Draw, blocks: int) -> tuple[Tensor, Tensor]:
    """A thought, and domains at angles of which no two give nearly the same cosine with it."""
    angles = 0.3 * torch.tensor(draw.permutation(blocks), dtype=torch.float64)
    sizes = torch.tensor([draw.choice((1.0, 2.0, 4.0)) for _ in range(blocks)]).double()
    domains = sizes[:, None] * torch.stack([angles.cos(), angles.sin()], 1)
    return torch.tensor([draw.choice((1.0, 3.0)), 0.0], dtype=torch.float64), domains


def _fresh(draw: Draw) -> tuple[Tensor, Tensor, Tensor, list[int], int]:
    blocks = draw.size(6, low=4)
    return *_cards(draw, blocks), torch.zeros(blocks, dtype=torch.float64), [], 3


def _earning(draw: Draw) -> tuple[Tensor, Tensor, Tensor, list[int], int]:
    blocks = draw.size(6, low=4)
    earned = [draw.choice((0.0, 2.0, 20.0, -2.0)) for _ in range(blocks)]
    return *_cards(draw, blocks), torch.tensor(earned, dtype=torch.float64), [], 3


def _barred(draw: Draw) -> tuple[Tensor, Tensor, Tensor, list[int], int]:
    blocks = draw.size(6, low=4)
    used = draw.permutation(blocks)[: draw.choice((1, 2, 3, 4))]
    return *_cards(draw, blocks), torch.zeros(blocks, dtype=torch.float64), used, 3


def _moving(draw: Draw) -> tuple[list[float], list[float], float]:
    gains = [float(place + 1) for place in draw.permutation(3)]
    return [draw.choice((0.5, 0.1, 1.0)) for _ in gains], gains, 0.001


def _idle(draw: Draw) -> tuple[list[float], list[float], float]:
    steps = [0.0001, draw.choice((0.001, 0.5)), draw.choice((0.5, 0.001)), 0.0]
    gains = [float(place + 1) for place in draw.permutation(4)]
    return steps, gains, 0.001


def _losing(draw: Draw) -> tuple[list[float], list[float], float]:
    gains = [-float(place) for place in draw.permutation(3)]
    return [draw.choice((0.5, 0.1)) for _ in gains], gains, 0.001


def _versions(draw: Draw, earned: list[float]) -> tuple[Tensor, Tensor]:
    weights = draw.tensor(len(earned), draw.size(3), low=-4, high=4, step=1)
    return weights, torch.tensor(earned, dtype=torch.float64)


def _weighed(draw: Draw) -> tuple[Tensor, Tensor]:
    return _versions(draw, [draw.choice((1.0, 2.0, 3.0)) for _ in range(draw.size(3, low=2))])


def _negative(draw: Draw) -> tuple[Tensor, Tensor]:
    return _versions(draw, [draw.choice((4.0, 3.0)), 1.0, draw.choice((-1.0, -2.0))])


def _unearned(draw: Draw) -> tuple[Tensor, Tensor]:
    return _versions(draw, [0.0, draw.choice((0.0, -1.0))])


EXERCISES = (
    Exercise(
        id="idme.1",
        name="select",
        notebook=NOTEBOOK,
        title="The candidates of a round",
        solution=select,
        checks=(
            Check("a fresh pool: the cosine decides", _fresh, SELECT),
            Check("blocks that have earned something", _earning, SELECT),
            Check("blocks that are barred", _barred, SELECT),
        ),
        hints=(
            "Give each block a priority: its cosine with h, and a tenth of tanh(efficiency) on "
            "top. A cosine does not change when a domain gets longer.",
            "Walk through the blocks from the highest priority to the lowest, leave out the used "
            "ones, and keep the first k.",
            "priority = cosine_similarity(h[None], domains, dim=1) + 0.1 * earned.tanh(); then "
            "[i for i in priority.argsort(descending=True).tolist() if i not in used][:k].",
        ),
        wrong=idme_wrong.SELECT,
    ),
    Exercise(
        id="idme.2",
        name="winner",
        notebook=NOTEBOOK,
        title="Who wins a round, if anybody",
        solution=winner,
        checks=(
            Check("all of them move and gain", _moving, WINNER),
            Check("some do not move", _idle, WINNER),
            Check("nobody gains", _losing, WINNER),
        ),
        hints=(
            "Two conditions first: the candidate moves by `least` or more, and its gain is above "
            "0. Among those that are left the largest gain wins.",
            "Make a list of the places that fulfil both. It may be empty: then the answer is -1.",
            "able = [i for i in range(len(gains)) if steps[i] >= least and gains[i] > 0]; "
            "max(able, key=lambda i: gains[i], default=-1).",
        ),
        wrong=idme_wrong.WINNER,
    ),
    Exercise(
        id="idme.3",
        name="merged",
        notebook=NOTEBOOK,
        title="One block out of several pools",
        solution=merged,
        checks=(
            Check("all have earned something", _weighed, MERGED),
            Check("one has done harm", _negative, MERGED),
            Check("none has earned anything", _unearned, MERGED),
        ),
        hints=(
            "The share of each pool is its efficiency over the sum of all of them, so that the "
            "shares add up to 1.",
            "Two special cases: an efficiency below 0 counts as 0, and where the sum is 0 every "
            "pool gets 1 / n.",
            "share = earned.clamp(min=0); share = share / share.sum() if share.sum() > 0 else "
            "torch.full_like(share, 1 / len(share)); share @ weights.",
        ),
        wrong=idme_wrong.MERGED,
    ),
)
