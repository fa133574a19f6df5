"""How time and memory of one layer grow with the length: MARS's cores, and causal attention."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from marslab.kernels.roofline import watch
from marslab.lab.claims.outcome import Outcome
from marslab.lab.claims.runs.growth import exponent
from marslab.layers.mars_block import MarsBlock, MarsBlockConfig

WIDTH, HEADS, STATES = 32, 4, 16
ROUNDS = 5  # each times every length once, so that a busy minute hits all of them
TIMED = {"ssd": (4096, 8192, 16384, 32768), "fft": (4096, 8192, 16384, 32768)}
TIMED |= {"attention": (512, 1024, 2048, 4096)}
KEPT = (512, 1024, 2048)


class CausalAttention(nn.Module):
    """x + W_out softmax(Q K^T / sqrt(P), up to each step) V, of LayerNorm(x): all pairs of steps.

    Shapes (B batch, L length, D width, P = D / heads):
        x: [B, L, D]
        returns: [B, L, D]

    Source:
        Vaswani et al. 2017, "Attention is all you need", 3.2, with the norm in front.

    >>> CausalAttention(8, 2)(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(d_model)
        self.to_qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.to_model = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        columns = self.to_qkv(self.norm(x)).unflatten(-1, (3 * self.heads, -1)).transpose(1, 2)
        q, k, v = columns.chunk(3, 1)
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(later, -torch.inf)
        return x + self.to_model((F.softmax(scores, -1) @ v).transpose(1, 2).flatten(2))


def layer(kind: str) -> nn.Module:
    """One layer of width 32: a MarsBlock with this core, or causal attention."""
    torch.manual_seed(0)
    if kind == "attention":
        return CausalAttention(WIDTH, HEADS)
    core = "fft" if kind == "fft" else "ssd"
    return MarsBlock(WIDTH, MarsBlockConfig(core, STATES, HEADS, expand=1))


def growth() -> Outcome:
    """Exponents of time and of kept bytes over the length, for each kind of layer."""
    figures: dict[str, float] = {"rounds": ROUNDS}
    for kind, lengths in TIMED.items():
        times = seconds(layer(kind), lengths)
        figures[f"time_exponent_{kind}"] = exponent(times)
        figures[f"ms_at_4096_{kind}"] = 1e3 * times[4096]
        kept = {length: kept_bytes(layer(kind), length) for length in KEPT}
        figures[f"memory_exponent_{kind}"] = exponent(kept)
        figures[f"kept_mb_at_2048_{kind}"] = kept[2048] / 1e6
    told = {kind: figures[f"time_exponent_{kind}"] for kind in TIMED}
    says = (
        f"The time of a layer grows with the length to the power {told['ssd']:.2f} with the core "
        f"ssd, {told['fft']:.2f} with fft, {told['attention']:.2f} with causal attention; what is "
        f"kept for the gradient to {figures['memory_exponent_ssd']:.2f}, "
        f"{figures['memory_exponent_fft']:.2f} and {figures['memory_exponent_attention']:.2f}."
    )
    return Outcome(figures, says)


@torch.no_grad()
def seconds(model: nn.Module, lengths: Sequence[int]) -> dict[int, float]:
    """The median seconds of a forward pass at each length, after one that is not counted."""
    calls = {length: _call(model, torch.randn(1, length, WIDTH)) for length in lengths}
    for call in calls.values():
        call()
    rounds = [{length: watch(call)() for length, call in calls.items()} for _ in range(ROUNDS)]
    return _medians(rounds)


def kept_bytes(model: nn.Module, length: int) -> int:
    """Bytes that autograd holds after a forward pass, each storage once, weights left out."""
    held: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = storage.nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        y = model(torch.randn(1, length, WIDTH))
    del y
    return sum(held.values())


def _call(model: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    return lambda: model(x)


def _medians(rounds: Sequence[Mapping[int, float]]) -> dict[int, float]:
    return {length: median(each[length] for each in rounds) for length in rounds[0]}
