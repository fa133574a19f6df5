"""A memory that learns while it is used: fast weights, written by their own error."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from marslab.memory.fast_weights import TitansState, bounded
from marslab.tracing import emit

# The design's two thresholds: of a block's mean gate (20_tars 4), and of the memory's loss.
PRINTED_GATE, PRINTED_LOSS = 0.3, 0.45
Pair = tuple[Tensor, Tensor]

# Mean of SiLU(z)^2 for z ~ N(0, 1), which up k is for a unit key at the start.
SILU_SQUARE = 0.3558


@dataclass(frozen=True)
class TitansConfig:
    """How Titans writes.

    "delta" learns M(k) = v on unit vectors, with k and v from learned projections. "printed" is the
    design's own form, mean((LayerNorm(M(x)) - x)^2) with a rate of 0.01 and a threshold of 0.45: a
    LayerNorm's output is sqrt(M) long and cannot come near a unit vector, so it never stops being
    surprised (erratum T34).

    Units:
        rate, momentum, forget: per step; theta, eta and alpha of the paper
        threshold: of the surprise, until `calibrate` sets another
        most: largest root mean square of a fast matrix's entries (1 is that of `up` at the start)
    """

    rule: Literal["delta", "printed"] = "delta"
    rate: float = 0.2
    momentum: float = 0.3
    forget: float = 1e-3
    steps: int = 3
    threshold: float = 0.35
    most: float = 4.0

    def __post_init__(self) -> None:
        for name in ("rate", "threshold", "most"):
            if not getattr(self, name) > 0:
                raise ValueError(f"titans.{name} must be positive, got {getattr(self, name)}")
        for name in ("momentum", "forget"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"titans.{name} must be in [0, 1), got {getattr(self, name)}")
        if self.steps < 1:
            raise ValueError(f"titans.steps must be at least 1, got {self.steps}")
        if self.rule not in ("delta", "printed"):
            raise ValueError(f"titans.rule must be 'delta' or 'printed', got {self.rule!r}")


PRINTED = TitansConfig("printed", rate=0.01, momentum=0.9, forget=0.0, threshold=PRINTED_LOSS)


class Titans(nn.Module):
    """Associative memory in the weights of a two-layer network M(k) = down SiLU(up k) / c.

    A step: S <- momentum * S - rate * grad loss, weights <- (1 - forget) * weights + S, with
    loss = mean over the items of ||M(k) - v||^2, k = unit(to_key x), v = unit(to_value x). Surprise
    is that loss, item by item: about 1 for what was never written, near 0 for what was. The fast
    weights are a state that the caller holds; the module's own weights are where they start (and
    the projections), and training reaches them through `recall_loss`. c makes the hidden layer of
    a unit key about 1 long at the start, so that `rate` means the same at every size.

    Emits "titans" when written, with the loss before each step and after the last.

    Shapes (B leading sizes of the state, N items, M memory width, D brain width):
        x: [*B, N, M], or [M] for one item where the state has no leading sizes

    Errors:
        ValueError: a size is not positive, or x does not fit

    Source:
        Behrouz, Zhong, Mirrokni 2025, arXiv:2501.00663, equations 8-14; design section 4.1;
        errata T33-T36 and T61.

    >>> titans = Titans(16, 32)
    >>> state, x = titans.fresh(), F.normalize(torch.randn(16), dim=0)
    >>> written, losses = titans.write(x, state)
    >>> bool(titans.surprise(x, written) < 0.1 < 0.35 < titans.surprise(x, state))
    True
    """

    threshold: Tensor

    def __init__(
        self,
        memory_dim: int = 384,
        hidden: int = 768,
        config: TitansConfig = TitansConfig(),
        *,
        d_model: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if memory_dim < 1 or hidden < 1 or (d_model is not None and d_model < 1):
            raise ValueError(f"Titans needs positive sizes, got {memory_dim}, {hidden}, {d_model}")
        self.memory_dim, self.hidden, self.config = memory_dim, hidden, config
        self.brain_proj = None if d_model is None else nn.Linear(d_model, memory_dim, bias=False)
        # Seeded apart: what a fresh memory makes of a text must not change from run to run.
        random = torch.Generator().manual_seed(seed)
        self.up = nn.Parameter(torch.randn(hidden, memory_dim, generator=random))
        self.down = nn.Parameter(torch.randn(memory_dim, hidden, generator=random) * 0.02)
        if config.rule == "delta":
            self.to_key = nn.Parameter(_orthogonal(memory_dim, random))
            self.to_value = nn.Parameter(_orthogonal(memory_dim, random))
        self.register_buffer("threshold", torch.tensor(config.threshold))
        self._length = (SILU_SQUARE * hidden) ** 0.5

    def fresh(self, batch: tuple[int, ...] = ()) -> TitansState:
        """Return fast weights that remember nothing, one set for each index of `batch`."""
        up = self.up.expand(*batch, -1, -1)
        down = self.down.expand(*batch, -1, -1)
        return TitansState(up, down, torch.zeros_like(up), torch.zeros_like(down))

    def project(self, h: Tensor) -> Tensor:
        """Take states of the brain [..., D] to unit vectors of the memory [..., M].

        Errors:
            ValueError: Titans was made without d_model
        """
        if self.brain_proj is None:
            raise ValueError("this Titans has no brain_proj: make it with d_model=...")
        return F.normalize(self.brain_proj(h), dim=-1)

    def surprise(self, x: Tensor, state: TitansState) -> Tensor:
        """Return how badly each item is remembered: [*B, N], [] for one item."""
        items = self._items(x)
        losses = self._losses((state.up, state.down), *self._pair(items))
        return losses[0] if x.dim() == 1 else losses

    @torch.no_grad()
    def write(
        self, x: Tensor, state: TitansState, steps: int | None = None
    ) -> tuple[TitansState, Tensor]:
        """Write all items at once; return the new state and the losses [steps + 1, *B].

        No gradient passes: what is written is kept, not trained (see `recall_loss`).
        """
        state, losses = self._written(self._items(x), state, steps or self.config.steps)
        emit("titans", losses=losses)
        return state, losses

    def read(self, x: Tensor, state: TitansState) -> Tensor:
        """Return what the memory holds for the cue x: a unit vector in the space of x."""
        items = self._items(x)
        key, _ = self._pair(items)
        value = self._network((state.up, state.down), key)
        if self.config.rule == "delta":
            value = value @ self.to_value  # to_value starts orthogonal: its transpose undoes it
        value = F.normalize(value, dim=-1)
        return value[0] if x.dim() == 1 else value

    def recall_loss(self, items: Tensor) -> Tensor:
        """Mean of 1 - cos(read, item) over items [N, M] that were written one after another.

        The writes are differentiated through, so that projections and starting weights are learned
        for remembering: the outer loss that gives every parameter but brain_proj a gradient.
        """
        state = self.fresh()
        for item in self._items(items):
            state, _ = self._written(item[None], state, self.config.steps)
        return 1 - F.cosine_similarity(self.read(items, state), items, dim=-1).mean()

    def _written(self, x: Tensor, state: TitansState, steps: int) -> tuple[TitansState, Tensor]:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        pair, up, down = self._pair(x), state.up, state.down
        up_momentum, down_momentum = state.up_momentum, state.down_momentum

        def summed(fast: Pair) -> Pair:
            each = self._losses(fast, *pair).mean(-1)
            return each.sum(), each  # of a sum, each state's gradient is that of its own loss

        losses = []
        for _ in range(steps):
            (to_up, to_down), loss = torch.func.grad(summed, has_aux=True)((up, down))
            losses.append(loss)
            up, up_momentum = self._stepped(up, up_momentum, to_up)
            down, down_momentum = self._stepped(down, down_momentum, to_down)
        losses.append(self._losses((up, down), *pair).mean(-1))
        written = TitansState(up, down, up_momentum, down_momentum, state.writes + 1)
        return written, torch.stack(losses)

    def _stepped(self, weights: Tensor, momentum: Tensor, gradient: Tensor) -> Pair:
        config = self.config
        momentum = config.momentum * momentum - config.rate * gradient
        most = config.most * weights.shape[-1] ** 0.5 * weights.shape[-2] ** 0.5
        return bounded((1 - config.forget) * weights + momentum, most), momentum

    def _losses(self, weights: Pair, key: Tensor, value: Tensor) -> Tensor:
        error = (self._network(weights, key) - value).square()
        return error.mean(-1) if self.config.rule == "printed" else error.sum(-1)

    def _network(self, weights: Pair, key: Tensor) -> Tensor:
        up, down = weights
        found = F.silu(key @ up.mT) / self._length @ down.mT
        return F.layer_norm(found, found.shape[-1:]) if self.config.rule == "printed" else found

    def _pair(self, x: Tensor) -> Pair:
        """Unit keys and values of items."""
        if self.config.rule == "printed":
            unit = F.normalize(x, dim=-1)
            return unit, unit
        return F.normalize(x @ self.to_key.mT, dim=-1), F.normalize(x @ self.to_value.mT, dim=-1)

    def _items(self, x: Tensor) -> Tensor:
        if x.dim() < 1 or x.shape[-1] != self.memory_dim:
            raise ValueError(f"x must be [..., N, {self.memory_dim}], got {list(x.shape)}")
        return x[None] if x.dim() == 1 else x


def _orthogonal(size: int, random: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=random))[0]
