"""Mixture of LoRA experts: a router gives each token a few low-rank corrections."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.checks import shaped, state_dtype
from marslab.layers.block_config import MoleConfig
from marslab.tracing import emit, recording


class Routed(NamedTuple):
    """What MoLE gives.

    Shapes (B batch, L length, D width, E experts):
        x: [B, L, D]
        weights: [B, L, E], 0 where an expert is not asked
        balance: scalar, 1 where all experts are used alike, up to E / top_k where few are
        z: scalar, the mean square of the scores' log-sum-exp
    """

    x: Tensor
    weights: Tensor
    balance: Tensor
    z: Tensor


class Experts(nn.Module):
    """`count` experts side by side: scores cos(m, q_i) sigmoid(g_i m), corrections U_i D_i x.

    The sum over experts of w_i U_i (D_i x) is U (w * D x) with all U_i and D_i put together: two
    products for any number of experts and no token dropped.

    Shapes (B batch, L length, D width, E = count):
        scores(m): [B, L, E] from the mean m [B, L, D]; each in (-1, 1)
        forward(x, weights): [B, L, D] from x [B, L, D] and weights [B, L, E]

    >>> Experts(8, 3, rank=2).scores(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 3])
    """

    def __init__(self, d_model: int, count: int, *, rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.queries = nn.Parameter(torch.randn(count, d_model) / sqrt(d_model))
        self.gate = nn.Linear(d_model, count)
        self.down = nn.Linear(d_model, count * rank, bias=False)
        self.up = nn.Linear(count * rank, d_model, bias=False)
        nn.init.zeros_(self.up.weight)

    def scores(self, mean: Tensor) -> Tensor:
        wide, D = mean.dtype, mean.shape[-1]
        # vectors of length sqrt(D), and a finite gradient where a vector is 0
        m, q = (F.rms_norm(v, (D,), eps=1e-8) for v in (mean, self.queries.to(wide)))
        gate = F.linear(mean, self.gate.weight.to(wide), self.gate.bias.to(wide))
        return F.linear(m, q / D) * torch.sigmoid(gate)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        low = self.down(x).unflatten(-1, (-1, self.rank))
        return self.up((low * weights.to(low.dtype).unsqueeze(-1)).flatten(-2))


class MoLE(nn.Module):
    """x' = x + sum_i w_i (alpha / rank) U_i D_i x, with w the softmax over the top_k scores.

    score_i = cos(mean, q_i) * sigmoid(g_i mean) / temperature, per token, in float32; the
    temperature is learned. U starts at 0, so that the layer starts as the identity. In training
    the scores are multiplied by U(1 - jitter, 1 + jitter). Every token is served.

    `balance` is E * sum_i f_i P_i, f_i the share of the choices that fell on i, P_i its mean
    probability among all experts. Both losses are 0 in eval mode without gradients, where nobody
    optimises them and a decoding step should not pay for them.

    `add_expert` puts a new expert beside the others: they compete for the top_k as before, and it
    joins every token with its probability among all experts, old and new, as its weight. Its U is
    0, so that every output stays what it was, to the bit, until it is trained. A state dict with
    added experts makes them on loading.

    All experts are computed and most weighted by 0: at rank 8 eight experts are two products as
    wide as 64 channels, cheaper on a CPU than to gather the chosen ones.

    Emits "mole" with weights, temperature, balance and z.

    Shapes (B batch, L length, D width):
        x, mean: [B, L, D] floating point; mean is the causal mean of x
        returns: Routed

    Errors:
        ValueError: d_model is not positive, a shape is wrong, or a new expert's name is taken or
            not a plain name

    Source:
        TARS v3, 5 and 15.8, repaired by T26-T31; Hu et al. 2021, "LoRA"; Fedus et al. 2021,
        "Switch transformers", 2.2 (balance, jitter); Zoph et al. 2022, "ST-MoE" (z loss).

    >>> layer, x = MoLE(8, MoleConfig(rank=2)), torch.randn(1, 5, 8)
    >>> torch.equal(layer(x, x).x, x)
    True
    """

    def __init__(self, d_model: int, config: MoleConfig, *, added: Sequence[str] = ()) -> None:
        super().__init__()
        if d_model < 1:
            raise ValueError(f"MoLE: d_model must be positive, got {d_model}")
        self.d_model, self.config = d_model, config
        self.log_temperature = nn.Parameter(torch.tensor(config.temperature).log())
        self.experts = Experts(d_model, len(config.experts), rank=config.rank)
        self.added = nn.ModuleDict()
        for name in added:
            self.add_expert(name)
        self.register_load_state_dict_pre_hook(_make_added)

    @property
    def names(self) -> tuple[str, ...]:
        """The experts, in the order of the weights."""
        return (*self.config.experts, *self.added)

    def add_expert(self, name: str) -> None:
        """Put one more expert beside the others; outputs stay what they are until it is trained.

        An optimizer made before does not know its parameters.

        Errors:
            ValueError: the name is taken, or is not letters, digits and _

        >>> layer = MoLE(8, MoleConfig())
        >>> layer.add_expert("chess")
        >>> layer.names[-1]
        'chess'
        """
        if name in self.names:
            raise ValueError(f"MoLE: there is an expert {name!r} already; take another name")
        if not name.isidentifier() or hasattr(nn.ModuleDict, name):
            raise ValueError(f"MoLE: an expert's name is letters, digits and _, got {name!r}")
        fresh = Experts(self.d_model, 1, rank=self.config.rank)
        self.added[name] = fresh.to(self.experts.queries).train(self.training)

    def forward(self, x: Tensor, mean: Tensor) -> Routed:
        D = self.d_model
        shaped("MoLE", "x", x, f"[B, L, {D}]", (None, None, D))
        shaped("MoLE", "mean", mean, "[B, L, D]", tuple(x.shape))
        with torch.autocast(x.device.type, enabled=False):
            weights, balance, z = self._routed(mean.to(state_dtype(mean.dtype)))
        E, scale = len(self.config.experts), self.config.alpha / self.config.rank
        y = x + self.experts(x, weights[..., :E] * scale)
        for i, expert in enumerate(self.added.values(), E):
            y = y + expert(x, weights[..., i : i + 1] * scale)
        if recording():
            T = self.log_temperature.exp()
            emit("mole", weights=weights, temperature=T, balance=balance, z=z)
        return Routed(y, weights, balance, z)

    def _routed(self, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of all experts, and the two losses over those that compete."""
        scores = self._scores(self.experts, mean)
        best, index = scores.topk(self.config.top_k, -1)
        weights = torch.zeros_like(scores).scatter(-1, index, best.softmax(-1))
        if self.added:
            others = [self._scores(expert, mean) for expert in self.added.values()]
            share = torch.cat([scores, *others], -1).softmax(-1)[..., scores.shape[-1] :]
            weights = torch.cat([weights, share], -1)
        return weights, *self._losses(scores, index)

    def _scores(self, experts: nn.Module, mean: Tensor) -> Tensor:
        assert isinstance(experts, Experts)
        scores = experts.scores(mean) * (-self.log_temperature.to(mean.dtype)).exp()
        if self.training and self.config.jitter:
            e = self.config.jitter
            scores = scores * torch.empty_like(scores).uniform_(1 - e, 1 + e)
        return scores

    def _losses(self, scores: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        if not (self.training or torch.is_grad_enabled()):
            return scores.new_zeros(()), scores.new_zeros(())
        E, tokens = scores.shape[-1], max(scores[..., 0].numel(), 1)
        chosen = F.one_hot(index, E).sum((0, 1, 2)) / (tokens * index.shape[-1])
        probability = scores.softmax(-1).sum((0, 1)) / tokens
        return E * (chosen * probability).sum(), scores.logsumexp(-1).square().sum() / tokens


def _make_added(module: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Before a state dict is read: the experts that it has and the module lacks."""
    assert isinstance(module, MoLE)
    start = f"{prefix}added."
    for key in state:
        if key.startswith(start):
            name = key.removeprefix(start).partition(".")[0]
            if name not in module.names:
                module.add_expert(name)
