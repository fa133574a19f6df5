"""The pool of IDME: many mini blocks in one tensor each, so that candidates are one bmm."""

import hashlib
from dataclasses import dataclass
from os import PathLike
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.kernels.checks import shaped
from marslab.thinking import pool_file
from marslab.thinking.meta_auditor import THRESHOLDS
from marslab.thinking.mini_block import MiniBlock, gated_update, mini_block_parameters

WEIGHTS = ("down", "up", "gate_in", "gate_out", "gate_bias", "norm_weight", "norm_bias", "domain")
KICK = 0.5  # of the typical row of W_2: how strongly a new block listens to the state it was for


@dataclass(frozen=True)
class PoolConfig:
    """The sizes of a pool. `rank` None means full matrices; `tasks` are what its domains are for.

    Units:
        temperature: of the contrastive loss
        recirculation: what a great efficiency adds to a block's cosine

    >>> PoolConfig(blocks=600)
    Traceback (most recent call last):
    ValueError: pool.blocks must be between 1 and pool.max_blocks = 512, got 600
    """

    d_model: int = 128
    blocks: int = 48
    rank: int | None = 16
    tasks: tuple[str, ...] = tuple(THRESHOLDS)
    temperature: float = 0.1
    recirculation: float = 0.1
    max_blocks: int = 512

    def __post_init__(self) -> None:
        if not 1 <= self.blocks <= self.max_blocks:
            raise ValueError(
                f"pool.blocks must be between 1 and pool.max_blocks = {self.max_blocks},"
                f" got {self.blocks}"
            )
        if self.d_model < 1 or (self.rank is not None and self.rank < 1):
            raise ValueError(
                f"pool.d_model and pool.rank must be positive, got {self.d_model} and {self.rank}"
            )
        if not self.tasks or self.temperature <= 0:
            raise ValueError("pool.tasks must name a type and pool.temperature be positive")


