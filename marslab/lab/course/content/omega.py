"""Exercises of 32_omega_and_codebook: a rotation, a residual around it, and codes that move."""

import math

import torch
from torch import Tensor

from marslab.lab.course.content import omega_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "32_omega_and_codebook"
ROTATE = recognised(*omega_wrong.ROTATE)
GROWTH = recognised(*omega_wrong.GROWTH)
FOLLOW = recognised(*omega_wrong.FOLLOW)


def rotate(omega: Tensor, x: Tensor) -> Tensor:
    """G x with G = (I + omega / 2)(I - omega / 2)^-1, by one solve.

    Shapes (n dims): omega: [n, n], skew-symmetric; x: [n]; returns [n]
    """
    eye = torch.eye(len(x), dtype=x.dtype)
    return 2 * torch.linalg.solve(eye - omega / 2, x) - x


def growth(angle: float, alpha: float, blocks: int) -> float:
    """By how much `blocks` blocks x + alpha G x stretch a vector in a plane that G turns by angle.

    Units: angle: radians; returns a factor
    """
    across, along = alpha * math.sin(angle), 1 + alpha * math.cos(angle)
    return math.hypot(along, across) ** blocks


def follow(
    codes: Tensor, counts: Tensor, z: Tensor, index: Tensor, decay: float
) -> tuple[Tensor, Tensor]:
    """One step of the moving averages: each code follows the vectors that chose it.

    Shapes (K codes, C width, N vectors): codes: [K, C]; counts: [K]; z: [N, C]; index: [N]
        integers, the code that each vector chose; returns new codes [K, C] and counts [K]
    """
    codes, counts = codes.clone(), counts.clone()
    for k in range(len(codes)):
        mine = z[index == k]
        counts[k] = decay * counts[k] + (1 - decay) * len(mine)
        codes[k] += (1 - decay) * (mine.sum(0) - len(mine) * codes[k]) / counts[k]
    return codes, counts


def _plane(draw: Draw) -> tuple[Tensor, Tensor]:
    w, x = draw.choice((2.0, 1.0, -1.0, 0.5)), draw.tensor(2, low=-3, high=3, step=1)
    return torch.tensor([[0.0, -w], [w, 0.0]], dtype=torch.float64), x


def _several_dims(draw: Draw) -> tuple[Tensor, Tensor]:
    n = draw.size(4, low=3)
    half = draw.tensor(n, n, low=-2, high=2, step=1).triu(1)
    return half - half.T, draw.tensor(n, low=-3, high=3, step=1)


def _along(draw: Draw) -> tuple[float, float, int]:
    return 0.0, draw.choice((0.5, 0.25, 0.1)), draw.integer(1, 4)


def _turned(draw: Draw) -> tuple[float, float, int]:
    return draw.choice((1.0, 2.0, 3.0, 0.5)), draw.choice((0.5, 0.25, 0.1)), draw.integer(1, 4)


def _followed(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    K, C, N = draw.size(3), draw.size(2), draw.size(4)
    codes, counts = draw.tensor(K, C, step=1), draw.tensor(K, low=1, high=4, step=1)
    z, index = draw.tensor(N, C, step=1), draw.integers(N, low=0, high=K - 1)
    return codes, counts, z, index, draw.choice((0.75, 0.5))


def _one_each(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
    codes, counts, z, _, decay = _followed(draw)
    K = len(codes)
    return codes, counts, z[:K], torch.arange(len(z[:K])), decay


EXERCISES = (
    Exercise(
        id="omega.1",
        name="rotate",
        notebook=NOTEBOOK,
        title="Cayley's rotation of a vector, by one solve",
        solution=rotate,
        checks=(
            Check("in a plane", _plane, ROTATE),
            Check("in three and four dims", _several_dims, ROTATE),
        ),
        hints=(
            "Name the half-way point u = (I - omega/2)^-1 x. It is a solve: which u gives "
            "(I - omega/2) u = x? Then G x = (I + omega/2) u.",
            "You need no second product: (I + omega/2) u = 2 u - (I - omega/2) u = 2 u - x.",
            "eye = torch.eye(len(x), dtype=x.dtype); "
            "2 * torch.linalg.solve(eye - omega / 2, x) - x.",
        ),
        wrong=omega_wrong.ROTATE,
    ),
    Exercise(
        id="omega.2",
        name="growth",
        notebook=NOTEBOOK,
        title="What a residual makes of a rotation",
        solution=growth,
        checks=(
            Check("a G that turns nothing", _along, GROWTH),
            Check("a G that turns", _turned, GROWTH),
        ),
        hints=(
            "Draw it: x points along one axis and has length 1. alpha G x is an arrow of length "
            "alpha, at the angle. How long is the sum of the two?",
            "The sum is 1 + alpha cos(angle) along x and alpha sin(angle) across. Each block "
            "stretches by the same factor.",
            "math.hypot(1 + alpha * math.cos(angle), alpha * math.sin(angle)) ** blocks.",
        ),
        wrong=omega_wrong.GROWTH,
    ),
    Exercise(
        id="omega.3",
        name="follow",
        notebook=NOTEBOOK,
        title="Codes that follow their vectors",
        solution=follow,
        checks=(
            Check("each code has one vector", _one_each, FOLLOW),
            Check("some codes have many, some none", _followed, FOLLOW),
        ),
        hints=(
            "Two moving averages for each code: of how many vectors chose it, and of their sum. "
            "The code is the second over the first.",
            "For code k let n be how many chose it and s their sum. First the count: decay * count "
            "+ (1 - decay) * n. The code then moves by (1 - decay) * (s - n * code) / count.",
            "for k in range(len(codes)): mine = z[index == k]; counts[k] = decay * counts[k] + "
            "(1 - decay) * len(mine); codes[k] += (1 - decay) * (mine.sum(0) - len(mine) * "
            "codes[k]) / counts[k]. Work on clones, and return both.",
        ),
        wrong=omega_wrong.FOLLOW,
    ),
)
