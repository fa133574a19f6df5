"""A thought that turns in a plane, whichever block is tried: IDME without a model."""

import math

import torch
from torch import Tensor, nn

from marslab.thinking.idme import IDME
from marslab.thinking.pool import MatrixPool, PoolConfig
from marslab.widgets.views.idme.setup import IdmeSetup

BLOCKS = 16
PUSH = 1e-3  # of the circle's radius: small enough for the loop detector to see a circle


class TurningPool(MatrixPool):
    """Blocks that all turn h = (x, y, centre, tally) by one angle and shrink its radius.

    Each raises the tally by a push of its own, PUSH on average, which a judge can tell apart.

    Shapes (B batch, P blocks, k candidates):
        h: [B, 4]; returns: [B, k, 4] or [B, P, 4]

    Units:
        angle: radians; shrink: of the radius

    >>> TurningPool(math.pi, 0.5)(torch.tensor([[4.0, 0.0, 3.0, 0.0]]))[0, 0, ::2].tolist()
    [-2.0, 3.0]
    """

    turn: Tensor

    def __init__(self, angle: float, shrink: float, seed: int = 0) -> None:
        super().__init__(PoolConfig(d_model=4, blocks=BLOCKS, rank=1))
        made = torch.Generator().manual_seed(seed)
        turn = torch.eye(4)
        turn[:2, :2] = shrink * torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        self.register_buffer("turn", turn)
        with torch.no_grad():
            self.norm_bias.zero_()  # LayerNorm's bias holds the push: a grown block inherits it
            self.norm_bias[:, 3] = PUSH * (0.5 + torch.rand(BLOCKS, generator=made))

    def forward(self, h: Tensor, index: Tensor | None = None) -> Tensor:
        push = self.norm_bias if index is None else self.norm_bias[index]
        return (h @ self.turn.T)[:, None] + push


def turning(setup: IdmeSetup) -> tuple[IDME, Tensor]:
    """IDME over such a pool, with a judge that likes every step, and the first state [1, 4].

    A gain is the push over PUSH, so nothing but the loop detector or a limit ends the rounds.

    >>> idme, h = turning(IdmeSetup(angle=180))
    >>> idme(h).reason
    ('loop',)
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setup.seed)
        pool = TurningPool(math.radians(setup.angle), setup.shrink, setup.seed)
        idme = IDME(pool, setup.config, auditor=setup.judge)
    likes = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        likes.weight.copy_(torch.tensor([[0.0, 0.0, 0.0, 1 / PUSH]]))
    idme.value_head = nn.Sequential(likes)
    return idme.eval(), torch.tensor([[1.0, 0.0, setup.centre, 0.0]])