class MatrixPool(nn.Module):
    """P mini blocks with a domain embedding, an efficiency and a task type each.

    A block's type is the one its domain learns to stand for; they are dealt out in turn. Its
    identity is a digest of what it was born as: pools that share an ancestor know their common
    blocks by it. Growing makes new parameters: an optimizer made before does not know them.

    Shapes (B batch, D width, P blocks, k candidates):
        h: [B, D]
        index: [B, k] blocks to try, or None for all
        returns: [B, k, D] or [B, P, D]

    Errors:
        ValueError: a tensor has another shape, or the pool is full

    Source:
        design 3.6 and 12.8; 87, TARS 10; repaired: T15, T41

    >>> pool = MatrixPool(PoolConfig(d_model=8, blocks=5, rank=2))
    >>> pool(torch.zeros(3, 8)).shape, len(pool)
    (torch.Size([3, 5, 8]), 5)
    """

    down: Tensor
    up: Tensor
    gate_in: Tensor | None
    gate_out: Tensor
    gate_bias: Tensor
    norm_weight: Tensor
    norm_bias: Tensor
    efficiency: Tensor
    task: Tensor
    identity: Tensor

    def __init__(self, config: PoolConfig) -> None:
        super().__init__()
        self.config = config
        made = [MiniBlock(config.d_model, config.rank) for _ in range(config.blocks)]
        weights = [_weights(block) for block in made]
        for name in WEIGHTS[:-1]:
            rows = [one[name] for one in weights if name in one]
            self.register_parameter(name, nn.Parameter(torch.stack(rows)) if rows else None)
        self.domain = nn.Parameter(F.normalize(torch.randn(config.blocks, config.d_model), dim=-1))
        self.register_buffer("efficiency", torch.zeros(config.blocks))
        self.register_buffer("task", torch.arange(config.blocks) % len(config.tasks))
        self.register_buffer("identity", _digests(self.weights()))

    def __len__(self) -> int:
        return len(self.domain)

    def extra_repr(self) -> str:
        per = mini_block_parameters(self.config.d_model, self.config.rank)
        return f"blocks={len(self)}, d_model={self.config.d_model}, parameters={len(self) * per}"

    def forward(self, h: Tensor, index: Tensor | None = None) -> Tensor:
        shaped("MatrixPool", "h", h, "[B, D]", (None, self.config.d_model))
        own = {name: x if index is None else x[index] for name, x in self.weights().items()}
        at = "pij,bj->bpi" if index is None else "bpij,bj->bpi"
        each = "pij,bpj->bpi" if index is None else "bpij,bpj->bpi"
        if "gate_in" in own:
            gate = torch.einsum(each, own["gate_out"], torch.einsum(at, own["gate_in"], h))
        else:
            gate = torch.einsum(at, own["gate_out"], h)
        inner = torch.einsum(each, own["up"], F.silu(torch.einsum(at, own["down"], h)))
        return gated_update(
            h[:, None], gate + own["gate_bias"], inner, own["norm_weight"], own["norm_bias"]
        )

    def weights(self) -> dict[str, Tensor]:
        """Return the parameters by name, the first dimension the blocks'."""
        found = {name: getattr(self, name) for name in WEIGHTS}
        return {name: x for name, x in found.items() if x is not None}

    def block(self, index: int) -> MiniBlock:
        """Return a copy of one block, to look at."""
        made = MiniBlock(self.config.d_model, self.config.rank).to(self.domain)
        with torch.no_grad():
            for name, x in _weights(made).items():
                x.copy_(getattr(self, name)[index])
        return made

    def relevance(self, h: Tensor) -> Tensor:
        """Return the cosine of each h with each domain embedding, [B, P]."""
        return F.normalize(h, dim=-1) @ F.normalize(self.domain, dim=-1).T

    def select(
        self, h: Tensor, k: int, used: Tensor | None = None, efficiency: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the k best blocks [B, k] by cosine and efficiency, and which of them are unused.

        Shapes (B batch, P blocks):
            used: [B, P] bool, blocks that may not come again
            efficiency: [B, P] or [P], the pool's own by default
        """
        earned = torch.tanh(self.efficiency if efficiency is None else efficiency)
        priority = self.relevance(h) + self.config.recirculation * earned
        if used is not None:
            priority = priority.masked_fill(used, -torch.inf)
        best = priority.topk(min(k, len(self)), dim=1)
        return best.indices, best.values > -torch.inf

    def domain_loss(self, h: Tensor, task: Tensor) -> Tensor:
        """Return the contrastive loss that draws h to the domains of its task type.

        -ln of the share that the blocks of that type have in softmax(cosine / temperature).

        Shapes (B batch, D width):
            h: [B, D]
            task: [B] index into config.tasks
        """
        log_share = (self.relevance(h) / self.config.temperature).log_softmax(-1)
        mine = self.task == task[:, None]
        return -log_share.masked_fill(~mine, -torch.inf).logsumexp(-1).mean()

    @torch.no_grad()
    def lazy_expand(
        self, count: int, h: Tensor, *, source: int | None = None, seed: int | None = None
    ) -> range:
        """Add `count` blocks for the state h [D] and return their indices.

        Each is a copy of the most efficient block (or of `source`) that listens to h besides: W_2
        gains KICK times a row's size times u h^T / ||h||, u another direction for each, and the
        domain turns towards h. Random blocks, as printed, gain much less (T41; notebook 35).

        Errors:
            ValueError: the pool would have more than config.max_blocks, or h is not [D]
        """
        first, limit = len(self), self.config.max_blocks
        if first + count > limit:
            raise ValueError(f"the pool may have {limit} blocks, not {first} + {count}")
        shaped("lazy_expand", "h", h, "[D]", (self.config.d_model,))
        best = int(self.efficiency.argmax()) if source is None else source
        heard = F.normalize(h.to(self.domain), dim=-1)
        new = {
            name: x[best].expand(count, *x.shape[1:]).clone() for name, x in self.weights().items()
        }
        made = torch.Generator().manual_seed(seed or first)
        drawn = torch.randn(count, new["down"].shape[1] + len(heard), generator=made).to(heard)
        towards, aside = (
            F.normalize(x, dim=-1) for x in drawn.split([new["down"].shape[1], len(heard)], 1)
        )
        size = new["down"][0].norm(dim=-1).mean() * KICK
        new["down"] += size * towards[:, :, None] * heard
        turned = F.normalize(new["domain"], dim=-1) + heard + 0.1 * aside  # no two alike: no ties
        new["domain"] = F.normalize(turned, dim=-1)
        self.append(new, torch.zeros(count), self.task[best].expand(count), _digests(new))
        return range(first, first + count)

    @torch.no_grad()
    def append(
        self, weights: dict[str, Tensor], efficiency: Tensor, task: Tensor, identity: Tensor
    ) -> None:
        """Put blocks at the end: their weights by name, efficiency, task type, identity."""
        for name, x in self.weights().items():
            grown = torch.cat([x, weights[name].to(x)])
            setattr(self, name, nn.Parameter(grown, requires_grad=x.requires_grad))
        self.efficiency = torch.cat([self.efficiency, efficiency.to(self.efficiency)])
        self.task = torch.cat([self.task, task.to(self.task)])
        self.identity = torch.cat([self.identity, identity.to(self.identity)])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the pool to a file of its own, whatever it has grown to; see `load`."""
        pool_file.save(path, self, len(self))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a saved pool.

        Errors:
            UserError: no such file, not a pool, or damaged
        """
        return pool_file.load(path, cls, PoolConfig)


def _weights(block: MiniBlock) -> dict[str, Tensor]:
    found = {
        "down": block.down.weight,
        "up": block.up.weight,
        "gate_out": block.gate_out.weight,
        "gate_bias": block.gate_out.bias,
        "norm_weight": block.norm.weight,
        "norm_bias": block.norm.bias,
    }
    return found if block.gate_in is None else {**found, "gate_in": block.gate_in.weight}


def _digests(weights: dict[str, Tensor]) -> Tensor:
    """One positive number a block, of its weights; on the meta device, where there are none, 0."""
    if weights["down"].is_meta:
        return torch.zeros(len(weights["down"]), dtype=torch.long, device="meta")
    flat = torch.cat([x.detach().flatten(1) for x in weights.values()], 1).float().cpu().numpy()
    found = [hashlib.sha256(row.tobytes()).digest()[:8] for row in flat]
    return torch.tensor([int.from_bytes(one, "little") >> 1 for one in found])
